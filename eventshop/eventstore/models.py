"""The tables of the event store. Events and receipts are written only by the backends, never through the ORM."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now


class StoredEvent(models.Model):
    """One immutable event. The database refuses updates, deletes and versions that leave a gap."""

    position = models.BigAutoField(primary_key=True, help_text="Position in the whole store.")
    event_id = models.UUIDField()
    aggregate_id = models.UUIDField(help_text="The stream.")
    aggregate_type = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    version = models.IntegerField(help_text="Position in its stream: 1, 2, 3 …")
    schema_version = models.IntegerField()
    occurred_at = models.DateTimeField(help_text="When it happened (business time).")
    recorded_at = models.DateTimeField(help_text="When the store recorded it.")
    correlation_id = models.UUIDField(help_text="Common to all events that follow from one request.")
    causation_id = models.UUIDField(null=True, help_text="The message that caused its command.")
    saga_id = models.UUIDField(null=True, help_text="The saga instance that sent its command.")
    sequence_number = models.IntegerField(help_text="Position within the correlation.")
    command_id = models.UUIDField(help_text="The command that led to this event.")
    actor = models.CharField(max_length=200)
    metadata = models.TextField(help_text="Context such as trace ids, as a JSON object.")
    payload = models.TextField(help_text="The event's fields as JSON, byte for byte as hashed.")
    hash = models.BinaryField(help_text="SHA-256 over the previous event's hash and this row.")

    class Meta:
        db_table = "event"
        verbose_name = "event"
        default_permissions = ("view",)
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=["aggregate_id", "version"], name="event_version_once"),
            models.UniqueConstraint(fields=["event_id"], name="event_id_once"),
        )
        indexes = (
            models.Index(fields=["correlation_id"], name="event_of_correlation"),
            models.Index(fields=["event_type", "position"], name="event_of_type"),
            models.Index(fields=["aggregate_type", "position"], name="stream_of_type", condition=models.Q(version=1)),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.aggregate_id}:{self.version}"


class StoredReceipt(models.Model):
    """The receipt of an accepted command, kept for ever. It is written in the transaction of its events."""

    command_id = models.UUIDField(primary_key=True)
    command_type = models.CharField(max_length=100)
    payload_hash = models.BinaryField(help_text="SHA-256 over the command's name and its JSON.")
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    version = models.IntegerField(help_text="The stream's version afterwards.")
    events = models.IntegerField(help_text="The number of its events; 0: the command changed nothing.")
    position = models.BigIntegerField(help_text="Position of its last event; 0: none.")
    actor = models.CharField(max_length=200)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "receipt"
        verbose_name = "receipt"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.command_type} {self.command_id}"


class Snapshot(models.Model):
    """The state of an aggregate after one of its events; loading starts from it. A cache: it may be deleted."""

    aggregate_id = models.UUIDField(primary_key=True)
    aggregate_type = models.CharField(max_length=100)
    version = models.IntegerField(help_text="The version of the last event in it.")
    hash = models.BinaryField(help_text="That event's hash.")
    fingerprint = models.CharField(
        max_length=64, help_text="The aggregate's snapshot version, such as v1; other values are ignored."
    )
    state = models.TextField(help_text="JSON; ciphertext if it holds personal data.")
    taken_at = models.DateTimeField()

    class Meta:
        db_table = "snapshot"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id}:{self.version}"


class SnapshotProgress(models.Model):
    """The position up to which the store was scanned for due snapshots; one row."""

    position = models.BigIntegerField(default=0)

    class Meta:
        db_table = "snapshot_progress"
        default_permissions = ()

    def __str__(self) -> str:
        return f"up to {self.position}"


class StoreEpoch(models.Model):
    """The time of an event store between two restores; the row with the highest number is the present epoch.

    A restore begins an epoch. A copy of the database files begins none: that it is old is noticed by comparing events
    with Kafka.
    """

    class Divergence(models.TextChoices):
        """How the event table and Kafka differ."""

        NONE = "", "none"
        DATABASE_BEHIND = "database-behind", "database behind Kafka"
        KAFKA_BEHIND = "kafka-behind", "Kafka behind the database"
        FORKED = "forked", "forked"
        TOPIC_ANEW = "topic-anew", "the topic was made anew"
        WRONG_EPOCH = "wrong-epoch", "database of an older epoch"

    number = models.IntegerField(primary_key=True, help_text="1, 2, 3 …")
    epoch_id = models.UUIDField(
        default=uuid4, unique=True, help_text="Two restores of one backup have the same number, and other ids."
    )
    installation_id = models.UUIDField(help_text="The same in all epochs; another installation has another one.")
    began_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=500, help_text="What began it.")
    restored_to_position = models.BigIntegerField(
        default=0, help_text="The events up to here were not accepted in this epoch: they are its past."
    )
    divergence = models.CharField(
        max_length=20, blank=True, choices=Divergence, default=Divergence.NONE, help_text="Empty: none was found."
    )
    divergence_reason = models.TextField(blank=True, default="", help_text="What was found, and what to do.")
    diverged_at = models.DateTimeField(null=True, help_text="When it was found.")

    class Meta:
        db_table = "store_epoch"
        verbose_name = "store epoch"
        default_permissions = ()

    def __str__(self) -> str:
        return f"Epoch {self.number}"
