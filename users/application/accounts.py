"""Signing up, signing in, and closing an account: where a Django login meets the person's events."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Login
from django.db import transaction
from django.http import HttpRequest

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.privacy import unique_values
from eventshop.web.models import ApiToken
from users.domain.commands import CreateUser
from users.models import Account

EMAIL: Final = "email"


def person_of(login: AbstractBaseUser | AnonymousUser) -> UUID | None:
    """The person who signs in with it; None for strangers, and for staff who are no customers."""
    if not login.pk:
        return None
    # Asked by almost every request: building the query anew would cost more processor time than its answer.
    found = Account.objects.raw("SELECT id, person FROM users_account WHERE login_id = %s", [login.pk])
    return next((account.person for account in found), None)


def sign_up(*, form_id: UUID, email: str, name: str, password: str) -> Login:
    """A person and their login, both or neither; the same form sent twice makes one.

    Raises `AlreadyTaken` when the address has an account, and what a password hasher or the store refuses.
    """
    person = derived_id("person", form_id)
    command = CreateUser(user_id=person, email=email, name=name)
    with transaction.atomic():
        receipt = command_dispatcher.send(command, envelope=Envelope(command_id=form_id, actor=str(person)))
        if receipt.replayed:
            return Account.objects.select_related("login").get(person=person).login
        login = Login.objects.create_user(username=str(person), password=password)
        Account.objects.create(login=login, person=person)
    return login


def join(login: Login, *, form_id: UUID, email: str, name: str) -> UUID:
    """Make a customer of somebody who has a login already, such as staff."""
    person = derived_id("person", form_id)
    command = CreateUser(user_id=person, email=email, name=name)
    with transaction.atomic():
        Login.objects.select_for_update().get(pk=login.pk)  # two windows of one person take turns
        already = person_of(login)
        if already:
            return already
        command_dispatcher.send(command, envelope=Envelope(command_id=form_id, actor=str(person)))
        Account.objects.create(login=login, person=person)
    return person


def close(person: UUID) -> None:
    """Part of erasing: no sign-in any more, every session ended, nothing left in the login that names anybody.

    A login of the staff stays: it was given for their work. Only that it was a customer's is forgotten.
    """
    login = login_of_person(person)
    if login is None:
        return
    if login.is_staff:
        Account.objects.filter(person=person).delete()
        return
    # A changed password ends every session: Django compares its hash at each request.
    login.set_unusable_password()
    login.first_name = login.last_name = login.email = ""
    login.is_active = False
    login.save()
    # Their names may say something about the person.
    ApiToken.objects.filter(owner=login).delete()


def login_of_person(person: UUID) -> Login | None:
    account = Account.objects.select_related("login").filter(person=person).first()
    return account.login if account else None


def login_of(email: str) -> Login | None:
    """The login of the person who has this address."""
    person = unique_values.holder(EMAIL, email)
    return login_of_person(person) if person else None


class ByEmail(ModelBackend):
    """Customers sign in with their e-mail address, staff with their name; an unknown one takes as long as a known."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Login | None:
        if username and "@" in username:
            login = login_of(username)
            username = login.get_username() if login else username
        found = super().authenticate(request, username=username, password=password, **kwargs)
        return found if isinstance(found, get_user_model()) else None
