"""The tables of what needs attention: an item from when it is raised until it is cleared, and the notices about it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AttentionItem(models.Model):
    """Something that is wrong or late, from when it was noticed until it was gone. One key is open once at a time."""

    class Severity(models.IntegerChoices):
        DEGRADED = 1
        FAILING = 2

    key = models.CharField(max_length=300, help_text="What it is, the same for each time that it is raised.")
    part = models.CharField(max_length=100, help_text="The part of health that it was found in.")
    severity = models.SmallIntegerField(choices=Severity.choices)
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=1_000, blank=True)
    count = models.IntegerField(default=1, help_text="How many sagas, events or jobs it is.")
    view = models.CharField(max_length=100, blank=True, help_text="The page of the console that helps.")
    query = models.CharField(max_length=500, blank=True, help_text="The filter of that page.")
    command = models.CharField(max_length=200, blank=True, help_text="The command that helps, where no page does.")
    runbook = models.CharField(max_length=100, help_text="The heading in docs/runbook.md.")
    since = models.DateTimeField(help_text="Since when, as far as the tables tell; otherwise when it was noticed.")
    raised_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(help_text="When it was last found.")
    cleared_at = models.DateTimeField(null=True, help_text="When it was found no more.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    snoozed_until = models.DateTimeField(null=True)
    assigned_to = models.CharField(max_length=200, blank=True, help_text="The staff actor who looks after it.")
    note = models.CharField(max_length=500, blank=True, help_text="What the last of them has noted.")

    class Meta:
        verbose_name = "attention item"
        default_permissions = ("view",)
        permissions = (("handle_attentionitem", "Can acknowledge, snooze and assign what needs attention"),)
        constraints = (
            models.UniqueConstraint(fields=["key"], condition=models.Q(cleared_at=None), name="attention_open_once"),
        )
        indexes = (models.Index(fields=["cleared_at"], name="attention_cleared"),)

    def __str__(self) -> str:
        return self.title


class AttentionNotice(models.Model):
    """One notice through one channel that an item was raised or cleared. Its row is made before it is sent: once."""

    class Kind(models.TextChoices):
        RAISED = "raised"
        CLEARED = "cleared"

    class State(models.TextChoices):
        SENDING = "sending"  # its process ended meanwhile: whether it was sent is not known, and it is not sent again
        SENT = "sent"
        FAILED = "failed"  # certainly not sent: tried again

    item = models.ForeignKey(AttentionItem, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    channel = models.CharField(max_length=20, help_text="e-mail or webhook")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SENDING)
    error = models.CharField(max_length=200, blank=True)
    tried_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["item", "kind", "channel"], name="attention_notice_once"),)

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {self.state}"
