"""What a person signs in with. Everything about the person themselves is in their events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Account(models.Model):
    """Whose sign-in this is. The user name of a customer is the person's id, so that nothing here is personal."""

    login = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    person = models.UUIDField(unique=True, help_text="The id of the User aggregate.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.person)
