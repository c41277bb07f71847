"""The tables of projected effects: how far each projection of effects has come, and the effects."""

from __future__ import annotations

from django.db import models


class EffectCursor(models.Model):
    """How far a projection of effects has come. What was due before `live_at`, up to `live_from`, is its muted past."""

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0, help_text="The position up to which events were looked at.")
    live_from = models.BigIntegerField(default=0, help_text="The position of the last event of its past.")
    live_at = models.DateTimeField(help_text="When it went live.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class ProjectedEffect(models.Model):
    """Something that an event asks to be done outside, once, such as a letter. It holds no personal text."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        STARTED = "started", "Being performed"
        DONE = "done", "Done"
        NOT_NEEDED = "not-needed", "Not needed"
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted: may have been done"

    id = models.UUIDField(primary_key=True, help_text="Follows from projection, event and kind.")
    projection = models.CharField(max_length=100)
    kind = models.CharField(max_length=100)
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    aggregate_id = models.UUIDField(db_index=True)
    position = models.BigIntegerField(help_text="The position of the event.")
    person = models.UUIDField(null=True, db_index=True, help_text="Whom it concerns.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    tries = models.IntegerField(default=0)
    due_at = models.DateTimeField(help_text="While it is claimed or performed: when that counts as interrupted.")
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("repeat_projectedeffect", "Can have letters and other effects repeated"),)
        indexes = (
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=("waiting", "started")), name="projected_effect_due"
            ),
            models.Index(fields=["-position"], name="projected_effect_newest"),
            models.Index(fields=["finished_at"], name="projected_effect_finished"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
