"""The saga runner processes the inbox: it writes states, timers and commands of the sagas in one transaction.

A command is appended in the transaction that stores the state it follows from. A command that cannot be sent now (it
lost too many races, or its rules raise something unexpected) stays pending as a row, with the later commands of its
saga behind it, and is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from math import inf
from time import monotonic
from typing import Final, cast
from uuid import UUID

from django.db import InternalError, NotSupportedError, ProgrammingError
from django.db.models import F

from eventshop.core.errors import Conflict, EventShopError, ProgramTooOld
from eventshop.core.log_context import log_context
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.records import load_keys_of_rows, to_recorded_event
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime import metrics, tracing
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.database_clock import database_now
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas import command_results, going_live, inbox, partition_leases
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.inbox import PARTITIONS, WaitingMessage, partition_for
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep
from eventshop.sagas.newer_release import NewerRelease
from eventshop.sagas.saga_instance import EventsByPosition, SagaInstance, StepsById
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry
from eventshop.sagas.saga_writes import apply_operator_action, set_state, set_timers
from eventshop.sagas.stream_locks import lock_streams

log = logging.getLogger(__name__)

#: Inbox messages processed in one transaction, at most: a batch takes what waits. 200 cost a quarter more each.
BATCH: Final = 500

#: Errors of the database, except of the values that it was given.
_NOT_OF_A_SAGA: Final = (*TRANSIENT_ERRORS, InternalError, NotSupportedError, ProgrammingError)
_SAGA_COLUMNS: Final = ["status", "state", "error", "sequence_number", "steps", "behind", "moved_at"]


class _TooOldForSagas(ProgramTooOld):
    """These sagas need a newer release."""

    @property
    def sagas(self) -> set[UUID]:
        return cast(set[UUID], self.data["sagas"])


class SagaRunner:
    """Processes the inbox of the saga partitions that its worker has leased."""

    def __init__(
        self,
        owner: str,
        *,
        sagas: SagaRegistry = saga_registry,
        registry: MessageRegistry = default_registry,
        routed: EventsByPosition | None = None,
    ) -> None:
        """`routed` are events that the router of this thread has decoded: they need not be read again."""
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.routed: EventsByPosition = {} if routed is None else routed
        self.leases: dict[int, PartitionLease] = {}
        self.newer_release = NewerRelease(owner)
        #: When a pending command is due, on the monotonic clock; infinite if none is pending.
        self.retry_at = 0.0

    def renew_leases(self, workers: int) -> None:
        self.leases = partition_leases.acquire_leases("sagas", self.partitions(), self.owner, workers)
        self.retry_at = 0.0  # there may be pending commands in a partition that is new

    def partitions(self) -> list[int]:
        """The partitions that this runner may lease: all that it does not leave to a newer release at present."""
        return self.newer_release.without_handed_over(range(PARTITIONS))

    def process_inbox(self, limit: int = BATCH) -> int:
        """Process the next inbox messages; returns how many there were. One statement when there are none."""
        partitions = list(self.leases)
        held = self.newer_release.held_sagas()
        messages = inbox.read_waiting(partitions, limit, held) if partitions else []
        if messages:
            self._process(messages)
            metrics.SAGA_MESSAGES.inc(len(messages))
        return len(messages)

    def retry_pending_commands(self) -> int:
        """Send the first pending command of each saga that has some, if it is due; returns how many were tried."""
        if monotonic() < self.retry_at:
            return 0
        lagging = filter_literally(Saga, "behind > 0").filter(slot__in=list(self.leases))
        # A suspended saga sends nothing until an operator has acted.
        active = lagging.exclude(status=Saga.Status.SUSPENDED)
        ids = list(active.values_list("pk", flat=True)[:BATCH])
        pending = [step for step in map(command_results.next_pending_command, ids) if step is not None]
        now = database_now()
        due = [step for step in pending if step.looked_at_from <= now]
        for step in due:
            self._retry(step)
        # One that was sent still counts as due: the next command of its saga may be.
        next_due = min((step.looked_at_from for step in pending), default=None)
        self.retry_at = inf if next_due is None else monotonic() + (next_due - now).total_seconds()
        return len(due)

    def _process(self, messages: Sequence[WaitingMessage]) -> None:
        """Process messages in one transaction; if one saga makes it fail, saga by saga."""
        try:
            self._write(messages, self._handle(messages))
        except (*_NOT_OF_A_SAGA, LeaseLost):
            raise
        except _TooOldForSagas as error:
            self._hand_over(error)
        except Exception as error:  # a saga's own code, or its values, may fail anywhere
            log.warning("%s messages are processed saga by saga: %s: %s", len(messages), type(error).__name__, error)
            self._process_one_by_one(messages)

    def _hand_over(self, error: _TooOldForSagas) -> None:
        """Leave some sagas, and for a while their partitions, to a worker of a newer release."""
        self.newer_release.hold(error.sagas)
        given = [self.leases.pop(number) for number in map(partition_for, error.sagas) if number in self.leases]
        self.newer_release.hand_over(given, error)

    def _process_one_by_one(self, messages: Sequence[WaitingMessage]) -> None:
        """Suspend each saga that fails alone. Raises if there are several and all fail: then it is not their fault."""
        by_saga: dict[UUID, list[WaitingMessage]] = {}
        for message in messages:
            by_saga.setdefault(message.saga_id, []).append(message)
        failures: dict[UUID, Exception] = {}
        for saga_id, of_saga in by_saga.items():
            try:
                self._write(of_saga, self._handle(of_saga))
            except (*_NOT_OF_A_SAGA, LeaseLost):
                raise
            except Exception as error:
                failures[saga_id] = error
        if len(failures) == len(by_saga) > 1:
            raise next(iter(failures.values()))
        for saga_id, failure in failures.items():
            log.error("saga %s is suspended", saga_id, exc_info=failure)
            saga = SagaInstance(Saga.objects.get(pk=saga_id), self.sagas, self.registry)
            saga.set_aside(by_saga[saga_id], failure)
            self._write(by_saga[saga_id], [saga])

    def _handle(self, messages: Sequence[WaitingMessage]) -> list[SagaInstance]:
        """The sagas with what they do about these messages, in memory: it reads and writes nothing."""
        rows = Saga.objects.in_bulk({message.saga_id for message in messages})
        if newer := {saga_id for saga_id, row in rows.items() if self.sagas.is_newer(row.kind, row.version)}:
            raise _TooOldForSagas("sagas of a newer version", sagas=newer)
        events, steps = self._load_events(messages), command_results.load_refused_steps(messages)
        records = going_live.load_records(messages)
        instances = {saga_id: SagaInstance(row, self.sagas, self.registry) for saga_id, row in rows.items()}
        for message in messages:
            if message.saga_id in instances:
                self._handle_message(instances[message.saga_id], message, events, steps, records)
        return list(instances.values())

    def _handle_message(
        self,
        saga: SagaInstance,
        message: WaitingMessage,
        events: EventsByPosition,
        steps: StepsById,
        records: going_live.Records,
    ) -> None:
        event = events.get(message.position or 0)
        cause = str(event.meta.metadata.get("traceparent", "")) if event else message.traceparent
        with (
            log_context(saga_id=message.saga_id, event=event.meta if event else None),
            tracing.span(
                "saga", saga.row.kind, parent=cause, saga_id=str(message.saga_id), message=message.name
            ) as own,
        ):
            saga.handle(message, events, steps, records, traceparent=own or cause)

    def _load_events(self, messages: Iterable[WaitingMessage]) -> EventsByPosition:
        positions = {message.position for message in messages if message.position is not None}
        events = {position: self.routed.pop(position) for position in positions & self.routed.keys()}
        missing = sorted(positions - events.keys())
        if not missing:
            return events
        unreadable: dict[int, ProgramTooOld] = {}
        placeholders = ", ".join(["%s"] * len(missing))
        rows = backend().select_events(f"WHERE position IN ({placeholders})", missing)
        load_keys_of_rows(rows, self.registry)
        for row in rows:
            try:
                events[row.position] = to_recorded_event(row, self.registry)
            except ProgramTooOld as error:
                unreadable[row.position] = error
            except EventShopError as error:  # suspends the saga that handles this event, and no other
                log.error("event %s cannot be read: %s", row.event_id, error)
        if unreadable:
            sagas = {message.saga_id for message in messages if message.position in unreadable}
            raise _TooOldForSagas(str(next(iter(unreadable.values()))), sagas=sagas)
        return events

    def _write(self, messages: Sequence[WaitingMessage], sagas: Sequence[SagaInstance]) -> None:
        now = database_now()
        with batch_write():
            self._lock_partitions({saga.row.slot for saga in sagas})
            set_state([message for saga in sagas for message in saga.processed], InboxMessage.State.PROCESSED, now)
            set_state([message for saga in sagas for message in saga.deferred], InboxMessage.State.DEFERRED, now)
            existing = {saga.row.saga_id for saga in sagas}
            skipped = [message for message in messages if message.saga_id not in existing]
            skipped += [message for saga in sagas for message in saga.skipped]
            set_state(skipped, InboxMessage.State.SKIPPED, now)
            set_timers(sagas, now)
            going_live.write_went_live([saga.went_live for saga in sagas if saga.went_live is not None])
            for saga in sagas:
                apply_operator_action(saga, now)
            crash_point("saga.before-send")
            refusals = self._send(sagas, now)
            steps = [step for saga in sagas for step in saga.steps]
            for step in steps:
                step.made_at = step.looked_at_from = now
            bulk_sql.insert_rows(steps)
            if any(step.what == SagaStep.Kind.EFFECT for step in steps):
                wake(Channel.EFFECTS)
            inbox.add_messages(refusals)
            bulk_sql.update_rows([saga.row for saga in sagas], _SAGA_COLUMNS)
            crash_point("saga.before-commit")
        if any(saga.row.behind for saga in sagas):
            self.retry_at = 0.0
        _count(sagas, now)
        crash_point("saga.after-commit")

    def _send(self, sagas: Sequence[SagaInstance], now: datetime) -> list[InboxMessage]:
        """Send the new commands of all sagas; returns a message for each that was refused."""
        ready: list[tuple[SagaInstance, SagaStep]] = []
        for saga in sagas:
            unsent = [step for step in saga.steps if step.state == SagaStep.State.WAITING]  # not of a muted saga
            commands = [step for step in unsent if step.what == SagaStep.Kind.COMMAND]
            if saga.row.behind:
                saga.row.behind += len(commands)
            else:
                ready += [(saga, step) for step in commands]
        if not ready:
            return []
        # In the order of their streams: two workers whose batches share two streams would deadlock otherwise.
        ready.sort(key=lambda pair: self._stream_id(*pair))
        lock_streams({self._stream_id(*pair) for pair in ready} - {saga.row.subject_id.bytes for saga, _ in ready})
        try:
            outcomes = send_many(
                [(saga.command_of(step), saga.envelope_of(step)) for saga, step in ready], registry=self.registry
            )
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:  # one command failed; each is tried alone later
            log.warning("%s commands will be tried one by one: %s", len(ready), error)
            for saga, _ in ready:
                saga.row.behind += 1
            return []
        return [
            refusal
            for (_, step), outcome in zip(ready, outcomes, strict=True)
            if (refusal := command_results.record_outcome(step, outcome, now)) is not None
        ]

    def _stream_id(self, saga: SagaInstance, step: SagaStep) -> bytes:
        command = saga.command_of(step)
        try:
            return self.registry.aggregate_of(type(command)).id_of(command).bytes
        except EventShopError:
            return b""

    def _retry(self, step: SagaStep) -> None:
        row = Saga.objects.get(pk=step.saga_id)
        saga = SagaInstance(row, self.sagas, self.registry)
        now = database_now()
        with batch_write():
            self._lock_partitions({row.slot})
            try:
                [outcome] = send_many([(saga.command_of(step), saga.envelope_of(step))], registry=self.registry)
            except TRANSIENT_ERRORS:
                raise
            except Conflict as conflict:  # not an attempt that counts, however often it happens
                command_results.postpone(step, conflict, now)
                return
            except ProgramTooOld as error:  # nor is this: a worker of a newer release sends it
                command_results.postpone(step, error, now, command_results.NEWER_RELEASE_DELAY)
                return
            except Exception as error:  # a rule may raise anything
                command_results.record_failure(step, error, now)
                return
            refusal = command_results.record_outcome(step, outcome, now)
            step.save(update_fields=["state", "answer", "aggregate_id", "position", "answered_at"])
            inbox.add_messages([refusal] if refusal else [])
            Saga.objects.filter(pk=step.saga_id).update(behind=F("behind") - 1)

    def _lock_partitions(self, numbers: Collection[int]) -> None:
        """Raises `LeaseLost` unless all these partitions are leased."""
        if not self.leases.keys() >= set(numbers):
            raise LeaseLost(f"the partitions {sorted(numbers)} are not all leased by {self.owner}")
        partition_leases.lock_leases([self.leases[number] for number in numbers], self.owner)


def _count(sagas: Iterable[SagaInstance], now: datetime) -> None:
    """Count the sagas that have begun or ended with this transaction, but for a muted past."""
    for saga in sagas:
        row = saga.row
        if row.muted:
            continue
        if saga.has_begun:
            metrics.SAGAS_STARTED.labels(row.kind).inc()
        if row.status == Saga.Status.ENDED and not saga.had_ended:
            metrics.SAGA_SECONDS.labels(row.kind).observe(max(0.0, (now - row.started_at).total_seconds()))
