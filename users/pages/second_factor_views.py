"""Pages of the second factor: give it at a sign-in; add or remove apps, passkeys and recovery codes."""

from __future__ import annotations

from base64 import b32encode
from time import time
from typing import TYPE_CHECKING, Any, Final

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User as Login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as note_device
from django_otp.middleware import OTPMiddleware
from django_otp_webauthn import views as passkey_views
from django_otp_webauthn.models import WebAuthnCredential

from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.password_confirmation import PasswordConfirmation
from eventshop.web.shared.logins import login_of
from users.application import second_factors
from users.application.emails import email_of, send_security_notice
from users.application.signed_in_sessions import end_other_sessions
from users.models import AuthenticatorApp
from users.pages.second_factor_middleware import CHECK, SET_UP, due_page, redirect_to_second_factor

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


#: The session's keys: of an app that is being added, and until when a passkey may be added.
_NEW_KEY: Final = "app_key"
_PASSKEY_UNTIL: Final = "passkey_until"
ADD_PASSKEY_S: Final = 600

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="The six digits that your authenticator app shows now, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        error_messages={"required": "Enter a code"},
    )


class AppForm(PasswordConfirmation):
    code = forms.CharField(
        label="Code",
        max_length=20,
        help_text="The six digits that the app shows for EventShop.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": "Enter the code that the app shows"},
    )
    field_order = ("code", "password")


@open_to(Audience.SIGNED_IN)
@never_cache
@sensitive_post_parameters()
@login_required
@get_or_post
def check(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor of a sign-in."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        device = second_factors.verify_code(login_of(request), form.cleaned_data["code"])
        if device:
            note_device(request, device)
            return redirect(_next_of(request))
        form.add_error("code", forms.ValidationError("This code is not right, or was used before", code="wrong-code"))
    context = {"form": form, "next": _next_of(request), "has_passkey": second_factors.has_passkey(login_of(request))}
    return render(request, "account/second_factor_check.html", context)


@open_to(Audience.SIGNED_IN)
@never_cache
@login_required
@get_or_post
def overview(request: HttpRequest) -> HttpResponseBase:
    """What the account has; with the password, make recovery codes, allow a passkey to be added, or remove all."""
    action, login = request.POST.get("action", ""), login_of(request)
    if not _may_change(request):
        return redirect_to_second_factor(request, CHECK)
    form = PasswordConfirmation(request, request.POST if action else None)
    if action and form.is_valid():
        if action == "codes":
            return _show_codes(request, login)
        if action == "passkey":
            request.session[_PASSKEY_UNTIL] = time() + ADD_PASSKEY_S
            return redirect("users:add-passkey")
        if action == "remove":
            second_factors.remove_second_factors(login)
            _end_others_and_tell(request, _("The second factor of your account was removed."))
            messages.success(request, "Your account has no second factor any more.")
            return redirect(SET_UP)
    context = {
        "form": form,
        "apps": AuthenticatorApp.objects.filter(user=login, confirmed=True),
        "passkeys": WebAuthnCredential.objects.filter(user=login, confirmed=True),
        "codes_left": second_factors.recovery_codes_left(login),
        "is_due": due_page(request) == SET_UP,
        "can_have_passkeys": settings.PASSKEYS,
    }
    return render(request, "account/second_factor.html", context)


@open_to(Audience.SIGNED_IN)
@never_cache
@sensitive_post_parameters()
@login_required
@get_or_post
def add_app(request: HttpRequest) -> HttpResponseBase:
    """Show the key of a new authenticator app, as a picture and as text, and ask for its first code."""
    if not _may_change(request):
        return redirect_to_second_factor(request, CHECK)
    login, form = login_of(request), AppForm(request, request.POST or None)
    app = second_factors.new_app(login, request.session.get(_NEW_KEY, ""))
    request.session[_NEW_KEY] = app.key
    if form.is_valid():
        if second_factors.add_app(app, form.cleaned_data["code"]):
            del request.session[_NEW_KEY]
            note_device(request, app)
            _end_others_and_tell(request, _("An authenticator app was added to your account."))
            return _show_codes(request, login)
        form.add_error("code", forms.ValidationError("This is not the code that the app shows now", code="wrong-code"))
    label = email_of(login) or login.get_username()
    uri = app.config_url.replace(login.get_username(), label)
    picture = segno.make(uri, error="m").svg_inline(scale=5, omitsize=True, svgclass="qr", lineclass=None)
    context = {"form": form, "picture": picture, "key": b32encode(app.bin_key).decode()}
    return render(request, "account/second_factor_app.html", context)


@open_to(Audience.SIGNED_IN)
@never_cache
@login_required
@get_or_post
def add_passkey(request: HttpRequest) -> HttpResponse:
    """The page whose button makes the browser create a passkey."""
    if not _may_add_passkey(request):
        return redirect(SET_UP)
    return render(request, "account/add_passkey.html")


@open_to(Audience.SIGNED_IN)
@require_POST
def passkey_endpoint(request: HttpRequest, step: str) -> HttpResponseBase:
    """The four requests of a browser that creates or uses a passkey, as JSON."""
    view = _PASSKEY_VIEWS[step]
    is_new = step.startswith("new-")
    if is_new and not _may_add_passkey(request):
        return HttpResponseForbidden()
    # Only here: on every page it would be a query more.
    response: HttpResponseBase = OTPMiddleware(view.as_view())(request)
    if step == "new-complete" and response.status_code == 200:
        del request.session[_PASSKEY_UNTIL]
        _end_others_and_tell(request, _("A passkey was added to your account."))
        messages.success(request, "Your passkey is added. Make recovery codes, too, in case you lose it.")
    return response


_PASSKEY_VIEWS: Final[dict[str, Any]] = {
    "new-begin": passkey_views.BeginCredentialRegistrationView,
    "new-complete": passkey_views.CompleteCredentialRegistrationView,
    "begin": passkey_views.BeginCredentialAuthenticationView,
    "complete": passkey_views.CompleteCredentialAuthenticationView,
}


def _end_others_and_tell(request: HttpRequest, notice: StrOrPromise) -> None:
    """Sign out whoever is signed in elsewhere: they never gave the factor that the account has now."""
    login = login_of(request)
    end_other_sessions(request, login)
    send_security_notice(login, notice)


def _show_codes(request: HttpRequest, login: Login) -> HttpResponse:
    codes = second_factors.replace_recovery_codes(login)
    return render(request, "account/recovery_codes.html", {"codes": codes})


def _may_change(request: HttpRequest) -> bool:
    """Not before the second factor that the account has was given."""
    return due_page(request) in ("", SET_UP)


def _may_add_passkey(request: HttpRequest) -> bool:
    is_allowed = request.session.get(_PASSKEY_UNTIL, 0) > time()
    return bool(request.user.is_authenticated and is_allowed and _may_change(request))


def _next_of(request: HttpRequest) -> str:
    following = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return following if following and is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)
