"""The account that a person signs in with. All data about the person is in their events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Account(models.Model):
    """Links a Django login to a person. A customer's user name is the person's id, so no personal data is stored."""

    login = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    person = models.UUIDField(unique=True, help_text="The id of the User aggregate.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.person)


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
