"""Sagas at work: what waits for them is heard, and their states, timers and commands are written in one transaction.

A command is appended in the very transaction that stores the state it follows from. One that cannot be sent now (a
race that is lost again and again, a rule that raises what it should not) waits as a row, later ones of its saga
behind it, and is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from eventshop.core.errors import Conflict, EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.records import to_recorded_event
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.fault_injection import crash_point
from eventshop.sagas import inbox, partition_leases, wake_signals
from eventshop.sagas.command_results import next_pending_command, postpone, record_failure, record_outcome
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.inbox import PARTITIONS
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, Timer
from eventshop.sagas.saga_instance import EventsByPosition, SagaInstance, StepsById
from eventshop.sagas.saga_registry import SagaRegistry
from eventshop.sagas.saga_registry import saga_registry as known
from eventshop.sagas.stream_locks import lock_streams
from eventshop.sagas.timers import TRANSIENT_ERRORS

log = logging.getLogger(__name__)

#: Inputs heard in one transaction.
BATCH: Final = 200

_SAGA_COLUMNS: Final = ["status", "state", "error", "sequence_number", "steps", "behind", "moved_at"]


class SagaRunner:
    """Works on the sagas of the slots that its worker holds."""

    kind = "sagas"

    def __init__(self, owner: str, *, sagas: SagaRegistry = known, registry: MessageRegistry = program) -> None:
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.leases: dict[int, PartitionLease] = {}
        self.last_retry_at = 0.0

    def renew_leases(self, workers: int) -> None:
        self.leases = partition_leases.acquire_leases("sagas", range(PARTITIONS), self.owner, workers)

    def process_inbox(self, limit: int = BATCH) -> int:
        """Let sagas hear what waits for them; how many inputs there were. One statement when nothing waits."""
        slots = list(self.leases)
        waiting = filter_literally(InboxMessage, "state = 'waiting'").filter(slot__in=slots)
        heard = list(waiting.order_by("pk")[:limit]) if slots else []
        if heard:
            self._write(heard, self._told(heard))
        return len(heard)

    def retry_pending_commands(self) -> int:
        """Send commands that could not be sent before, the first one of each saga; how many there were."""
        self.last_retry_at = monotonic()
        # A stuck one waits for a person, with all it has to send.
        lagging = filter_literally(Saga, "behind > 0").filter(slot__in=list(self.leases)).exclude(status=Saga.Status.SUSPENDED)
        behind = lagging.values_list("pk", flat=True)[:BATCH]
        tried = 0
        for saga_id in behind:
            step = next_pending_command(saga_id)
            if step is not None and step.looked_at_from <= timezone.now():
                self._try_again(step)
                tried += 1
        return tried

    def _told(self, heard: Sequence[InboxMessage]) -> list[SagaInstance]:
        """What the sagas do about it, in memory: reads, and writes nothing."""
        found = Saga.objects.in_bulk({it.saga_id for it in heard})
        events, steps = self._events(heard), _refused(heard)
        stories = {saga_id: SagaInstance(row, self.sagas, self.registry) for saga_id, row in found.items()}
        for it in heard:
            if it.saga_id in stories:
                stories[it.saga_id].handle(it, events, steps)
        return list(stories.values())

    def _events(self, heard: Iterable[InboxMessage]) -> EventsByPosition:
        positions = sorted({it.position for it in heard if it.position is not None})
        if not positions:
            return {}
        marks = ", ".join(["%s"] * len(positions))
        events: dict[int, RecordedEvent[Any]] = {}
        for row in backend().select_events(f"WHERE position IN ({marks})", positions):
            try:
                events[row.position] = to_recorded_event(row, self.registry)
            except EventShopError as error:  # the saga that is to hear it gets stuck, no other
                log.error("event %s cannot be read: %s", row.event_id, error)
        return events

    def _write(self, heard: Sequence[InboxMessage], stories: Sequence[SagaInstance]) -> None:
        now = timezone.now()
        with batch_write():
            partition_leases.lock_leases(self.leases, self.owner)
            _mark([it for story in stories for it in story.processed], InboxMessage.State.PROCESSED, now)
            _mark([it for story in stories for it in story.deferred], InboxMessage.State.DEFERRED, now)
            known = {story.row.saga_id for story in stories}
            lost = [it for it in heard if it.saga_id not in known]
            _mark([*lost, *(it for story in stories for it in story.skipped)], InboxMessage.State.SKIPPED, now)
            _set_timers([timer for story in stories for timer in story.timers.items()], stories, now)
            for story in stories:
                _mend(story, now)
            crash_point("saga.before-send")
            refusals = self._send(stories, now)
            steps = [step for story in stories for step in story.steps]
            for step in steps:
                step.made_at = now
            bulk_sql.insert_rows(steps)
            if any(step.what == SagaStep.Kind.EFFECT for step in steps):
                transaction.on_commit(wake_signals.effects.set)
            inbox.add_messages(refusals)
            bulk_sql.update_rows([story.updated_row() for story in stories], _SAGA_COLUMNS)
            crash_point("saga.before-commit")
        crash_point("saga.after-commit")

    def _send(self, stories: Sequence[SagaInstance], now: datetime) -> list[InboxMessage]:
        """Send the new commands of all stories; gives what their sagas are to hear of it."""
        ready: list[tuple[SagaInstance, SagaStep]] = []
        for story in stories:
            commands = [step for step in story.steps if step.what == SagaStep.Kind.COMMAND]
            if story.row.behind:
                story.row.behind += len(commands)
            else:
                ready += [(story, step) for step in commands]
        if not ready:
            return []
        # In the order of their streams: two workers whose batches meet in two streams would else wait for each other.
        ready.sort(key=lambda pair: self._stream(*pair))
        streams = {self._stream(*pair) for pair in ready} - {story.row.subject_id.bytes for story, _ in ready}
        lock_streams(streams)
        try:
            outcomes = send_many(
                [(story.command_of(step), story.envelope_of(step)) for story, step in ready], registry=self.registry
            )
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:  # some command's failure; each is tried alone
            log.warning("%s commands are tried one by one: %s", len(ready), error)
            for story, _ in ready:
                story.row.behind += 1
            return []
        return [
            refusal
            for (_, step), outcome in zip(ready, outcomes, strict=True)
            if (refusal := record_outcome(step, outcome, now)) is not None
        ]

    def _stream(self, story: SagaInstance, step: SagaStep) -> bytes:
        command = story.command_of(step)
        try:
            return self.registry.aggregate_of(type(command)).id_of(command).bytes
        except EventShopError:
            return b""

    def _try_again(self, step: SagaStep) -> None:
        row = Saga.objects.get(pk=step.saga_id)
        story = SagaInstance(row, self.sagas, self.registry)
        now = timezone.now()
        with batch_write():
            partition_leases.lock_leases({row.slot: self.leases[row.slot]}, self.owner)
            try:
                [outcome] = send_many([(story.command_of(step), story.envelope_of(step))], registry=self.registry)
            except TRANSIENT_ERRORS:
                raise
            except Conflict as busy:  # nobody's fault, however often
                postpone(step, busy, now)
                return
            except Exception as error:  # whatever a rule raises
                record_failure(step, error, now)
                return
            refusal = record_outcome(step, outcome, now)
            step.save(update_fields=["state", "answer", "aggregate_id", "position", "answered_at"])
            inbox.add_messages([refusal] if refusal else [])
            Saga.objects.filter(pk=step.saga_id).update(behind=F("behind") - 1)


def _refused(heard: Iterable[InboxMessage]) -> StepsById:
    """The steps that refusals are about."""
    ids = [it.cause_id for it in heard if it.what == InboxMessage.Kind.REFUSAL]
    return SagaStep.objects.in_bulk(ids) if ids else {}


def _mark(heard: Sequence[InboxMessage], state: InboxMessage.State, now: datetime) -> None:
    """Take inputs out of the queue; raises `ShareLost` when somebody else has taken one."""
    if not heard:
        return
    waiting = InboxMessage.objects.filter(pk__in=[it.pk for it in heard], state=InboxMessage.State.WAITING)
    if waiting.update(state=state, handled_at=now) != len(heard):
        raise LeaseLost("another worker heard this")


def _set_timers(waits: Sequence[tuple[str, Timer | None]], stories: Sequence[SagaInstance], now: datetime) -> None:
    if not waits:
        return
    timers = [timer for _, timer in waits if timer is not None]
    keys = [story.timer_key(name) for story in stories for name in story.timers]
    Timer.objects.filter(key__in=keys, fired_at=None).delete()
    for timer in timers:
        timer.set_at = now
    bulk_sql.insert_rows(timers)


def _mend(story: SagaInstance, now: datetime) -> None:
    """After a person has asked for it: what was held waits no more, what had failed is tried again, or neither."""
    if story.row.status == Saga.Status.RESOLVED:
        InboxMessage.objects.filter(saga_id=story.row.pk, state=InboxMessage.State.DEFERRED).update(
            state=InboxMessage.State.SKIPPED, handled_at=now
        )
        open_steps = (SagaStep.State.WAITING, SagaStep.State.FAILED)
        SagaStep.objects.filter(saga_id=story.row.pk, state__in=open_steps).update(
            state=SagaStep.State.GIVEN_UP, answered_at=now
        )
        Timer.objects.filter(saga_id=story.row.pk, fired_at=None).delete()
        story.row.behind = 0
    elif story.resumed:
        held = InboxMessage.objects.filter(saga_id=story.row.pk, state=InboxMessage.State.DEFERRED)
        if story.skip_first_deferred and (first := held.order_by("pk").first()) is not None:
            InboxMessage.objects.filter(pk=first.pk).update(state=InboxMessage.State.SKIPPED, handled_at=now)
        held.update(state=InboxMessage.State.WAITING, handled_at=None)
        SagaStep.objects.filter(saga_id=story.row.pk, state=SagaStep.State.FAILED).update(
            state=SagaStep.State.WAITING, looked_at_from=now
        )
