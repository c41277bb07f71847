"""What the database records about Kafka: the known topics, how far they are published, and forks that were resolved."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now


class KnownTopic(models.Model):
    """A topic as it was when it was created or first seen. Another topic id under the same name is another topic."""

    name = models.CharField(max_length=249, primary_key=True)
    cluster_id = models.CharField(max_length=100)
    topic_id = models.UUIDField()
    partitions = models.IntegerField()
    known_since = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class RelayCheckpoint(models.Model):
    """The leader's lease, and the last position that Kafka has confirmed.

    A new leader resumes from the end of the topic itself. It compares that end with this position to detect data loss.
    """

    topic = models.CharField(max_length=249, primary_key=True)
    topic_id = models.UUIDField(null=True)
    source_id = models.UUIDField(default=uuid4, help_text="The database that the positions belong to.")
    epoch_id = models.UUIDField(null=True, help_text="The epoch of the store in which the positions were counted.")
    position = models.BigIntegerField(default=0)
    owner = models.CharField(max_length=200, blank=True, help_text="The leader's process name.")
    leased_until = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True, help_text="When events were last published.")
    # The defaults are in the database, for programs of an earlier release that insert rows.
    stopped_at = models.DateTimeField(null=True, help_text="When publishing stopped for an error that repeats itself.")
    stopped_reason = models.TextField(blank=True, default="", db_default="", help_text="Why, and what to do.")

    deleted_records = models.BigIntegerField(
        default=0, db_default=0, help_text="Offsets that Kafka had, and has deleted at the beginnings of partitions."
    )

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.topic} at {self.position}"


class AcknowledgedRecord(models.Model):
    """A record on the topic of events that the relay did not write, and that an operator has accepted.

    The topic's id is part of its place: in a topic made anew, another record may have the same offset.
    """

    topic = models.CharField(max_length=249)
    topic_id = models.UUIDField()
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of key, value and headers.")
    error = models.CharField(max_length=500, help_text="Why the record is not an event.")
    reason = models.CharField(max_length=500)
    operator = models.CharField(max_length=200, help_text="Who acknowledged it.")
    acknowledged_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["topic_id", "partition", "offset"], name="acknowledged_once"),)

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class StoreFork(models.Model):
    """A fork that is being resolved, or was: the event table was kept, and what only Kafka had was set aside.

    Events of the table with positions that Kafka had for others got new ones, higher by `renumbered_by`.
    """

    topic = models.CharField(max_length=249)
    topic_id = models.UUIDField(unique=True, help_text="The topic that had other events. It is deleted.")
    common_position = models.BigIntegerField(help_text="Up to here, both sides had the same events.")
    topic_position = models.BigIntegerField(help_text="The last position that Kafka had.")
    renumbered_by = models.BigIntegerField(null=True, help_text="Empty: nothing but this record was changed yet.")
    operator = models.CharField(max_length=200, help_text="Who resolved it.")
    reason = models.CharField(max_length=500)
    found_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, help_text="Empty: resolve_fork has to be run again.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.topic} after position {self.common_position}"


class ForkedEvent(models.Model):
    """An event that only Kafka had when the store had forked. Nothing reads it but people; it is kept for ever."""

    fork = models.ForeignKey(StoreFork, on_delete=models.PROTECT, related_name="events")
    position = models.BigIntegerField(help_text="The position that it had on Kafka.")
    event_id = models.UUIDField()
    aggregate_id = models.UUIDField(help_text="Its stream.")
    aggregate_type = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    version = models.IntegerField()
    recorded_at = models.DateTimeField()
    command_id = models.UUIDField()
    record = models.TextField(help_text="All columns of the event, and the receipt of its command, as JSON.")

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["fork", "position"], name="forked_event_once"),)

    def __str__(self) -> str:
        return f"{self.event_type} {self.aggregate_id}:{self.version}"
