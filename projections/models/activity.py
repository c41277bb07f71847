"""The activity timeline."""

from __future__ import annotations

from django.db import models

from eventshop.projections.read_model import ReadModel
from projections.models.fields import money_field


class ActivityTimeline(ReadModel):
    """Activity: one row per event, with a summary in words."""

    event_id = models.UUIDField(primary_key=True)
    position = models.BigIntegerField(default=0, help_text="The event's place in the whole store.")
    at = models.DateTimeField(help_text="When it happened (business time).")
    recorded_at = models.DateTimeField(help_text="When the store recorded it.")
    aggregate_type = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    version = models.IntegerField()
    event_type = models.CharField(max_length=100)
    reference = models.CharField(
        max_length=200, blank=True, help_text="The document behind it: invoice, return, count."
    )
    customer_id = models.UUIDField(null=True, db_index=True)
    summary = models.CharField(max_length=500)
    amount = money_field(default=None, null=True)
    currency = models.CharField(max_length=3, blank=True)
    lines = models.IntegerField(default=0)
    units = models.BigIntegerField(default=0)
    actor = models.CharField(max_length=200)
    correlation_id = models.UUIDField()

    class Meta:
        verbose_name = "activity"
        verbose_name_plural = "activity timeline"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-position"], name="activity_newest"),
            models.Index(fields=["aggregate_id", "version"], name="activity_of_aggregate"),
            models.Index(fields=["event_type", "-position"], name="activity_of_type"),
        )

    def __str__(self) -> str:
        return self.summary
