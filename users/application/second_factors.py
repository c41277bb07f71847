"""The second factor of a sign-in: an authenticator app (RFC 6238), passkeys, and recovery codes."""

from __future__ import annotations

from base64 import b32encode
from secrets import choice, token_bytes
from typing import Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User as Login
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp_webauthn.models import WebAuthnCredential

from eventshop.web.shared import attempt_limits
from users.models import AuthenticatorApp

RECOVERY_CODES: Final = 10
#: As long as the digest of the codes (RFC 4226, section 4).
_APP_KEY_BYTES: Final = 20
_CODE_LENGTH: Final = 10
#: Without letters that look like digits.
_CODE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def has_second_factor(login: AbstractBaseUser) -> bool:
    """Whether a sign-in needs an app or a passkey, too; recovery codes alone are none."""
    return any(
        model.objects.filter(user=login, confirmed=True).exists() for model in (AuthenticatorApp, WebAuthnCredential)
    )


def has_passkey(login: AbstractBaseUser) -> bool:
    return bool(WebAuthnCredential.objects.filter(user=login, confirmed=True).exists())


def needs_second_factor(login: Login) -> bool:
    """Whether the account must have one, by the setting for staff or that for customers."""
    is_staff = login.is_staff or login.is_superuser
    return bool(settings.STAFF_SECOND_FACTOR if is_staff else settings.CUSTOMER_SECOND_FACTOR)


def verify_code(login: Login, code: str) -> Device | None:
    """The app or set of recovery codes that this code is from; each code works once. Raises `TooManyAttempts`."""
    attempt_limits.count_attempt(attempt_limits.SECOND_FACTOR, str(login.pk), login=login)
    typed = "".join(code.split()).lower()
    for model, token in ((AuthenticatorApp, typed), (StaticDevice, _stored_code(login, typed))):
        for device in model.objects.filter(user=login, confirmed=True):
            if verify_token(login, device.persistent_id, token):
                attempt_limits.forget_attempts(attempt_limits.SECOND_FACTOR, str(login.pk))
                return device
    return None


def new_app(login: AbstractBaseUser, key: str = "") -> AuthenticatorApp:
    """An authenticator app that is not stored: with a key of its own, or with this encrypted one."""
    app = AuthenticatorApp(user=login, name="Authenticator app", key=key)
    if not key:
        app.set_key(token_bytes(_APP_KEY_BYTES))
    return app


def add_app(app: AuthenticatorApp, code: str) -> bool:
    """Store a new app, if the code is its present one."""
    with transaction.atomic():
        app.save()
        if app.verify_token("".join(code.split())):
            return True
        transaction.set_rollback(True)
    return False


def replace_recovery_codes(login: Login) -> list[str]:
    """Make new recovery codes, which end the former ones. They are stored as digests: this is the only time to see."""
    codes = ["".join(choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=login).delete()
        device = StaticDevice.objects.create(user=login, name="Recovery codes")
        for code in codes:
            device.token_set.create(token=_stored_code(login, code))
    return codes


def recovery_codes_left(login: AbstractBaseUser) -> int:
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=login))


def remove_second_factors(login: AbstractBaseUser) -> int:
    """Remove apps, passkeys and recovery codes of an account; gives how many apps and passkeys it had."""
    StaticDevice.objects.filter(user=login).delete()
    removed = 0
    for model in (AuthenticatorApp, WebAuthnCredential):
        rows = model.objects.filter(user=login)
        removed += rows.count()
        rows.delete()
    return removed


def _stored_code(login: Login, code: str) -> str:
    digest = salted_hmac("eventshop.recovery-code", f"{login.pk}:{code}", algorithm="sha256").digest()
    return b32encode(digest)[:16].decode()
