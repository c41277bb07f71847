"""Accounts that people sign in with, and newsletters. All data about a person is in their events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django_otp.plugins.otp_totp.models import TOTPDevice

from eventshop.core.messages import new_id
from eventshop.privacy.encryption.stored_secrets import SecretColumn, decrypt_secret, encrypt_secret


class Account(models.Model):
    """Links a Django login to a person. A customer's user name is the person's id, so no personal data is stored."""

    login = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    person = models.UUIDField(unique=True, help_text="The id of the User aggregate.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.person)


class AuthenticatorApp(TOTPDevice):  # type: ignore[misc]  # untyped
    """An authenticator app whose key is encrypted in the table of django-otp."""

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.name)

    @property
    def bin_key(self) -> bytes:
        return decrypt_secret(self.key, self.owner)

    def set_key(self, key: bytes) -> None:
        self.key = encrypt_secret(key, self.owner)

    @property
    def owner(self) -> str:
        return f"authenticator app of {self.user_id}"


APP_KEYS = SecretColumn(AuthenticatorApp, "key", lambda app: app.owner)


class SignedInSession(models.Model):
    """A session that a login began, so that its owner, and staff, can see and end it."""

    login = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    browser = models.CharField(max_length=60, help_text="Browser and system, from lists of the program.")
    since = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view", "delete")
        indexes = (models.Index(fields=["expires_at"], name="signed_in_expiry"),)

    def __str__(self) -> str:
        return self.browser


class Newsletter(models.Model):
    """A letter to everybody whose consent to direct marketing is in force when it is sent. It names nobody."""

    newsletter_id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=20_000)
    is_released = models.BooleanField(
        "send it", default=False, help_text="It is sent within some minutes, and can no longer be changed."
    )
    created_by = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    cursor = models.BigIntegerField(default=0, help_text="The position of the last consent that was looked at.")
    sent = models.IntegerField(default=0)
    without_ground = models.IntegerField(default=0, help_text="Consents that were no longer in force.")
    failed = models.IntegerField(
        default=0, help_text="Letters that the mail server did not take. They are not repeated."
    )
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return self.subject


class PersonPermission(models.Model):
    """No table: it carries the permissions to act on people (`users/permissions.py`)."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("reveal_personal", "Can look at masked personal data, giving a reason"),
            ("hold_personal", "Can place and release legal holds"),
        )

    def __str__(self) -> str:
        return self._meta.label
