"""Accounts: sign a person up, authenticate them, and close their account. An account joins a login with a person."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Login
from django.contrib.auth.password_validation import password_changed
from django.db import transaction
from django.http import HttpRequest

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.privacy import blind_index
from eventshop.web.models import ApiToken
from eventshop.web.shared import attempt_limits
from users.application.second_factors import remove_second_factors
from users.domain.commands import CreateUser
from users.models import Account, SignedInSession

#: The name under which e-mail addresses are claimed as unique values.
EMAIL_CLAIM: Final = "email"
_KNOWN: Final = "known_person"


def person_of(login: AbstractBaseUser | AnonymousUser) -> UUID | None:
    """The person that a login belongs to; None for anonymous users, and for staff who are not customers."""
    if not login.pk:
        return None
    if _KNOWN in login.__dict__:
        known: UUID | None = login.__dict__[_KNOWN]
        return known
    # Almost every request runs this query. Raw SQL: building the queryset takes longer than executing it.
    accounts = Account.objects.raw("SELECT id, person FROM users_account WHERE login_id = %s", [login.pk])
    return next((account.person for account in accounts), None)


def remember_person(login: AbstractBaseUser, person: UUID | None) -> None:
    """Note the person of a login that was read with it, so that `person_of` runs no query."""
    login.__dict__[_KNOWN] = person


def sign_up(*, form_id: UUID, email: str, name: str, password: str) -> Login:
    """Create a person and their login in one transaction. Idempotent for each `form_id`.

    Raises `AlreadyTaken` if the address has an account, and the errors of the password hasher and the dispatcher.
    """
    person = derive_id("person", form_id)
    command = CreateUser(user_id=person, email=email, name=name)
    with transaction.atomic():
        receipt = command_dispatcher.send(command, envelope=Envelope(command_id=form_id, actor=str(person)))
        if receipt.replayed:
            return Account.objects.select_related("login").get(person=person).login
        login = Login.objects.create_user(username=str(person), password=password)
        Account.objects.create(login=login, person=person)
    return login


def join(login: Login, *, form_id: UUID, email: str, name: str) -> UUID:
    """Create a person for an existing login, such as a staff account. Idempotent for each login."""
    person = derive_id("person", form_id)
    command = CreateUser(user_id=person, email=email, name=name)
    with transaction.atomic():
        Login.objects.select_for_update().get(pk=login.pk)  # serialises concurrent requests of one login
        existing = person_of(login)
        if existing:
            return existing
        command_dispatcher.send(command, envelope=Envelope(command_id=form_id, actor=str(person)))
        Account.objects.create(login=login, person=person)
    return person


def close(person: UUID) -> None:
    """Close an account as part of an erasure: disable the login, end every session, clear all names.

    A staff login stays usable, because it exists for work; only its link to the person is deleted.
    """
    login = login_by_person(person)
    if login is None:
        return
    if login.is_staff:
        Account.objects.filter(person=person).delete()
        return
    # A changed password ends every session: Django compares the password hash at each request.
    login.set_unusable_password()
    login.first_name = login.last_name = login.email = ""
    login.is_active = False
    login.save()
    # The names of API tokens may hold personal data.
    ApiToken.objects.filter(owner=login).delete()
    SignedInSession.objects.filter(login=login).delete()
    remove_second_factors(login)


def replace_password(login: Login, password: str) -> bool:
    """Set a new password; False if it has got another one since `login` was read, which is then left as it is."""
    before = login.password
    login.set_password(password)
    if not Login.objects.filter(pk=login.pk, password=before).update(password=login.password):
        return False
    password_changed(password, login)
    return True


def login_by_person(person: UUID) -> Login | None:
    account = Account.objects.select_related("login").filter(person=person).first()
    return account.login if account else None


def person_by_email(email: str) -> UUID | None:
    """The person with this e-mail address; None if there is none."""
    return blind_index.find_holder(EMAIL_CLAIM, email)


def login_by_email(email: str) -> Login | None:
    """The login of the person with this e-mail address; None if no account has it.

    An address with other capitals finds the account too, unless it is another account's own (`mailbox_identity`).
    """
    person = person_by_email(email)
    return login_by_person(person) if person else None


def login_by_name(name: str) -> Login | None:
    """The login that this name signs in to: a customer's e-mail address, or a staff user name."""
    name = name.strip()
    login = login_by_email(name) if "@" in name else None
    return login or Login.objects.filter(username=name).first()


def forget_wrong_passwords(login: Login) -> None:
    """Forget the wrong passwords of an account, as after a new password by e-mail."""
    attempt_limits.forget_attempts(attempt_limits.PASSWORD, _attempts_at(login))


def _attempts_at(login: Login) -> str:
    return f"login {login.pk}"


class EmailOrUsernameBackend(ModelBackend):
    """Authenticate customers by e-mail address and staff by user name; every door to sign in or confirm leads here.

    Wrong passwords are counted by the account that the name leads to, and by network address. An unknown address takes
    as long as a known one, so that response times do not reveal accounts. Raises `TooManyAttempts`.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Login | None:
        if username is None or password is None:
            return None
        login = login_by_name(username)
        account = _attempts_at(login) if login else f"name {username.strip().casefold()}"
        network = attempt_limits.network_of(request) if request else ""
        if request:
            attempt_limits.count_attempt(attempt_limits.PASSWORD_BY_ADDRESS, network)
        attempt_limits.count_attempt(attempt_limits.PASSWORD, account, login=login)
        name = login.get_username() if login else username
        user = super().authenticate(request, username=name, password=password, **kwargs)
        if not isinstance(user, get_user_model()):
            return None
        attempt_limits.forget_attempts(attempt_limits.PASSWORD, account)
        if request:
            attempt_limits.uncount_attempt(attempt_limits.PASSWORD_BY_ADDRESS, network)
        return user
