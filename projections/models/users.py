"""Read models of people, their consents, and the progress of their erasure."""

from __future__ import annotations

from django.db import models

from eventshop.projections.read_model import ReadModel
from eventshop.projections.short_ids import ShortId


class UserProfile(ReadModel):
    """A person's contact details, consents and account status. Erasure empties the personal columns."""

    personal = dict.fromkeys(("email", "name", "phone", "address"), "contact")
    subjects = ("user_id",)

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "Active"
        LEAVING = "LEAVING", "Leaving"
        ERASING = "ERASING", "Being erased"
        ERASED = "ERASED", "Erased"

    user_id = models.UUIDField(primary_key=True)
    status = models.CharField(max_length=20, choices=Status.choices)
    email = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=1_000, blank=True)
    source = models.CharField(max_length=20, help_text="Where the person signed up.")
    restricted = models.BooleanField(default=False, help_text="Kept, and not used (Art. 18 GDPR).")
    consents = models.CharField(max_length=500, blank=True, help_text="Purposes that the person agrees to now.")
    holds = models.IntegerField(default=0, help_text="Legal holds on this person's data.")
    accesses = models.IntegerField(default=0, help_text="How often staff looked at what is masked.")
    exports = models.IntegerField(default=0, help_text="How often the person took a copy.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    erasure_requested_at = models.DateTimeField(null=True)
    erasure_due_at = models.DateTimeField(null=True, help_text="Until then the person can change their mind.")
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-created_at"], name="person_newest"),
            models.Index(fields=["status", "erasure_due_at"], name="person_leaving"),
            models.Index(ShortId("user_id"), name="person_short_id"),
        )

    def __str__(self) -> str:
        return f"Person {str(self.user_id)[-8:]}"


class ConsentRegister(ReadModel):
    """A person's consent to one purpose, and the notice it refers to."""

    identity = ("user_id", "purpose")

    class Status(models.TextChoices):
        GIVEN = "ConsentGiven", "Given"
        WITHDRAWN = "ConsentWithdrawn", "Withdrawn"
        EXPIRED = "ConsentExpired", "Expired"
        ENDED = "ConsentInvalidated", "Ended with the erasure"

    key = models.CharField(max_length=250, primary_key=True)
    user_id = models.UUIDField(db_index=True)
    purpose = models.CharField(max_length=200, help_text="A term of the W3C Data Privacy Vocabulary.")
    status = models.CharField(max_length=20, choices=Status.choices, help_text="A consent status of that vocabulary.")
    notice = models.CharField(max_length=200, blank=True, help_text="Version of the notice.")
    notice_digest = models.CharField(max_length=200, blank=True, help_text="SHA-256 of its words.")
    legal_basis = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=20, blank=True, help_text="Where the last answer came from.")
    grants = models.IntegerField(default=0, help_text="How often it was given.")
    given_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "consent"
        verbose_name_plural = "consent register"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["purpose", "status"], name="consent_of_purpose"),
            models.Index(fields=["status", "expires_at"], name="consent_ending"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} of person {str(self.user_id)[-8:]}"
