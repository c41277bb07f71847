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
from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Recorded
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import literally
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.records import recorded
from eventshop.eventstore.unit_of_work import many_writes
from eventshop.runtime.fault_injection import point
from eventshop.sagas import inbox, partition_leases, wake_signals
from eventshop.sagas.command_results import answered, failed, next_command, postpone
from eventshop.sagas.errors import ShareLost
from eventshop.sagas.inbox import SLOTS
from eventshop.sagas.models import Saga, SagaInput, SagaStep, Share, Timer
from eventshop.sagas.saga_instance import Events, Steps, Story
from eventshop.sagas.saga_registry import Catalogue
from eventshop.sagas.saga_registry import catalogue as known
from eventshop.sagas.stream_locks import wait_for_turns
from eventshop.sagas.timers import AWAY

log = logging.getLogger(__name__)

#: Inputs heard in one transaction.
BATCH: Final = 200

_SAGA_COLUMNS: Final = ["status", "state", "error", "sequence_number", "steps", "behind", "moved_at"]


class Brain:
    """Works on the sagas of the slots that its worker holds."""

    kind = "sagas"

    def __init__(self, owner: str, *, sagas: Catalogue = known, registry: Registry = program) -> None:
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.mine: dict[int, Share] = {}
        self.caught_up_at = 0.0

    def lease(self, workers: int) -> None:
        self.mine = partition_leases.hold("sagas", range(SLOTS), self.owner, workers)

    def react(self, limit: int = BATCH) -> int:
        """Let sagas hear what waits for them; how many inputs there were. One statement when nothing waits."""
        slots = list(self.mine)
        waiting = literally(SagaInput, "state = 'waiting'").filter(slot__in=slots)
        heard = list(waiting.order_by("pk")[:limit]) if slots else []
        if heard:
            self._write(heard, self._told(heard))
        return len(heard)

    def catch_up(self) -> int:
        """Send commands that could not be sent before, the first one of each saga; how many there were."""
        self.caught_up_at = monotonic()
        # A stuck one waits for a person, with all it has to send.
        lagging = literally(Saga, "behind > 0").filter(slot__in=list(self.mine)).exclude(status=Saga.Status.STUCK)
        behind = lagging.values_list("pk", flat=True)[:BATCH]
        tried = 0
        for saga_id in behind:
            step = next_command(saga_id)
            if step is not None and step.looked_at_from <= timezone.now():
                self._try_again(step)
                tried += 1
        return tried

    def _told(self, heard: Sequence[SagaInput]) -> list[Story]:
        """What the sagas do about it, in memory: reads, and writes nothing."""
        found = Saga.objects.in_bulk({it.saga_id for it in heard})
        events, steps = self._events(heard), _refused(heard)
        stories = {saga_id: Story(row, self.sagas, self.registry) for saga_id, row in found.items()}
        for it in heard:
            if it.saga_id in stories:
                stories[it.saga_id].hear(it, events, steps)
        return list(stories.values())

    def _events(self, heard: Iterable[SagaInput]) -> Events:
        positions = sorted({it.position for it in heard if it.position is not None})
        if not positions:
            return {}
        marks = ", ".join(["%s"] * len(positions))
        events: dict[int, Recorded[Any]] = {}
        for row in engine().select(f"WHERE position IN ({marks})", positions):
            try:
                events[row.position] = recorded(row, self.registry)
            except EventShopError as error:  # the saga that is to hear it gets stuck, no other
                log.error("event %s cannot be read: %s", row.event_id, error)
        return events

    def _write(self, heard: Sequence[SagaInput], stories: Sequence[Story]) -> None:
        now = timezone.now()
        with many_writes():
            partition_leases.locked(self.mine, self.owner)
            _mark([it for story in stories for it in story.heard], SagaInput.State.HANDLED, now)
            _mark([it for story in stories for it in story.held], SagaInput.State.HELD, now)
            known = {story.row.saga_id for story in stories}
            lost = [it for it in heard if it.saga_id not in known]
            _mark([*lost, *(it for story in stories for it in story.skipped)], SagaInput.State.SKIPPED, now)
            _set_timers([timer for story in stories for timer in story.waits.items()], stories, now)
            for story in stories:
                _mend(story, now)
            point("saga.before-send")
            refusals = self._send(stories, now)
            steps = [step for story in stories for step in story.steps]
            for step in steps:
                step.made_at = now
            bulk_sql.insert(steps)
            if any(step.what == SagaStep.What.EFFECT for step in steps):
                transaction.on_commit(wake_signals.effects.set)
            inbox.write(refusals)
            bulk_sql.update([story.closed() for story in stories], _SAGA_COLUMNS)
            point("saga.before-commit")
        point("saga.after-commit")

    def _send(self, stories: Sequence[Story], now: datetime) -> list[SagaInput]:
        """Send the new commands of all stories; gives what their sagas are to hear of it."""
        ready: list[tuple[Story, SagaStep]] = []
        for story in stories:
            commands = [step for step in story.steps if step.what == SagaStep.What.COMMAND]
            if story.row.behind:
                story.row.behind += len(commands)
            else:
                ready += [(story, step) for step in commands]
        if not ready:
            return []
        # In the order of their streams: two workers whose batches meet in two streams would else wait for each other.
        ready.sort(key=lambda pair: self._stream(*pair))
        streams = {self._stream(*pair) for pair in ready} - {story.row.subject_id.bytes for story, _ in ready}
        wait_for_turns(streams)
        try:
            outcomes = send_many(
                [(story.command(step), story.envelope(step)) for story, step in ready], registry=self.registry
            )
        except AWAY:
            raise
        except Exception as error:  # some command's failure; each is tried alone
            log.warning("%s commands are tried one by one: %s", len(ready), error)
            for story, _ in ready:
                story.row.behind += 1
            return []
        return [
            refusal
            for (_, step), outcome in zip(ready, outcomes, strict=True)
            if (refusal := answered(step, outcome, now)) is not None
        ]

    def _stream(self, story: Story, step: SagaStep) -> bytes:
        command = story.command(step)
        try:
            return self.registry.aggregate_of(type(command)).id_of(command).bytes
        except EventShopError:
            return b""

    def _try_again(self, step: SagaStep) -> None:
        row = Saga.objects.get(pk=step.saga_id)
        story = Story(row, self.sagas, self.registry)
        now = timezone.now()
        with many_writes():
            partition_leases.locked({row.slot: self.mine[row.slot]}, self.owner)
            try:
                [outcome] = send_many([(story.command(step), story.envelope(step))], registry=self.registry)
            except AWAY:
                raise
            except Conflict as busy:  # nobody's fault, however often
                postpone(step, busy, now)
                return
            except Exception as error:  # whatever a rule raises
                failed(step, error, now)
                return
            refusal = answered(step, outcome, now)
            step.save(update_fields=["state", "answer", "aggregate_id", "position", "answered_at"])
            inbox.write([refusal] if refusal else [])
            Saga.objects.filter(pk=step.saga_id).update(behind=F("behind") - 1)


def _refused(heard: Iterable[SagaInput]) -> Steps:
    """The steps that refusals are about."""
    ids = [it.cause_id for it in heard if it.what == SagaInput.What.REFUSAL]
    return SagaStep.objects.in_bulk(ids) if ids else {}


def _mark(heard: Sequence[SagaInput], state: SagaInput.State, now: datetime) -> None:
    """Take inputs out of the queue; raises `ShareLost` when somebody else has taken one."""
    if not heard:
        return
    waiting = SagaInput.objects.filter(pk__in=[it.pk for it in heard], state=SagaInput.State.WAITING)
    if waiting.update(state=state, handled_at=now) != len(heard):
        raise ShareLost("another worker heard this")


def _set_timers(waits: Sequence[tuple[str, Timer | None]], stories: Sequence[Story], now: datetime) -> None:
    if not waits:
        return
    timers = [timer for _, timer in waits if timer is not None]
    keys = [story.key(name) for story in stories for name in story.waits]
    Timer.objects.filter(key__in=keys, fired_at=None).delete()
    for timer in timers:
        timer.set_at = now
    bulk_sql.insert(timers)


def _mend(story: Story, now: datetime) -> None:
    """After a person has asked for it: what was held waits no more, what had failed is tried again, or neither."""
    if story.row.status == Saga.Status.RESOLVED:
        SagaInput.objects.filter(saga_id=story.row.pk, state=SagaInput.State.HELD).update(
            state=SagaInput.State.SKIPPED, handled_at=now
        )
        open_steps = (SagaStep.State.WAITING, SagaStep.State.FAILED)
        SagaStep.objects.filter(saga_id=story.row.pk, state__in=open_steps).update(
            state=SagaStep.State.GIVEN_UP, answered_at=now
        )
        Timer.objects.filter(saga_id=story.row.pk, fired_at=None).delete()
        story.row.behind = 0
    elif story.mended:
        held = SagaInput.objects.filter(saga_id=story.row.pk, state=SagaInput.State.HELD)
        if story.skip_first_held and (first := held.order_by("pk").first()) is not None:
            SagaInput.objects.filter(pk=first.pk).update(state=SagaInput.State.SKIPPED, handled_at=now)
        held.update(state=SagaInput.State.WAITING, handled_at=None)
        SagaStep.objects.filter(saga_id=story.row.pk, state=SagaStep.State.FAILED).update(
            state=SagaStep.State.WAITING, looked_at_from=now
        )
