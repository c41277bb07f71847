"""One saga in memory: it handles inbox messages in order and collects the steps and timers that result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
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
from eventshop.core.serialization import decode_stored, encode_canonical
from eventshop.eventstore.backends.bulk_sql import new_row
from eventshop.runtime import tracing
from eventshop.sagas import models
from eventshop.sagas.going_live import Records, WentLive, settle_steps
from eventshop.sagas.inbox import WaitingMessage
from eventshop.sagas.models import InboxMessage, SagaStep, Timer
from eventshop.sagas.muting import NEVER
from eventshop.sagas.saga_registry import SagaRegistry

log = logging.getLogger(__name__)

Kind: TypeAlias = InboxMessage.Kind

#: What inbox messages refer to: events by store position, the saga's own steps by id.
EventsByPosition: TypeAlias = dict[int, RecordedEvent[Any]]
StepsById: TypeAlias = dict[UUID, SagaStep]


class SagaInstance:
    """A saga's row and state, and what this round's messages change."""

    def __init__(self, row: models.Saga, sagas: SagaRegistry, registry: MessageRegistry) -> None:
        self.row = row
        self.sagas = sagas
        self.registry = registry
        self.saga: Saga[Any] | None = None  # decoded when it is first needed
        self.has_begun = False  # with a message of this round
        self.had_ended = row.status == models.Saga.Status.ENDED
        self.processed: list[WaitingMessage] = []
        self.deferred: list[WaitingMessage] = []
        self.skipped: list[WaitingMessage] = []
        self.steps: list[SagaStep] = []
        self.commands: dict[UUID, Command] = {}
        self.timers: dict[str, Timer | None] = {}  # by name; None: cancel it
        self.resumed = False  # the deferred messages are to be processed
        self.skip_first_deferred = False
        self.went_live: WentLive | None = None
        self.traceparent = ""  # of the message being handled: what follows from it belongs to that trace
        self.rests = False  # what is left of this round waits for the next one

    def handle(
        self,
        message: WaitingMessage,
        events: EventsByPosition,
        steps: StepsById,
        records: Records | None = None,
        *,
        traceparent: str = "",
    ) -> None:
        """Handle one message; an error suspends this saga, and no other."""
        row, status = self.row, models.Saga.Status
        self.traceparent = traceparent
        if self.resumed or self.rests:
            return  # deferred messages are older: they are processed first, in the next round
        if message.what in (Kind.RETRY, Kind.COMPENSATE, Kind.RESOLVE):
            self._handle_operator_action(message)
        elif row.status == status.RESOLVED:
            self.skipped.append(message)
        elif message.what == Kind.FAILURE:
            self._suspend(message.payload)
            self.processed.append(message)
        elif row.status == status.SUSPENDED:
            self.deferred.append(message)
        elif message.what == Kind.LIVE:
            self._go_live(message, records or Records())
        else:
            try:
                self._react(message, self._decode(message, events, steps), events)
            except Exception as error:  # a saga's own code may raise anything
                log.error("%s is suspended at %s: %s", row.kind, message.name, error)
                self._suspend(f"{message.name}: {type(error).__name__}: {error}")
                self.deferred.append(message)

    def set_aside(self, messages: Sequence[WaitingMessage], error: Exception) -> None:
        """Suspend the saga before it handles messages whose outcome cannot be written."""
        self._suspend(f"{type(error).__name__}: {error}")
        for message in messages:
            is_request = message.what in (Kind.RETRY, Kind.COMPENSATE, Kind.RESOLVE)
            (self.processed if is_request else self.deferred).append(message)

    def envelope_of(self, step: SagaStep) -> Envelope:
        """The envelope of a step. It is the same for every attempt, so that a repeat is the same command."""
        return Envelope(
            command_id=step.step_id,
            actor=self.row.kind,
            correlation_id=self.row.correlation_id,
            causation_id=step.cause_id,
            saga_id=self.row.saga_id,
            sequence_number=step.sequence_number,
            metadata=tracing.as_metadata(step.traceparent),
        )

    def timer_key(self, name: str) -> str:
        """The key of this saga's timer of that name."""
        return f"saga:{self.row.saga_id}:{name}"[:200]

    def command_of(self, step: SagaStep) -> Command:
        command = self.commands.get(step.step_id)
        return command or decode_stored(self.registry.command_class(step.name), step.payload)

    def _load_saga(self) -> Saga[Any]:
        if self.saga is None:
            saga_class = self.sagas.get(self.row.kind, self.row.version)
            self.saga = decode_stored(saga_class, self.row.state)
        return self.saga

    def _decode(self, message: WaitingMessage, events: EventsByPosition, steps: StepsById) -> SagaMessage:
        """The inbox message as the value that the saga handles."""
        match message.what:
            case Kind.EVENT:
                event: Event = events[message.position or 0].event
                return event
            case Kind.TIMER:
                return TimerFired(message.name)
            case Kind.ANSWER:
                saga_class = self.sagas.get(self.row.kind, self.row.version)
                return decode_stored(self.sagas.effect_result_type(saga_class, message.name), message.payload)
            case Kind.REFUSAL:
                step = steps[message.cause_id]
                code, _, reason = step.answer.partition(": ")
                return RefusedCommand(decode_stored(self.registry.command_class(step.name), step.payload), code, reason)
            case _:
                raise EventShopError(f"no saga handles a message of kind {message.what}")

    def _react(self, message: WaitingMessage, decoded: SagaMessage, events: EventsByPosition) -> None:
        before = self._load_saga()
        occurred_at, sequence_number = self._moment_of(message, events)
        actions = list(before.react(decoded))
        after = before.evolve(decoded)
        self.has_begun |= before == type(before)() and after != before
        # A state that cannot be stored, or that fails to tell whether it has ended, is this message's failure.
        state, ended = encode_canonical(after)[0].decode(), after.ended
        self._add_actions(message.cause_id, actions, occurred_at, sequence_number)
        self.saga, self.row.state = after, state
        self.row.status = models.Saga.Status.ENDED if ended else models.Saga.Status.RUNNING
        self.processed.append(message)
        self.row.moved_at = max(self.row.moved_at, message.heard_at)
        self.row.sequence_number = max(self.row.sequence_number, sequence_number)

    def _go_live(self, message: WaitingMessage, records: Records) -> None:
        """Compare the steps of the past with what is on record, once all of them are stored."""
        if self.processed:
            self.rests = True
            return
        steps = records.steps.get(self.row.saga_id, ())
        try:
            pending = settle_steps(steps, records, message.payload, self._load_saga(), self.sagas, message.heard_at)
        except Exception as error:  # as in `handle`
            self._suspend(f"{message.name}: {type(error).__name__}: {error}")
            self.deferred.append(message)
            return
        self.row.behind += pending
        self.row.muted = False
        self.went_live = WentLive(self.row.saga_id, message.payload, steps)
        self.processed.append(message)

    def _moment_of(self, message: WaitingMessage, events: EventsByPosition) -> tuple[datetime, int]:
        """When the message's cause happened, and its sequence number within the correlation."""
        if message.what == Kind.EVENT:
            meta = events[message.position or 0].meta
            return meta.recorded_at, meta.sequence_number
        return message.heard_at, self.row.sequence_number

    def _add_actions(self, cause_id: UUID, actions: list[SagaAction], now: datetime, sequence_number: int) -> None:
        """Turn what the saga wants into steps and timers; `now` is when the cause happened."""
        rows: list[tuple[SagaStep, Command | None]] = []
        timers: dict[str, Timer | None] = {}
        for index, action in enumerate(actions):
            match action:
                case StartTimer():
                    timers[action.name] = self._timer(action, now)
                case CancelTimer():
                    timers[action.name] = None
                case Command() | Effect():
                    number = self.row.steps + len(rows) + 1
                    row = self._step(cause_id, index, action, now, sequence_number, number)
                    rows.append((row, action if isinstance(action, Command) else None))
        # Only now: an action that cannot be written must leave nothing of its reaction.
        self.row.steps += len(rows)
        self.timers |= timers
        for row, command in rows:
            self.steps.append(row)
            if command is not None:
                self.commands[row.step_id] = command

    def _step(
        self, cause_id: UUID, index: int, action: Command | Effect, now: datetime, sequence_number: int, number: int
    ) -> SagaStep:
        kind = SagaStep.Kind.COMMAND if isinstance(action, Command) else SagaStep.Kind.EFFECT
        if isinstance(action, Effect):
            self.sagas.effect_handler(type(action).__name__)  # raises for an effect without handler
        elif self.registry.tells_of_a_person(type(action)):
            raise InvalidMessage("a saga must not store personal data", command=type(action).__name__)
        return new_row(
            SagaStep,
            step_id=derive_id("saga-step", self.row.saga_id, cause_id, index),
            saga_id=self.row.saga_id,
            slot=self.row.slot,
            number=number,
            cause_id=cause_id,
            sequence_number=sequence_number,
            what=kind,
            name=type(action).__name__,
            payload=encode_canonical(action)[0].decode(),
            state=SagaStep.State.MUTED if self.row.muted else SagaStep.State.WAITING,
            looked_at_from=now,
            traceparent=self.traceparent,
            made_at=now,  # the runner replaces it when it writes the row
        )

    def _timer(self, action: StartTimer, now: datetime) -> Timer:
        due = action.due if action.due is not None else now + (action.after or timedelta())
        key = self.timer_key(action.name)
        from_when = NEVER if self.row.muted else due
        return new_row(
            Timer,
            key=key,
            due_at=due,
            looked_at_from=from_when,
            saga_id=self.row.saga_id,
            name=action.name,
            traceparent=self.traceparent,
        )

    def _suspend(self, error: str) -> None:
        self.row.status, self.row.error = models.Saga.Status.SUSPENDED, error[:2_000]

    def _handle_operator_action(self, message: WaitingMessage) -> None:
        """Retry, compensate or resolve; the message holds the actor and the reason."""
        status = models.Saga.Status
        if message.what == Kind.RESOLVE:
            self.processed.append(message)
            self.row.status, self.row.error = status.RESOLVED, ""
            return
        if self.row.status == status.SUSPENDED:
            self.row.status, self.row.error = status.RUNNING, ""
            self.resumed = True
            self.skip_first_deferred = message.what == Kind.COMPENSATE
        if message.what != Kind.COMPENSATE or self.row.status == status.RESOLVED:
            self.processed.append(message)
            return
        reason = msgspec.json.decode(message.payload)["reason"]
        try:
            self._react(message, CompensationRequested(reason), {})
        except Exception as error:  # as in `handle`
            self._suspend(f"{message.name}: {type(error).__name__}: {error}")
            self.deferred.append(message)
            self.resumed = False
