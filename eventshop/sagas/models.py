"""The tables of sagas: their state, inbox messages, steps, timers, partition leases and workers.

Tables, columns and stored values keep the names that they got first, where the models have better ones now.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Timer(models.Model):
    """A command, or a message for a saga, that is due at a moment; `fired_at` is set once it was sent."""

    key = models.CharField(max_length=200, help_text="Its key; one timer at a time waits under a key.")
    due_at = models.DateTimeField()
    command_type = models.CharField(max_length=100, blank=True, help_text="Empty: a saga gets a message instead.")
    command = models.TextField(blank=True, help_text="The command as JSON.")
    envelope = models.TextField(blank=True, help_text="The command's envelope as JSON.")
    saga_id = models.UUIDField(null=True, help_text="The saga that gets a message.")
    name = models.CharField(max_length=200, blank=True, help_text="The timer's name in that saga.")
    set_at = models.DateTimeField(auto_now_add=True)
    looked_at_from = models.DateTimeField(help_text="No worker claims it before: it is not due, or already claimed.")
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that claimed it last.")
    attempts = models.IntegerField(default=0)
    fired_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, help_text="The outcome: accepted, refused, or why it failed.")
    traceparent = models.CharField(
        max_length=55, default="", db_default="", help_text="W3C Trace Context: the span that it follows from."
    )

    class Meta:
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=["key"], condition=models.Q(fired_at=None), name="timer_once_per_key"),
        )
        indexes = (
            models.Index(fields=["looked_at_from"], condition=models.Q(fired_at=None), name="timer_waiting"),
            models.Index(fields=["saga_id"], condition=models.Q(fired_at=None), name="timer_of_saga"),
            models.Index(fields=["fired_at"], condition=~models.Q(fired_at=None), name="timer_fired"),
        )

    def __str__(self) -> str:
        return self.key


class Saga(models.Model):
    """One saga that has started: its state, and the version of the code that it started with."""

    class Status(models.TextChoices):
        RUNNING = "running"
        ENDED = "ended"  # nothing more to do; it still processes later messages
        SUSPENDED = "stuck"  # it waits for an operator; its messages are deferred
        RESOLVED = "resolved"  # an operator has closed it; it processes no more messages

    saga_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=100)
    version = models.IntegerField(help_text="The version of the code that it started with and goes on with.")
    subject_id = models.UUIDField(help_text="What the saga is about, for example the order's id.")
    slot = models.SmallIntegerField(help_text="Its partition; one worker at a time processes a partition.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    state = models.TextField(help_text="Its state as JSON.")
    error = models.TextField(blank=True, help_text="Why it is suspended.")
    correlation_id = models.UUIDField(help_text="The correlation it belongs to.")
    sequence_number = models.IntegerField(help_text="The highest sequence number that it has processed.")
    steps = models.IntegerField(default=0, help_text="Commands and effects so far.")
    behind = models.IntegerField(default=0, help_text="Pending commands: not sent yet, and later ones wait for them.")
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField(help_text="When it last processed a message.")
    swept_at = models.DateTimeField(null=True, help_text="When its messages and steps were deleted.")
    muted = models.BooleanField(default=False, db_default=False, help_text="It processes its past, and does nothing.")

    class Meta:
        default_permissions = ("view",)
        permissions = (("operate_saga", "Can retry, compensate and resolve sagas"),)
        indexes = (
            models.Index(fields=["subject_id"], name="saga_of_subject"),
            models.Index(fields=["kind", "-started_at"], name="saga_of_kind"),
            models.Index(fields=["-started_at"], name="saga_newest"),
            models.Index(fields=["kind", "started_at"], condition=models.Q(status="running"), name="saga_running"),
            models.Index(fields=["moved_at"], condition=models.Q(status="stuck"), name="saga_stuck"),
            models.Index(fields=["slot"], condition=models.Q(behind__gt=0), name="saga_behind"),
            models.Index(fields=["kind"], condition=models.Q(muted=True), name="saga_muted"),
            models.Index(fields=["correlation_id"], name="saga_of_correlation"),
            models.Index(
                fields=["moved_at"],
                condition=models.Q(status__in=("ended", "resolved"))
                & (models.Q(swept_at=None) | models.Q(swept_at__lt=models.F("moved_at"))),
                name="saga_unswept",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.saga_id}"


class InboxMessage(models.Model):
    """A message that a saga processes, or has processed, exactly once."""

    class Kind(models.TextChoices):
        EVENT = "event"
        REFUSAL = "refusal"  # of one of its commands
        ANSWER = "answer"  # the result of one of its effects
        TIMER = "timer"
        FAILURE = "failure"  # of a step that was tried too often
        RETRY = "retry"  # this and the next two are operator requests
        COMPENSATE = "compensate"
        RESOLVE = "resolve"
        LIVE = "live"  # the saga's past ends here

    class State(models.TextChoices):
        WAITING = "waiting"
        PROCESSED = "handled"
        DEFERRED = "held"  # until the suspended saga is resumed
        SKIPPED = "skipped"

    saga_id = models.UUIDField()
    slot = models.SmallIntegerField()
    what = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, help_text="The type of the event or answer, the name of the timer.")
    cause_id = models.UUIDField(help_text="The event, step or timer: the causation id of what follows.")
    position = models.BigIntegerField(null=True, help_text="The event's position in the store.")
    payload = models.TextField(
        blank=True, help_text="What is not in the store: an effect's result, an operator's reason."
    )
    actor = models.CharField(max_length=200, blank=True, help_text="The operator who requested it, if one did.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    heard_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    traceparent = models.CharField(
        max_length=55, default="", db_default="", help_text="W3C Trace Context: the span that it follows from."
    )

    class Meta:
        db_table = "process_sagainput"
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["saga_id", "cause_id"], name="saga_input_once"),)
        indexes = (models.Index(fields=["slot", "id"], condition=models.Q(state="waiting"), name="saga_input_waiting"),)

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


class SagaStep(models.Model):
    """A command or an effect of a saga. Its id is the command's id, or the effect's idempotency key."""

    class Kind(models.TextChoices):
        COMMAND = "command"
        EFFECT = "effect"

    class State(models.TextChoices):
        WAITING = "waiting"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        ANSWERED = "answered"
        FAILED = "failed"  # tried too often; its saga is suspended
        GIVEN_UP = "given up"  # an operator resolved the saga
        MUTED = "muted"  # of a muted saga; once it is live: `answered_at` is set, and it was not repeated

    step_id = models.UUIDField(primary_key=True)
    saga_id = models.UUIDField()
    slot = models.SmallIntegerField()
    number = models.IntegerField(help_text="Its number among the saga's steps, from 1.")
    cause_id = models.UUIDField(help_text="The cause of the message it follows from.")
    sequence_number = models.IntegerField(help_text="Its cause's sequence number within the correlation.")
    what = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, help_text="The type of the command or effect.")
    payload = models.TextField(help_text="The command or effect as JSON.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    aggregate_id = models.UUIDField(null=True, help_text="The stream of an accepted command.")
    position = models.BigIntegerField(
        null=True, help_text="Position of the last event of an accepted command; 0: no event."
    )
    answer = models.TextField(blank=True, help_text="Why it was refused, its result, or its last error.")
    attempts = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True, help_text="When it first had no result.")
    looked_at_from = models.DateTimeField(help_text="No worker tries it before.")
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that claimed it last.")
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    recalled = models.BooleanField(
        default=False, db_default=False, help_text="It may have been performed before: its outcome is looked up first."
    )
    traceparent = models.CharField(
        max_length=55, default="", db_default="", help_text="W3C Trace Context: the span that it follows from."
    )

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["saga_id", "number"], name="saga_step_once"),)
        indexes = (
            models.Index(
                fields=["what", "looked_at_from"], condition=models.Q(state="waiting"), name="saga_step_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.step_id}"


class PartitionLease(models.Model):
    """The lease of one worker on a partition, of the event log (with the offset reached) or of the sagas."""

    name = models.CharField(max_length=20)
    number = models.IntegerField()
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True)
    offset = models.BigIntegerField(default=0, help_text="Of a log partition: how far its events were routed.")
    sequence = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)

    class Meta:
        db_table = "process_share"
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["name", "number"], name="share_once"),)

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


class SagaLivePoint(models.Model):
    """Where the past of a kind of saga ends: it processes events up to `live_from` muted."""

    class Past(models.TextChoices):
        RESUME = "resume"  # what is not on record is done when the saga goes live
        LEAVE = "leave"  # nothing of the past is done

    kind = models.CharField(max_length=100)
    version = models.IntegerField(help_text="The version of its code.")
    live_from = models.BigIntegerField(help_text="The position of the last event of its past; 0: it has none.")
    routed_to = models.BigIntegerField(help_text="While it is muted: the position up to which it was sent its events.")
    past = models.CharField(max_length=10, choices=Past.choices, default=Past.RESUME)
    reason = models.CharField(max_length=500, help_text="Why its past ends there.")
    actor = models.CharField(max_length=200, help_text="Who set it.")
    set_at = models.DateTimeField(db_default=Now())
    restoring = models.BooleanField(default=False, help_text="Its past is being restored; it goes live afterwards.")
    live_at = models.DateTimeField(null=True, help_text="When it went live; empty while it is muted.")

    class Meta:
        db_table = "process_sagalivepoint"
        default_permissions = ("view",)
        ordering = ("kind", "version")
        constraints = (models.UniqueConstraint(fields=["kind", "version"], name="saga_live_point_once"),)

    def __str__(self) -> str:
        return f"{self.kind} v{self.version}"


class SagaWorker(models.Model):
    """A thread that runs sagas; one that has not updated `seen_at` for some seconds counts as dead."""

    owner = models.CharField(max_length=200, primary_key=True)
    kind = models.CharField(max_length=20, help_text="What it leases: `events` or `sagas`.")
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "process_processworker"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.owner
