"""Pages for signing up, signing in and out, and passwords. None of them reveals whether an address has an account."""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login as sign_in_as
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User as Login
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import AlreadyTaken, CommandIdReused
from eventshop.operations.rights import EVERYBODY, Audience, open_to
from eventshop.privacy import blind_index, encrypted_tokens
from eventshop.web.pages.password_confirmation import is_own_password
from eventshop.web.pages.return_path import return_path, with_return
from eventshop.web.shared.logins import login_of
from users.application import accounts
from users.application.customer_adapter import load_person
from users.application.emails import (
    count_email,
    prints_to_console,
    requires_email,
    send_email,
    send_email_to,
)
from users.application.signed_in_sessions import end_sessions, own_sessions, remember_sign_in
from users.pages.forms import AddressForm, ChangePasswordForm, JoinForm, NewPasswordForm, SignInForm, SignUpForm

SIGN_UP_LINK_MAX_AGE_S: Final = 24 * 3600
RESET_LINK_MAX_AGE_S: Final = 3600
_SIGN_UP, _JOIN, _RESET = "sign-up", "join", "reset"

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@open_to(Audience.EVERYBODY)
@requires_email
@get_or_post
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for an e-mail address and send a link to it. Nothing is stored before the link is opened."""
    form = AddressForm(request.POST or None)
    if not form.is_valid():
        return render(request, "account/sign_up.html", {"form": form})
    email = form.cleaned_data["email"]
    return _send_sign_up_link(request, email, "users:sign-up-finish", encrypted_tokens.encrypt_token(_SIGN_UP, email))


def _send_sign_up_link(request: HttpRequest, email: str, page: str, token: str) -> HttpResponse:
    """E-mail a link to the page. The answer is the same whether the address has an account; only the e-mail differs."""
    count_email(request, email)
    if blind_index.is_available(accounts.EMAIL_CLAIM, email):
        send_email(email, "sign_up", link=with_return(reverse(page, args=[token]), return_path(request)))
    else:
        send_email(email, "already", link=with_return(reverse("users:sign-in"), return_path(request)))
    return render(request, "account/email_sent.html", {"hours": 24, "prints_to_console": prints_to_console()})


@open_to(Audience.LINK)
@never_cache
@sensitive_post_parameters()
@get_or_post
def finish_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for name and password, then create the person and their login and sign them in."""
    try:
        email = encrypted_tokens.decrypt_token(_SIGN_UP, token, str, max_age_s=SIGN_UP_LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        return render(request, "account/link_expired.html", {"again": reverse("users:sign-up")}, status=410)
    form = SignUpForm(request.POST or None)
    if not form.is_valid():
        return render(request, "account/sign_up_finish.html", {"form": form, "email": email})
    name, password = form.cleaned_data["name"], form.cleaned_data["password"]
    try:
        # The form id is derived from the link: repeated submissions create one account.
        login = accounts.sign_up(form_id=derive_id(_SIGN_UP, token), email=email, name=name, password=password)
    except (AlreadyTaken, CommandIdReused):
        return _redirect_to_sign_in(request)
    if not login.check_password(password):
        return _redirect_to_sign_in(request)
    sign_in_as(request, login)
    messages.success(request, "Welcome to EventShop. Your account is ready.")
    return redirect(return_path(request) or "users:consents")


def _redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    messages.info(request, "This e-mail address already has an account. Sign in with its password.")
    return redirect(with_return(reverse("users:sign-in"), return_path(request)))


class SignIn(LoginView):
    """Sign in with an e-mail address or a staff user name, and a password."""

    rights = EVERYBODY
    template_name = "account/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        person = accounts.person_of(form.get_user())
        if person and blind_index.needs_identity(accounts.EMAIL_CLAIM, person):
            _claim_mailbox(person)
        return super().form_valid(form)


def _claim_mailbox(person: UUID) -> None:
    """Claim the mailbox of a person who signed up when addresses were compared without case."""
    if contact := load_person(person).contact:
        with suppress(AlreadyTaken), transaction.atomic():
            blind_index.claim_value(accounts.EMAIL_CLAIM, contact.email, person)


@open_to(Audience.SIGNED_IN)
@never_cache
@sensitive_post_parameters()
@login_required
@get_or_post
def change_password(request: HttpRequest) -> HttpResponse:
    """Change the password after a check of the current one. Ends the other sessions of the login."""
    form = ChangePasswordForm(request.POST or None)
    if form.is_valid():
        login = login_of(request)
        if is_own_password(request, form.cleaned_data["current"]):
            login.set_password(form.cleaned_data["password"])
            login.save(update_fields=["password"])
            update_session_auth_hash(request, login)
            remember_sign_in(None, request, login)  # the session has another key now
            end_sessions(own_sessions(login.pk).exclude(session_key=request.session.session_key))
            messages.success(request, "Your password is changed. You are signed out on all other devices.")
            return redirect("users:home")
        form.add_error("current", ValidationError("This is not your current password", code="wrong-password"))
    return render(request, "account/change_password.html", {"form": form})


@open_to(Audience.EVERYBODY)
@requires_email
@get_or_post
def request_password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for an e-mail address and send an e-mail to it, whether it has an account or not."""
    form = AddressForm(request.POST or None)
    if not form.is_valid():
        return render(request, "account/reset.html", {"form": form})
    email = form.cleaned_data["email"]
    count_email(request, email)
    holder = blind_index.find_holder(accounts.EMAIL_CLAIM, email)
    contact = load_person(holder).contact if holder else None
    if holder and contact:
        # Use the stored address: what was typed may be another mailbox, which has no account.
        send_email_to(holder, contact.email, "reset", link=_reset_link(holder, contact.email))
    else:
        send_email(email, "no_account", link=reverse("users:sign-up"))
    return render(request, "account/email_sent.html", {"hours": 1, "prints_to_console": prints_to_console()})


def _reset_link(holder: UUID, email: str) -> str:
    login = accounts.login_by_person(holder)
    one_time_token = default_token_generator.make_token(login) if login else ""
    return reverse("users:reset-finish", args=[encrypted_tokens.encrypt_token(_RESET, (holder, one_time_token, email))])


@open_to(Audience.LINK)
@never_cache
@sensitive_post_parameters()
@get_or_post
def finish_password_reset(request: HttpRequest, token: str) -> HttpResponse:
    """Set a new password. The link works once, because its token depends on the old password hash.

    It ends with the address that it was sent to: whoever reads a former mailbox has no say.
    """
    login, form = _login_from_token(token), NewPasswordForm(request.POST or None)
    if login and not form.is_valid():
        return render(request, "account/reset_finish.html", {"form": form})
    if login is None or not accounts.replace_password(login, form.cleaned_data["password"]):
        return render(request, "account/link_expired.html", {"again": reverse("users:reset")}, status=410)
    accounts.forget_wrong_passwords(login)
    end_sessions(own_sessions(login.pk))
    messages.success(request, "Your password is changed. Sign in with it.")
    return redirect("users:sign-in")


def _login_from_token(token: str) -> Login | None:
    try:
        holder, one_time_token, email = encrypted_tokens.decrypt_token(
            _RESET, token, tuple[UUID, str, str], max_age_s=RESET_LINK_MAX_AGE_S
        )
    except encrypted_tokens.InvalidLink:
        return None
    login, contact = accounts.login_by_person(holder), load_person(holder).contact
    if login is None or not login.is_active or contact is None or contact.email != email:
        return None
    return login if default_token_generator.check_token(login, one_time_token) else None


@open_to(Audience.SIGNED_IN)
@never_cache
@login_required
@requires_email
@get_or_post
def join(request: HttpRequest) -> HttpResponse:
    """Ask for the e-mail address of a login that has no person yet, such as a staff account; send a link to it."""
    if accounts.person_of(request.user):
        return redirect(return_path(request) or "users:home")
    form = AddressForm(request.POST or None)
    if not form.is_valid():
        return render(request, "account/join.html", {"form": form})
    email = form.cleaned_data["email"]
    token = encrypted_tokens.encrypt_token(_JOIN, (login_of(request).pk, email))
    return _send_sign_up_link(request, email, "users:join-finish", token)


@open_to(Audience.SIGNED_IN)
@never_cache
@login_required
@get_or_post
def finish_join(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a name, and make a customer of the login that the link was made for."""
    if accounts.person_of(request.user):
        return redirect(return_path(request) or "users:home")
    login, form = login_of(request), JoinForm(request.POST or None)
    try:
        login_id, email = encrypted_tokens.decrypt_token(
            _JOIN, token, tuple[int, str], max_age_s=SIGN_UP_LINK_MAX_AGE_S
        )
        if login_id != login.pk:
            raise encrypted_tokens.InvalidLink()
        if not form.is_valid():
            return render(request, "account/join_finish.html", {"form": form, "email": email})
        accounts.join(login, form_id=derive_id(_JOIN, token), email=email, name=form.cleaned_data["name"])
    except (encrypted_tokens.InvalidLink, AlreadyTaken, CommandIdReused):
        return render(request, "account/link_expired.html", {"again": reverse("users:join")}, status=410)
    return redirect(return_path(request) or "users:home")
