"""API tokens, webhooks with their deliveries and attempts, and files that were sent to be imported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.privacy.encryption.stored_secrets import SecretColumn
from eventshop.runtime.wake_signals import Channel, wake


class ApiToken(models.Model):
    """An API token, stored as its digest. It has its owner's permissions, limited by its scopes, until it expires."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    begins = models.CharField(max_length=12, help_text="The first characters of the token, to recognise it by.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What it is for.")
    scopes = models.CharField(max_length=500, help_text="The scopes, separated by spaces.")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_on = models.DateField(null=True, help_text="The last day on which it was used.")

    class Meta:
        verbose_name = "API token"
        default_permissions = ("view",)
        permissions = (("revoke_apitoken", "Can revoke API tokens"),)
        indexes = (models.Index(fields=["owner", "-made_at"], name="token_of_owner"),)

    def __str__(self) -> str:
        return f"{self.begins}… {self.name}"

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "valid"


class AttemptCount(models.Model):
    """The attempts of one subject at something that is limited (`eventshop/web/shared/attempt_limits.py`)."""

    key = models.CharField(max_length=64, primary_key=True, help_text="A keyed digest of the limit and the subject.")
    login = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    attempts = models.IntegerField(default=0)
    allowed_at = models.DateTimeField(help_text="When the next attempt is allowed.")
    forgotten_at = models.DateTimeField(db_index=True, help_text="When the attempts are forgotten.")
    told_at = models.DateTimeField(null=True, help_text="When the owner of the login was told.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.attempts}"


class WebhookEndpoint(models.Model):
    """A URL to which events are sent as they happen, while its owner and whoever changed it last may read the feed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("URL", max_length=500, help_text="https, on the public internet.")
    types = models.CharField(
        "event types", max_length=1_000, blank=True, help_text="Separated by spaces; empty for all."
    )
    active = models.BooleanField(
        default=True,
        help_text="Switched off after a response 410, or when one of those two loses access.",
    )
    cursor = models.BigIntegerField(
        default=0, editable=False, help_text="The store position up to which events were enqueued."
    )
    secret_number = models.IntegerField(
        default=1, editable=False, help_text="The number of the current signing secret."
    )
    former_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then messages are also signed with the previous secret."
    )
    made_at = models.DateTimeField(auto_now_add=True)
    version = models.IntegerField(default=1, editable=False, help_text="Grows with each change; the entity tag.")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        editable=False,
        related_name="+",
        help_text="Who changed it last. What it sends, its owner and this person may read.",
    )
    person = models.UUIDField(
        null=True,
        editable=False,
        help_text="Whose events it sends; empty for everybody's, which its owner may read.",
    )
    token = models.ForeignKey(
        ApiToken,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text="The API token that made or last changed it. It sends nothing once that token is revoked.",
    )

    class Meta:
        verbose_name = "webhook"
        default_permissions = ("view", "add", "change", "delete")

    def __str__(self) -> str:
        return self.url

    def save(self, *args: Any, **options: Any) -> None:
        super().save(*args, **options)
        wake(Channel.WEBHOOKS)


class WebhookDelivery(models.Model):
    """The delivery of one event to one endpoint."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, help_text="The header webhook-id, the same for each attempt.")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    position = models.BigIntegerField(help_text="The position of the event; negative for a test event.")
    event_type = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.IntegerField(default=0, help_text="Attempts since it was enqueued or resent.")
    due_at = models.DateTimeField(help_text="The next attempt; during an attempt, when the claim expires.")

    class Meta:
        verbose_name_plural = "webhook deliveries"
        default_permissions = ("view",)
        permissions = (("resend_webhookdelivery", "Can send webhooks again"),)
        constraints = (models.UniqueConstraint(fields=["endpoint", "position"], name="webhook_event_once"),)
        indexes = (
            models.Index(fields=["state", "due_at"], name="webhook_due"),
            models.Index(fields=["-position"], name="webhook_newest"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.position}"


class WebhookAttempt(models.Model):
    """One attempt of a delivery."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(auto_now_add=True)
    status = models.IntegerField(null=True, help_text="The status of the response; empty if there was none.")
    error = models.CharField(max_length=300, blank=True)
    took_ms = models.IntegerField()

    class Meta:
        default_permissions = ("view",)
        ordering = ("at",)

    def __str__(self) -> str:
        return str(self.status or self.error)


class SandboxClock(models.Model):
    """The clock of a customer of a sandbox: how far it is ahead of the real time."""

    person = models.UUIDField(primary_key=True)
    ahead = models.DurationField(default=timedelta)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.person}: {self.ahead}"


class ImportJob(models.Model):
    """The import of a file that was sent over the API: how far it is, and what became of the rows."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class OnError(models.TextChoices):
        STOP = "stop", "Stop"
        SKIP = "skip", "Skip"

    OPEN = (State.REQUESTED, State.RUNNING)

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=50)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file and how it is to be imported.")
    size = models.IntegerField(help_text="Of the file, in bytes.")
    on_error = models.CharField(max_length=10, choices=OnError.choices)
    dry_run = models.BooleanField(default=False)
    options = models.JSONField(default=dict, help_text="How the file is written.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that carries it out.")
    leased_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rows = models.IntegerField(default=0)
    stored = models.IntegerField(default=0)
    already_there = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    held_back = models.IntegerField(default=0)
    events = models.IntegerField(default=0)
    errors = models.TextField(help_text="The rows that were not imported, encrypted.")
    error = models.CharField(max_length=500, blank=True, help_text="Why it failed.")

    class Meta:
        verbose_name = "import"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["requested_by", "-requested_at"], name="import_of_login"),
            models.Index(
                fields=["requested_at"], condition=models.Q(state__in=("requested", "running")), name="import_open"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ImportFile(models.Model):
    """The file of an import that has not ended, encrypted."""

    job = models.OneToOneField(ImportJob, on_delete=models.CASCADE, primary_key=True, related_name="file")
    content = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)


IMPORT_COLUMNS = (
    SecretColumn(ImportFile, "content", lambda file: str(file.pk)),
    SecretColumn(ImportJob, "errors", lambda job: str(job.pk)),
)
