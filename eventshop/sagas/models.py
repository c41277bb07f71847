"""What processes have in the database: sagas, what they heard and did, and the times they wait for."""

from __future__ import annotations

from django.db import models


class Timer(models.Model):
    """A command to be sent, or a saga to be told, when its time has come; `fired_at` says that it was."""

    key = models.CharField(max_length=200, help_text="What it is known by; one waits under a key at a time.")
    due_at = models.DateTimeField()
    command_type = models.CharField(max_length=100, blank=True, help_text="Empty: a saga hears of it instead.")
    command = models.TextField(blank=True, help_text="The command as JSON.")
    envelope = models.TextField(blank=True, help_text="Whose command it is and what it belongs to, as JSON.")
    saga_id = models.UUIDField(null=True, help_text="The saga that hears of it.")
    name = models.CharField(max_length=200, blank=True, help_text="What that saga calls it.")
    set_at = models.DateTimeField(auto_now_add=True)
    looked_at_from = models.DateTimeField(help_text="Nobody looks at it before: it is not due, or somebody has it.")
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that took it last.")
    attempts = models.IntegerField(default=0)
    fired_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, help_text="What came of it: accepted, refused, or why it failed.")

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
    """One saga that has started: where it stands, and the version of the code that it started with."""

    class Status(models.TextChoices):
        RUNNING = "running"
        ENDED = "ended"  # nothing more to do; it still hears what comes later
        SUSPENDED = "stuck"  # it waits for a person, and what it would hear waits with it
        RESOLVED = "resolved"  # a person has seen to the rest; it hears nothing any more

    saga_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=100)
    version = models.IntegerField(help_text="Of the code that it started with and goes on with.")
    subject_id = models.UUIDField(help_text="Whose story it is: the order's id, say.")
    slot = models.SmallIntegerField(help_text="Sagas of a slot are worked on by one worker at a time.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    state = models.TextField(help_text="Its state as JSON.")
    error = models.TextField(blank=True, help_text="Why it is stuck.")
    correlation_id = models.UUIDField(help_text="The story it belongs to.")
    sequence_number = models.IntegerField(help_text="The highest place within the correlation that it has heard of.")
    steps = models.IntegerField(default=0, help_text="Commands and effects so far.")
    behind = models.IntegerField(default=0, help_text="Commands that could not be sent yet; later ones wait for them.")
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField(help_text="When it last heard of something.")
    swept_at = models.DateTimeField(null=True, help_text="When what it had heard and done was removed.")

    class Meta:
        default_permissions = ("view",)
        permissions = (("mend_saga", "Can retry, compensate and resolve sagas"),)
        indexes = (
            models.Index(fields=["subject_id"], name="saga_of_subject"),
            models.Index(fields=["kind", "-started_at"], name="saga_of_kind"),
            models.Index(fields=["-started_at"], name="saga_newest"),
            models.Index(fields=["moved_at"], condition=models.Q(status="stuck"), name="saga_stuck"),
            models.Index(fields=["slot"], condition=models.Q(behind__gt=0), name="saga_behind"),
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
    """Something a saga heard, or is about to hear. One is heard once, whoever was restarted meanwhile."""

    class Kind(models.TextChoices):
        EVENT = "event"
        REFUSAL = "refusal"  # of a command of its own
        ANSWER = "answer"  # to an effect
        TIMER = "timer"
        FAILURE = "failure"  # of a step that was tried often enough
        RETRY = "retry"  # this and the next two: what a person asked for
        COMPENSATE = "compensate"
        RESOLVE = "resolve"

    class State(models.TextChoices):
        WAITING = "waiting"
        PROCESSED = "handled"
        DEFERRED = "held"  # behind what made the saga stuck
        SKIPPED = "skipped"

    saga_id = models.UUIDField()
    slot = models.SmallIntegerField()
    what = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, help_text="The type of the event or answer, the name of the timer.")
    cause_id = models.UUIDField(help_text="The event, step or timer; what follows from it has it as its cause.")
    position = models.BigIntegerField(null=True, help_text="Of an event, in the store.")
    payload = models.TextField(blank=True, help_text="What is not in the store: an answer, a person's reason.")
    actor = models.CharField(max_length=200, blank=True, help_text="Who asked for it, if somebody did.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    heard_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["saga_id", "cause_id"], name="saga_input_once"),)
        indexes = (models.Index(fields=["slot", "id"], condition=models.Q(state="waiting"), name="saga_input_waiting"),)

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


class SagaStep(models.Model):
    """A command a saga sent, or an effect it had outside. Its id is the command's id, or the effect's key."""

    class Kind(models.TextChoices):
        COMMAND = "command"
        EFFECT = "effect"

    class State(models.TextChoices):
        WAITING = "waiting"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        ANSWERED = "answered"
        FAILED = "failed"  # tried often enough; its saga is stuck
        GIVEN_UP = "given up"  # a person resolved the saga

    step_id = models.UUIDField(primary_key=True)
    saga_id = models.UUIDField()
    slot = models.SmallIntegerField()
    number = models.IntegerField(help_text="Its place among the saga's steps, from 1.")
    cause_id = models.UUIDField(help_text="What it follows from.")
    sequence_number = models.IntegerField(help_text="Place of its cause within the correlation.")
    what = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, help_text="The type of the command or effect.")
    payload = models.TextField(help_text="The command or effect as JSON.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    aggregate_id = models.UUIDField(null=True, help_text="The stream of an accepted command.")
    position = models.BigIntegerField(null=True, help_text="Of the last event an accepted command led to; 0: none.")
    answer = models.TextField(blank=True, help_text="Why it was refused, what was answered, or how it failed last.")
    attempts = models.IntegerField(default=0)
    looked_at_from = models.DateTimeField(help_text="Nobody tries it before.")
    owner = models.CharField(max_length=200, blank=True, help_text="The worker that took it last.")
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

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
    """A part of the work that one worker has at a time: a partition of the log to listen to, or a slot of sagas."""

    name = models.CharField(max_length=20)
    number = models.IntegerField()
    owner = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True)
    offset = models.BigIntegerField(default=0, help_text="Of a partition: how far the sagas have heard.")
    sequence = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["name", "number"], name="share_once"),)

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


class SagaWorker(models.Model):
    """A thread that works on sagas, as long as it says so every few seconds."""

    owner = models.CharField(max_length=200, primary_key=True)
    kind = models.CharField(max_length=20, help_text="What it has a share of: `events` or `sagas`.")
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.owner
