"""The tables of the projection engine: checkpoints, workers, dead letters, rebuilds, replays and the outbox."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from eventshop.projections.effects.models import EffectCursor, ProjectedEffect

__all__ = [
    "Checkpoint",
    "DeadLetter",
    "DeadLetterJob",
    "EffectCursor",
    "OutboxRecord",
    "ProjectedEffect",
    "Rebuild",
    "Replay",
    "ReplayedRow",
    "SkippedEvent",
    "UnreadableRecord",
    "Worker",
]


class Checkpoint(models.Model):
    """How far one projection has come in one partition, and which worker has leased it.

    The position only advances compare-and-set, in the transaction that writes the rows.
    """

    projection = models.CharField(max_length=100)
    partition = models.IntegerField(default=0)
    position = models.BigIntegerField(default=0, help_text="The offset to go on after.")
    sequence = models.BigIntegerField(default=0, help_text="The last event's number within the partition.")
    store_position = models.BigIntegerField(default=0, help_text="The last event's position in the store.")
    version = models.IntegerField(default=1, help_text="The projection's version that wrote the rows.")
    parked = models.IntegerField(default=0, help_text="Dead letters.")
    events = models.BigIntegerField(default=0, help_text="Events seen since the last rebuild.")
    advanced_at = models.DateTimeField(null=True, help_text="When the position last moved.")
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that holds the lease.")
    leased_until = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True, help_text="When a worker last looked for new events.")
    paused = models.BooleanField(default=False)
    corrected = models.BooleanField(
        default=False, db_default=False, help_text="Some of its events are read with corrections."
    )

    class Meta:
        db_table = "projections_checkpoint"
        default_permissions = ("view",)
        permissions = (("pause_projection", "Can pause projections and resume them"),)
        constraints = (
            models.UniqueConstraint(fields=["projection", "partition"], name="checkpoint_once_per_partition"),
        )

    def __str__(self) -> str:
        return f"{self.projection}/{self.partition} at {self.position}"


class Worker(models.Model):
    """A process that runs projections; one that has not updated `seen_at` for some seconds counts as dead."""

    owner = models.CharField(max_length=200, primary_key=True)
    projections = models.TextField(help_text="Their names, separated by commas.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "projections_worker"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.owner


class UnreadableRecord(models.Model):
    """A record on the event log that is no event of ours, stored byte for byte for an operator to look at."""

    projection = models.CharField(max_length=100)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.BinaryField(null=True)
    value = models.BinaryField(null=True)
    headers = models.JSONField(default=list, help_text="Names and values, the values in Latin-1.")
    error = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=200, default="", db_default="", help_text="The cause.")
    attempts = models.IntegerField(default=1, db_default=1, help_text="How often it was read.")
    found_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True, help_text="When it was last read again.")

    class Meta:
        db_table = "projections_unreadablerecord"
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["projection", "topic", "partition", "offset"], name="unreadable_once_per_projection"
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class DeadLetter(models.Model):
    """An event that one projection cannot fold, or that queues behind such an event of its aggregate.

    With `waits_for` it is no dead letter yet: it waits for a newer release of the program, and is published nowhere.
    """

    projection = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    partition = models.IntegerField(default=0)
    offset = models.BigIntegerField(default=0)
    # Also in the database, for programs of an earlier release that insert rows.
    sequence = models.BigIntegerField(default=0, db_default=0, help_text="Its number within the partition.")
    position = models.BigIntegerField(help_text="Its position in the store, from where a retry reads it.")
    version = models.IntegerField()
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    error = models.CharField(max_length=500, blank=True, help_text="Empty: it only waits behind an earlier one.")
    traceback = models.TextField(blank=True)
    # Also in the database, for programs of an earlier release that insert rows.
    fingerprint = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The event type and the error without numbers, ids, quoted values: the same for a cause.",
    )
    attempts = models.IntegerField(default=0)
    parked_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True, help_text="Empty while it waits behind an earlier one.")
    # Also in the database, for programs of an earlier release that insert rows.
    waits_for = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="The event type and version not known yet."
    )

    class Meta:
        db_table = "projections_parkedevent"
        default_permissions = ("view",)
        permissions = (
            ("retry_dead_letters", "Can retry dead letters"),
            ("skip_dead_letters", "Can skip dead letters and restore them"),
        )
        constraints = (models.UniqueConstraint(fields=["projection", "event_id"], name="parked_once_per_projection"),)
        indexes = (
            models.Index(fields=["projection", "aggregate_id", "position"], name="parked_in_order"),
            models.Index(fields=["projection", "next_attempt_at"], name="parked_when_due"),
            models.Index(fields=["projection", "fingerprint"], name="parked_by_cause"),
            models.Index(fields=["projection", "waits_for"], condition=~models.Q(waits_for=""), name="parked_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id} in {self.projection}"


class WorkState(models.TextChoices):
    """The state of what operators request and a worker carries out."""

    REQUESTED = "requested", "Requested"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class DeadLetterJob(models.Model):
    """A retry or a skip of all dead letters of one cause, which a worker carries out one after the other."""

    class Verb(models.TextChoices):
        RETRY = "retry", "Retry"
        SKIP = "skip", "Skip"

    State = WorkState
    #: Those that have not ended.
    OPEN: ClassVar = (State.REQUESTED, State.RUNNING)

    projection = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=200, help_text="The cause.")
    verb = models.CharField(max_length=10, choices=Verb.choices)
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.REQUESTED)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0, help_text="The last event that was dealt with, in the store.")
    total = models.IntegerField(help_text="Dead letters of this cause when it was requested.")
    handled = models.IntegerField(default=0, help_text="Those that were dealt with, whatever became of them.")
    succeeded = models.IntegerField(default=0, help_text="Those that are dead letters no more.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the first of the others is one still.")
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "projections_deadletterjob"
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["projection", "fingerprint"],
                condition=models.Q(state__in=("requested", "running")),
                name="one_open_job_of_a_cause",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_verb_display()} all in {self.projection}"


class SkippedEvent(models.Model):
    """A dead letter that an operator has skipped: its projection goes on without it, and so do later rebuilds.

    With `restored_at` the next rebuild folds it again, and this row goes.
    """

    projection = models.CharField(max_length=100)
    event_id = models.UUIDField()
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    position = models.BigIntegerField(help_text="Its position in the store.")
    version = models.IntegerField()
    event_type = models.CharField(max_length=100)
    error = models.CharField(max_length=500)
    reason = models.CharField(max_length=500)
    skipped_by = models.CharField(max_length=200)
    skipped_at = models.DateTimeField(db_default=Now())
    restored_at = models.DateTimeField(null=True, help_text="When somebody asked to fold it again.")

    class Meta:
        db_table = "projections_skippedevent"
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["projection", "event_id"], name="skipped_once_per_projection"),)

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}, skipped in {self.projection}"


class EventCorrection(models.Model):
    """What one projection reads in place of some fields of an event, on an operator's word; the event stays."""

    projection = models.CharField(max_length=100)
    event_id = models.UUIDField()
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    position = models.BigIntegerField(help_text="Its position in the store.")
    version = models.IntegerField()
    event_type = models.CharField(max_length=100)
    original = models.TextField(help_text="The fields as they are in the event, as JSON.")
    changes = models.TextField(help_text="The same fields as the projection reads them, as JSON.")
    reason = models.CharField(max_length=500)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    approved_by = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, help_text="Since when it holds.")

    class Meta:
        db_table = "projections_eventcorrection"
        default_permissions = ("view",)
        permissions = (
            ("correct_dead_letters", "Can correct dead letters for a projection"),
            ("approve_corrections", "Can approve corrections that others have made"),
        )
        constraints = (
            models.UniqueConstraint(fields=["projection", "event_id"], name="corrected_once_per_projection"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}, corrected in {self.projection}"


class Rebuild(models.Model):
    """One rebuild of a projection: requested, folded into a second table, swapped in."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        READY = "ready", "Ready to be switched"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    #: Those that a process may work on, and those that have not ended.
    RUNNABLE: ClassVar = (State.REQUESTED, State.RUNNING)
    OPEN: ClassVar = (*RUNNABLE, State.PAUSED, State.READY)

    projection = models.CharField(max_length=100, db_index=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.REQUESTED)
    requested_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True)
    position = models.BigIntegerField(default=0, help_text="How far the new rows have come.")
    head = models.BigIntegerField(default=0, help_text="Where the log ended when it was last read.")
    added = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    removed = models.IntegerField(default=0)
    foreseen_at = models.DateTimeField(null=True, help_text="When its dry run finished; empty: there was none.")
    foreseen_added = models.IntegerField(null=True)
    foreseen_changed = models.IntegerField(null=True)
    foreseen_removed = models.IntegerField(null=True)
    foreseen_failed = models.IntegerField(null=True, help_text="Events that would have become dead letters.")
    error = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Defaults also in the database, for programs of an earlier release that insert rows.
    by_hand = models.BooleanField(default=False, db_default=False, help_text="An operator switches, not the worker.")
    switched_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    events_per_s = models.IntegerField(null=True, help_text="How many events it may fold per second.")
    up_to = models.BigIntegerField(null=True, help_text="A reset: no event after this position of the store.")
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="undone_by")
    events = models.BigIntegerField(default=0, db_default=0, help_text="Events that it has folded.")
    rate = models.FloatField(default=0, db_default=0.0, help_text="Events per second, of late.")
    moved_at = models.DateTimeField(null=True, help_text="When it last stored its progress.")
    compared_at = models.DateTimeField(null=True, help_text="When old and new rows were compared.")
    examples = models.TextField(
        default="[]", db_default="[]", help_text="Rows that it changes, as JSON, without personal values."
    )

    class Meta:
        db_table = "projections_rebuild"
        default_permissions = ("view",)
        permissions = (("rebuild_projection", "Can rebuild projections"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.state}"

    @property
    def eta_s(self) -> float | None:
        """Seconds to go at its pace of late; None while there is no pace."""
        return (self.head - self.position) / self.rate if self.rate else None


class KeptRows(models.Model):
    """What belongs to the copy of a projection's rows from before its last switch."""

    projection = models.CharField(max_length=100, primary_key=True)
    rebuild = models.ForeignKey(Rebuild, on_delete=models.CASCADE, related_name="kept")
    version = models.IntegerField(help_text="The projection's version that wrote the rows.")
    columns = models.TextField(help_text="The columns of the copy.")
    checkpoints = models.JSONField(help_text="By partition: how far these rows are.")
    dead_letters = models.TextField(help_text="As JSON.")
    kept_until = models.DateTimeField()

    class Meta:
        db_table = "projections_keptrows"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.projection} until {self.kept_until:%Y-%m-%d %H:%M}"

    @classmethod
    def end_all(cls) -> None:
        """No switch can be undone any more; the rows are dropped by the periodic job."""
        cls.objects.update(kept_until=Now())


class Replay(models.Model):
    """A job that folds a read model as it was at a moment, or as today's code would make it."""

    class Kind(models.TextChoices):
        AS_OF = "as-of", "As it was"
        DRY_RUN = "dry-run", "What would differ"
        CHECK = "check", "Check of rows"
        REPAIR = "repair", "Repair of rows"

    State = WorkState
    #: Those that have not ended.
    OPEN: ClassVar = (State.REQUESTED, State.RUNNING)

    kind = models.CharField(max_length=20, choices=Kind.choices)
    projection = models.CharField(max_length=100, db_index=True)
    at = models.DateTimeField(null=True, help_text="As of when.")
    happened = models.BooleanField(default=False, help_text="By when it happened, not by when it was recorded.")
    key = models.CharField(max_length=250, blank=True, help_text="Only the row with this primary key.")
    stream = models.UUIDField(null=True, help_text="Only the rows that this stream changes.")
    state = models.CharField(max_length=20, choices=State.choices, default=State.REQUESTED)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0, help_text="How far it has come in the store.")
    head = models.BigIntegerField(default=0, help_text="Where the store ended when it began.")
    events = models.BigIntegerField(default=0, help_text="Events that were folded.")
    rows = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    removed = models.IntegerField(default=0)
    failed = models.IntegerField(default=0, help_text="Events that would become dead letters.")
    error = models.TextField(blank=True)
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "projections_replay"
        default_permissions = ("view",)
        permissions = (("replay_projection", "Can have read models folded as they were, or would be"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.get_kind_display().lower()}"


class ReplayedRow(models.Model):
    """One row of a replay's result, without personal columns, so that no erasure has to empty it."""

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="found")
    number = models.IntegerField(help_text="Its number in the result.")
    key = models.CharField(max_length=250)
    columns = models.TextField(help_text="As JSON: each column's value, or its value as it is and as it would be.")

    class Meta:
        db_table = "projections_replayedrow"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["replay", "number"], name="replayed_row_once"),)

    def __str__(self) -> str:
        return self.key


class OutboxRecord(models.Model):
    """A record to be published, written with the change it reports; deleted once Kafka has confirmed it."""

    position = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=249, help_text="Without KAFKA_TOPIC_PREFIX.")
    key = models.TextField()
    value = models.BinaryField(null=True, help_text="Empty: the row was removed.")
    headers = models.TextField(db_default="", help_text="Names and values as JSON, the values in Latin-1.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "projections_outgoing"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.topic} {self.key} at {self.position}"
