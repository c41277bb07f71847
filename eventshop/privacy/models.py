"""The keys of personal data, who is erased, and who has what must be had by one person only."""

from __future__ import annotations

from django.db import models


class PersonalKey(models.Model):
    """The key of one person's data for one purpose, wrapped. In the keys' own database where there is one."""

    subject = models.UUIDField()
    purpose = models.CharField(max_length=100)
    wrapped = models.BinaryField(help_text="Nonce and AES-256-GCM ciphertext under the key-encryption key.")
    wrapped_by = models.CharField(max_length=16, help_text="Which key-encryption key: the start of its SHA-256.")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["subject", "purpose"], name="key_once_per_purpose"),)
        indexes = (models.Index(fields=["wrapped_by"], name="key_wrapped_by"),)

    def __str__(self) -> str:
        return f"{self.purpose} of {self.subject}"


class ErasedPerson(models.Model):
    """For ever: this person's keys are destroyed, and no new one is made. It stands beside the keys."""

    subject = models.UUIDField(primary_key=True)
    erased_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.subject)


class Claim(models.Model):
    """Who has a value that nobody else may have: its keyed digest, gone with the person."""

    kind = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32)
    subject = models.UUIDField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["kind", "digest"], name="claim_taken"),
            models.UniqueConstraint(fields=["kind", "subject"], name="claim_once_per_person"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"


class Erasure(models.Model):
    """One person's erasure on its way: which step is next, and what the steps so far have done."""

    subject = models.UUIDField(primary_key=True)
    step = models.CharField(max_length=20, help_text="The next one; `done` when there is none.")
    began_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(auto_now=True)
    destroyed_at = models.DateTimeField(null=True, help_text="When the keys were destroyed.")
    finished_at = models.DateTimeField(null=True)
    words = models.BinaryField(default=b"", help_text="What is looked for afterwards, encrypted; gone at the end.")
    streams = models.TextField(default="[]", help_text="Other aggregates that hold the person's data, as JSON.")
    purposes = models.TextField(default="[]", help_text="Whose keys were destroyed, as JSON.")
    log = models.TextField(default="[]", help_text="Each step, when, and what it did, as JSON.")
    problem = models.TextField(blank=True, help_text="Why it does not go on.")
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True, help_text="Nobody else works on it before.")

    class Meta:
        default_permissions = ("view",)
        indexes = (models.Index(fields=["step"], name="erasure_step"),)

    def __str__(self) -> str:
        return f"{self.subject}: {self.step}"


class Certificate(models.Model):
    """What was erased, what is kept under which duty until when, and that nothing else was found."""

    certificate_id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(unique=True)
    issued_at = models.DateTimeField()
    body = models.TextField(help_text="As JSON: erased, kept, scan.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.certificate_id)
