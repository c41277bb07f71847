"""Who may use the API, other than by signing in at a browser; and who is told of events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from eventshop.core.messages import new_id


class ApiToken(models.Model):
    """A token, of which only the digest is kept. It can do what its owner can, within its scopes, until it expires."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    begins = models.CharField(max_length=12, help_text="How the token begins, to recognise it by.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What it is for.")
    scopes = models.CharField(max_length=500, help_text="What it may be used for, separated by blanks.")
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


class WebhookEndpoint(models.Model):
    """An address that is told of events as they happen. It is told what its owner may read in the feed, no more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("address", max_length=500, help_text="https, on the public internet.")
    types = models.CharField("event types", max_length=1_000, blank=True, help_text="Separated by blanks; empty: all.")
    active = models.BooleanField(default=True, help_text="Switched off when it answers 410, or its owner loses access.")
    cursor = models.BigIntegerField(default=0, editable=False, help_text="Told of up to this position of the store.")
    secret_number = models.IntegerField(default=1, editable=False, help_text="How many secrets it has had.")
    former_until = models.DateTimeField(null=True, editable=False, help_text="Until then the former secret signs too.")
    made_at = models.DateTimeField(auto_now_add=True)
    version = models.IntegerField(default=1, editable=False, help_text="Of what is set here; its entity tag.")

    class Meta:
        verbose_name = "webhook"
        default_permissions = ("view", "add", "change", "delete")

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, help_text="The webhook-id; the same each time it is sent.")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    position = models.BigIntegerField(help_text="The event's.")
    event_type = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.IntegerField(default=0, help_text="Since it was last sent on purpose.")
    due_at = models.DateTimeField(help_text="When it is tried next; while somebody tries it, when another one may.")

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
    """What came of sending it once."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(auto_now_add=True)
    status = models.IntegerField(null=True, help_text="Of the answer; empty: there was none.")
    error = models.CharField(max_length=300, blank=True)
    took_ms = models.IntegerField()

    class Meta:
        default_permissions = ("view",)
        ordering = ("at",)

    def __str__(self) -> str:
        return str(self.status or self.error)
