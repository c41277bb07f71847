"""One saga at work in memory: it hears its inputs in order, and what it does about them is collected."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Envelope, Event, RecordedEvent
from eventshop.core.saga import (
    CancelTimer,
    CompensationRequested,
    Effect,
    RefusedCommand,
    Saga,
    SagaAction,
    SagaMessage,
    StartTimer,
    TimerFired,
)
from eventshop.core.serialization import decode_command, decode_stored, encode_canonical
from eventshop.sagas import models
from eventshop.sagas.models import InboxMessage, SagaStep, Timer
from eventshop.sagas.saga_registry import SagaRegistry

What: TypeAlias = InboxMessage.Kind

#: Events by position, and own steps by id: what inputs point at.
EventsByPosition: TypeAlias = dict[int, RecordedEvent[Any]]
StepsById: TypeAlias = dict[UUID, SagaStep]


class SagaInstance:
    """A saga's row, its state, and what comes of this round's inputs."""

    def __init__(self, row: models.Saga, sagas: SagaRegistry, registry: MessageRegistry) -> None:
        self.row = row
        self.sagas = sagas
        self.registry = registry
        self.saga: Saga[Any] | None = None
        self.processed: list[InboxMessage] = []
        self.deferred: list[InboxMessage] = []
        self.skipped: list[InboxMessage] = []
        self.steps: list[SagaStep] = []
        self.commands: dict[UUID, Command] = {}
        self.timers: dict[str, Timer | None] = {}  # by name; None: stop waiting
        self.resumed = False  # what was held waits no more
        self.skip_first_deferred = False

    def handle(self, it: InboxMessage, events: EventsByPosition, steps: StepsById) -> None:
        """Hear one input; whatever goes wrong makes this saga stuck, and no other."""
        row, status = self.row, models.Saga.Status
        if self.resumed:
            return  # what was held is older: it comes first, in the next round
        if it.what in (What.RETRY, What.COMPENSATE, What.RESOLVE):
            self._mend(it)
        elif row.status == status.RESOLVED:
            self.skipped.append(it)
        elif it.what == What.FAILURE:
            self._stuck(it.payload)
            self.processed.append(it)
        elif row.status == status.SUSPENDED:
            self.deferred.append(it)
        else:
            try:
                self._react(it, self._said(it, events, steps), events)
            except Exception as error:  # a saga's own code may raise anything
                self._stuck(f"{it.name}: {type(error).__name__}: {error}")
                self.deferred.append(it)

    def envelope_of(self, step: SagaStep) -> Envelope:
        """The same for a step whenever it is sent, so that a repeat is the same command."""
        return Envelope(
            command_id=step.step_id,
            actor=self.row.kind,
            correlation_id=self.row.correlation_id,
            causation_id=step.cause_id,
            saga_id=self.row.saga_id,
            sequence_number=step.sequence_number,
        )

    def timer_key(self, name: str) -> str:
        """What a timer of this saga is known by."""
        return f"saga:{self.row.saga_id}:{name}"[:200]

    def command_of(self, step: SagaStep) -> Command:
        made = self.commands.get(step.step_id)
        return made or decode_command(self.registry.command_class(step.name), step.payload)

    def updated_row(self) -> models.Saga:
        """The row as it is to be written."""
        if self.saga is not None:
            self.row.state = encode_canonical(self.saga)[0].decode()
            if self.row.status in (models.Saga.Status.RUNNING, models.Saga.Status.ENDED):
                ended = self.saga.ended
                self.row.status = models.Saga.Status.ENDED if ended else models.Saga.Status.RUNNING
        return self.row

    def _loaded(self) -> Saga[Any]:
        if self.saga is None:
            kind = self.sagas.get(self.row.kind, self.row.version)
            self.saga = decode_stored(kind, self.row.state)
        return self.saga

    def _said(self, it: InboxMessage, events: EventsByPosition, steps: StepsById) -> SagaMessage:
        """The input as the saga hears it."""
        match it.what:
            case What.EVENT:
                happened: Event = events[it.position or 0].event
                return happened
            case What.TIMER:
                return TimerFired(it.name)
            case What.ANSWER:
                kind = self.sagas.effect_result_type(self.sagas.get(self.row.kind, self.row.version), it.name)
                return decode_stored(kind, it.payload)
            case What.REFUSAL:
                step = steps[it.cause_id]
                code, _, reason = step.answer.partition(": ")
                return RefusedCommand(
                    decode_command(self.registry.command_class(step.name), step.payload), code, reason
                )
            case _:
                raise EventShopError(f"no saga hears a {it.what}")

    def _react(self, it: InboxMessage, said: SagaMessage, events: EventsByPosition) -> None:
        before = self._loaded()
        at, sequence = self._moment(it, events)
        steps = list(before.react(said))
        after = before.evolve(said)
        encode_canonical(after)  # a state that cannot be stored is this input's failure, not the round's
        self._take(it.cause_id, steps, at, sequence)
        self.saga = after
        self.processed.append(it)
        self.row.moved_at = max(self.row.moved_at, it.heard_at)
        self.row.sequence_number = max(self.row.sequence_number, sequence)

    def _moment(self, it: InboxMessage, events: EventsByPosition) -> tuple[datetime, int]:
        """When it happened, and its place within the correlation."""
        if it.what == What.EVENT:
            meta = events[it.position or 0].meta
            return meta.recorded_at, meta.sequence_number
        return it.heard_at, self.row.sequence_number

    def _take(self, cause_id: UUID, steps: list[SagaAction], at: datetime, sequence: int) -> None:
        made: list[tuple[SagaStep, Command | None]] = []
        waits: dict[str, Timer | None] = {}
        for index, step in enumerate(steps):
            match step:
                case StartTimer():
                    waits[step.name] = self._timer(step, at)
                case CancelTimer():
                    waits[step.name] = None
                case Command() | Effect():
                    row = self._step(cause_id, index, step, at, sequence, self.row.steps + len(made) + 1)
                    made.append((row, step if isinstance(step, Command) else None))
        # Only now: a step that cannot be written leaves nothing of its reaction.
        self.row.steps += len(made)
        self.timers |= waits
        for row, command in made:
            self.steps.append(row)
            if command is not None:
                self.commands[row.step_id] = command

    def _step(
        self, cause_id: UUID, index: int, step: Command | Effect, at: datetime, sequence: int, number: int
    ) -> SagaStep:
        what = SagaStep.Kind.COMMAND if isinstance(step, Command) else SagaStep.Kind.EFFECT
        if isinstance(step, Effect):
            self.sagas.effect_handler(type(step).__name__)
        elif self.registry.personal_fields_of(type(step)):
            raise InvalidMessage("a saga keeps no personal data", command=type(step).__name__)
        return SagaStep(
            step_id=derive_id("saga-step", self.row.saga_id, cause_id, index),
            saga_id=self.row.saga_id,
            slot=self.row.slot,
            number=number,
            cause_id=cause_id,
            sequence_number=sequence,
            what=what,
            name=type(step).__name__,
            payload=encode_canonical(step)[0].decode(),
            looked_at_from=at,
            made_at=at,  # until it is written
        )

    def _timer(self, wait: StartTimer, at: datetime) -> Timer:
        due = wait.due if wait.due is not None else at + (wait.after or at - at)
        return Timer(
            key=self.timer_key(wait.name), due_at=due, looked_at_from=due, saga_id=self.row.saga_id, name=wait.name
        )

    def _stuck(self, error: str) -> None:
        self.row.status, self.row.error = models.Saga.Status.SUSPENDED, error[:2_000]

    def _mend(self, it: InboxMessage) -> None:
        """What a person asked for; who and why stands in the input."""
        status = models.Saga.Status
        self.processed.append(it)
        if it.what == What.RESOLVE:
            self.row.status, self.row.error = status.RESOLVED, ""
            return
        if self.row.status == status.SUSPENDED:
            self.row.status, self.row.error = status.RUNNING, ""
            self.resumed = True
            self.skip_first_deferred = it.what == What.COMPENSATE
        if it.what == What.COMPENSATE and self.row.status != status.RESOLVED:
            reason = msgspec.json.decode(it.payload)["reason"]
            try:
                self.processed.pop()
                self._react(it, CompensationRequested(reason), {})
            except Exception as error:  # as above
                self._stuck(f"{it.name}: {type(error).__name__}: {error}")
                self.deferred.append(it)
                self.resumed = False
