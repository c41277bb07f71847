"""The saga runner processes the inbox: it writes states, timers and commands of the sagas in one transaction.

A command is appended in the transaction that stores the state it follows from. A command that cannot be sent now (it
lost too many races, or its rules raise something unexpected) stays pending as a row, with the later commands of its
saga behind it, and is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Any, Final

from django.db.models import F
from django.utils import timezone

from eventshop.core.errors import Conflict, EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.records import to_recorded_event
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas import inbox, partition_leases, timers
from eventshop.sagas.command_results import next_pending_command, postpone, record_failure, record_outcome
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.inbox import PARTITIONS
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, Timer
from eventshop.sagas.saga_instance import EventsByPosition, SagaInstance, StepsById
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry
from eventshop.sagas.stream_locks import lock_streams

log = logging.getLogger(__name__)

#: Inbox messages processed in one transaction.
BATCH: Final = 200

_SAGA_COLUMNS: Final = ["status", "state", "error", "sequence_number", "steps", "behind", "moved_at"]


class SagaRunner:
    """Processes the inbox of the saga partitions that its worker has leased."""

    def __init__(
        self, owner: str, *, sagas: SagaRegistry = saga_registry, registry: MessageRegistry = default_registry
    ) -> None:
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.leases: dict[int, PartitionLease] = {}
        #: When a pending command is due, on the monotonic clock; infinite if none is pending.
        self.retry_at = 0.0

    def renew_leases(self, workers: int) -> None:
        self.leases = partition_leases.acquire_leases("sagas", range(PARTITIONS), self.owner, workers)
        self.retry_at = 0.0  # there may be pending commands in a partition that is new

    def process_inbox(self, limit: int = BATCH) -> int:
        """Process the next inbox messages; returns how many there were. One statement when there are none."""
        partitions = list(self.leases)
        waiting = filter_literally(InboxMessage, "state = 'waiting'").filter(slot__in=partitions)
        messages = list(waiting.order_by("pk")[:limit]) if partitions else []
        if messages:
            self._write(messages, self._handle(messages))
        return len(messages)

    def retry_pending_commands(self) -> int:
        """Send the first pending command of each saga that has some, if it is due; returns how many were tried."""
        if monotonic() < self.retry_at:
            return 0
        lagging = filter_literally(Saga, "behind > 0").filter(slot__in=list(self.leases))
        # A suspended saga sends nothing until an operator has acted.
        active = lagging.exclude(status=Saga.Status.SUSPENDED)
        tried, next_due = 0, timedelta.max
        for saga_id in active.values_list("pk", flat=True)[:BATCH]:
            step = next_pending_command(saga_id)
            if step is None:
                continue
            if step.looked_at_from <= timezone.now():
                self._retry(step)
                tried += 1
            next_due = min(next_due, step.looked_at_from - timezone.now())
        self.retry_at = inf if next_due == timedelta.max else monotonic() + next_due.total_seconds()
        return tried

    def _handle(self, messages: Sequence[InboxMessage]) -> list[SagaInstance]:
        """The sagas with what they do about these messages, in memory: it reads and writes nothing."""
        rows = Saga.objects.in_bulk({message.saga_id for message in messages})
        events, steps = self._load_events(messages), _load_refused_steps(messages)
        instances = {saga_id: SagaInstance(row, self.sagas, self.registry) for saga_id, row in rows.items()}
        for message in messages:
            if message.saga_id in instances:
                instances[message.saga_id].handle(message, events, steps)
        return list(instances.values())

    def _load_events(self, messages: Iterable[InboxMessage]) -> EventsByPosition:
        positions = sorted({message.position for message in messages if message.position is not None})
        if not positions:
            return {}
        placeholders = ", ".join(["%s"] * len(positions))
        events: dict[int, RecordedEvent[Any]] = {}
        for row in backend().select_events(f"WHERE position IN ({placeholders})", positions):
            try:
                events[row.position] = to_recorded_event(row, self.registry)
            except EventShopError as error:  # suspends the saga that handles this event, and no other
                log.error("event %s cannot be read: %s", row.event_id, error)
        return events

    def _write(self, messages: Sequence[InboxMessage], sagas: Sequence[SagaInstance]) -> None:
        now = timezone.now()
        with batch_write():
            self._lock_partitions({saga.row.slot for saga in sagas})
            _set_state([message for saga in sagas for message in saga.processed], InboxMessage.State.PROCESSED, now)
            _set_state([message for saga in sagas for message in saga.deferred], InboxMessage.State.DEFERRED, now)
            existing = {saga.row.saga_id for saga in sagas}
            skipped = [message for message in messages if message.saga_id not in existing]
            skipped += [message for saga in sagas for message in saga.skipped]
            _set_state(skipped, InboxMessage.State.SKIPPED, now)
            _set_timers(sagas, now)
            for saga in sagas:
                _apply_operator_action(saga, now)
            crash_point("saga.before-send")
            refusals = self._send(sagas, now)
            steps = [step for saga in sagas for step in saga.steps]
            for step in steps:
                step.made_at = now
            bulk_sql.insert_rows(steps)
            if any(step.what == SagaStep.Kind.EFFECT for step in steps):
                wake(Channel.EFFECTS)
            inbox.add_messages(refusals)
            bulk_sql.update_rows([saga.updated_row() for saga in sagas], _SAGA_COLUMNS)
            crash_point("saga.before-commit")
        if any(saga.row.behind for saga in sagas):
            self.retry_at = 0.0
        crash_point("saga.after-commit")

    def _send(self, sagas: Sequence[SagaInstance], now: datetime) -> list[InboxMessage]:
        """Send the new commands of all sagas; returns a message for each that was refused."""
        ready: list[tuple[SagaInstance, SagaStep]] = []
        for saga in sagas:
            commands = [step for step in saga.steps if step.what == SagaStep.Kind.COMMAND]
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
            if (refusal := record_outcome(step, outcome, now)) is not None
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
        now = timezone.now()
        with batch_write():
            self._lock_partitions({row.slot})
            try:
                [outcome] = send_many([(saga.command_of(step), saga.envelope_of(step))], registry=self.registry)
            except TRANSIENT_ERRORS:
                raise
            except Conflict as conflict:  # not an attempt that counts, however often it happens
                postpone(step, conflict, now)
                return
            except Exception as error:  # a rule may raise anything
                record_failure(step, error, now)
                return
            refusal = record_outcome(step, outcome, now)
            step.save(update_fields=["state", "answer", "aggregate_id", "position", "answered_at"])
            inbox.add_messages([refusal] if refusal else [])
            Saga.objects.filter(pk=step.saga_id).update(behind=F("behind") - 1)

    def _lock_partitions(self, numbers: Collection[int]) -> None:
        """Raises `LeaseLost` unless all these partitions are leased."""
        if not self.leases.keys() >= set(numbers):
            raise LeaseLost(f"the partitions {sorted(numbers)} are not all leased by {self.owner}")
        partition_leases.lock_leases([self.leases[number] for number in numbers], self.owner)


def _load_refused_steps(messages: Iterable[InboxMessage]) -> StepsById:
    ids = [message.cause_id for message in messages if message.what == InboxMessage.Kind.REFUSAL]
    return SagaStep.objects.in_bulk(ids) if ids else {}


def _set_state(messages: Sequence[InboxMessage], state: InboxMessage.State, now: datetime) -> None:
    """Move waiting messages to a state; raises `LeaseLost` when another worker has taken one of them."""
    if not messages:
        return
    ids = [message.pk for message in messages]
    waiting = InboxMessage.objects.filter(pk__in=ids, state=InboxMessage.State.WAITING)
    if waiting.update(state=state, handled_at=now) != len(messages):
        raise LeaseLost("another worker has processed these messages")


def _set_timers(sagas: Sequence[SagaInstance], now: datetime) -> None:
    keys = [saga.timer_key(name) for saga in sagas for name in saga.timers]
    if not keys:
        return
    Timer.objects.filter(key__in=keys, fired_at=None).delete()
    new_timers = [timer for saga in sagas for timer in saga.timers.values() if timer is not None]
    for timer in new_timers:
        timer.set_at = now
    bulk_sql.insert_rows(new_timers)
    timers.wake_for(new_timers)


def _apply_operator_action(saga: SagaInstance, now: datetime) -> None:
    """After a resolve: give up everything open. After a resume: deferred messages wait again, failed steps too."""
    if saga.row.status == Saga.Status.RESOLVED:
        InboxMessage.objects.filter(saga_id=saga.row.pk, state=InboxMessage.State.DEFERRED).update(
            state=InboxMessage.State.SKIPPED, handled_at=now
        )
        open_states = (SagaStep.State.WAITING, SagaStep.State.FAILED)
        SagaStep.objects.filter(saga_id=saga.row.pk, state__in=open_states).update(
            state=SagaStep.State.GIVEN_UP, answered_at=now
        )
        Timer.objects.filter(saga_id=saga.row.pk, fired_at=None).delete()
        saga.row.behind = 0
    elif saga.resumed:
        deferred = InboxMessage.objects.filter(saga_id=saga.row.pk, state=InboxMessage.State.DEFERRED)
        if saga.skip_first_deferred and (first := deferred.order_by("pk").first()) is not None:
            InboxMessage.objects.filter(pk=first.pk).update(state=InboxMessage.State.SKIPPED, handled_at=now)
        deferred.update(state=InboxMessage.State.WAITING, handled_at=None)
        SagaStep.objects.filter(saga_id=saga.row.pk, state=SagaStep.State.FAILED).update(
            state=SagaStep.State.WAITING, looked_at_from=now
        )
