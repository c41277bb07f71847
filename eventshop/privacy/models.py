"""The models of personal data: wrapped keys, erased persons, unique-value claims, erasures and certificates."""

from __future__ import annotations

from django.db import models


class PersonalKey(models.Model):
    """The wrapped key of one person's data for one purpose. It is in the keys database if there is one."""

    subject = models.UUIDField()
    purpose = models.CharField(max_length=100)
    wrapped = models.BinaryField(help_text="Nonce and AES-256-GCM ciphertext under the key-encryption key.")
    wrapped_by = models.CharField(
        max_length=16, help_text="The id of the key-encryption key: the beginning of its SHA-256."
    )
    made_at = models.DateTimeField(auto_now_add=True)
    generation = models.IntegerField(
        default=1, db_default=1, help_text="Above 1: earlier keys of this purpose were destroyed."
    )

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["subject", "purpose"], name="key_once_per_purpose"),)
        indexes = (models.Index(fields=["wrapped_by"], name="key_wrapped_by"),)

    def __str__(self) -> str:
        return f"{self.purpose} of {self.subject}"


class ErasedPerson(models.Model):
    """The permanent marker that a person's keys are destroyed and no new one is created. It is in the keys database."""

    subject = models.UUIDField(primary_key=True)
    erased_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.subject)


class Claim(models.Model):
    """A claim of a unique value: its keyed digest (blind index) and its person. An erasure deletes it."""

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
    """One person's erasure: its next step, and what the completed steps did."""

    subject = models.UUIDField(primary_key=True)
    step = models.CharField(max_length=20, help_text="The next step; `done` if there is none.")
    began_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(auto_now=True)
    destroyed_at = models.DateTimeField(null=True, help_text="When the keys were destroyed.")
    finished_at = models.DateTimeField(null=True)
    words = models.BinaryField(default=b"", help_text="The search terms for the scan, encrypted; deleted at the end.")
    streams = models.TextField(default="[]", help_text="Other streams with data of the person, as JSON.")
    purposes = models.TextField(default="[]", help_text="The purposes of the destroyed keys, as JSON.")
    log = models.TextField(default="[]", help_text="Each completed step, its time and its result, as JSON.")
    problem = models.TextField(blank=True, help_text="The error that stopped it.")
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True, help_text="Until then no other process runs it.")

    class Meta:
        default_permissions = ("view",)
        indexes = (models.Index(fields=["step"], name="erasure_step"),)

    def __str__(self) -> str:
        return f"{self.subject}: {self.step}"


class ErasureFinding(models.Model):
    """A row or record in which the scan of an erasure found a term of the person; never the term itself."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SEALED = "sealed", "Sealed: the key of the text is destroyed"
        KEPT = "kept", "Kept with a reason"
        GONE = "gone", "Gone: not found again"

    subject = models.UUIDField(help_text="The erased person.")
    place = models.CharField(max_length=200, help_text="The table, topic or cache.")
    item = models.CharField(max_length=400, help_text="The key of the row or the number of the record.")
    owner = models.UUIDField(null=True, help_text="The stream or person that the row belongs to, if it says so.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is kept.")
    found_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("resolve_finding", "Can resolve what an erasure has found"),)
        constraints = (models.UniqueConstraint(fields=["subject", "place", "item"], name="finding_once"),)

    def __str__(self) -> str:
        return f"{self.place} {self.item}"


class RetentionRun(models.Model):
    """What one run of the retention job erased under one rule: the certificate of those erasures."""

    run_id = models.UUIDField(primary_key=True)
    about = models.CharField(max_length=40)
    what = models.TextField(help_text="As the retention rule said.")
    duty = models.TextField(help_text="As the retention rule said.")
    years = models.IntegerField()
    ended_before = models.DateTimeField(help_text="What ended before this time was due.")
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    erased = models.IntegerField(default=0)
    held = models.IntegerField(default=0, help_text="Due, and kept by a legal hold.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 over the erased ids, sorted, line by line.")

    class Meta:
        default_permissions = ("view",)
        indexes = (models.Index(fields=["-began_at"], name="retention_run_newest"),)

    def __str__(self) -> str:
        return f"{self.about}, {self.began_at:%Y-%m-%d}"


class ExpiredRecord(models.Model):
    """A stream or person whose duty of retention has ended, and whose personal data was erased for that."""

    subject = models.UUIDField(primary_key=True)
    run = models.ForeignKey(RetentionRun, on_delete=models.PROTECT)
    ended_at = models.DateTimeField(help_text="The time of its newest event.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.subject)


class Certificate(models.Model):
    """What was erased, what is kept under which duty and until when, what the scan found and what became of it."""

    certificate_id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(unique=True)
    issued_at = models.DateTimeField()
    body = models.TextField(help_text="As JSON: erased, kept, scan, findings.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.certificate_id)
