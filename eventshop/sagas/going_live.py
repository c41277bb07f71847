"""A muted saga goes live: the steps of its past are compared with what is on record, and only the rest is done.

A command is on record by its receipt, an effect by an event that names it as its cause. The ids of both are derived
from the saga, the cause and the step, so a saga that processes its past again asks for them under the same ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventshop.core.saga import Saga
from eventshop.core.serialization import decode_stored
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas import models, muting
from eventshop.sagas.inbox import WaitingMessage
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry

Kind, State = SagaStep.Kind, SagaStep.State

_COLUMNS: Final = ("state", "answer", "answered_at", "looked_at_from", "aggregate_id", "position", "recalled")
_NOT_REPEATED: Final = "of a past that was left as it was"
_SETTLED: Final = "not on record, but a later command is: it was refused, or led to no event"
_NOT_AWAITED: Final = "the saga does not wait for it any more"


class Records(NamedTuple):
    """What is on record about the muted steps of some sagas."""

    steps: Mapping[UUID, Sequence[SagaStep]] = {}  # by saga, in the order of their numbers
    receipts: Mapping[UUID, StoredReceipt] = {}  # by command id
    answered: Collection[UUID] = ()  # effects that led to an event


def load_records(messages: Iterable[WaitingMessage]) -> Records:
    """The records of the sagas whose past ends with one of these messages: three statements, none without one."""
    saga_ids = [message.saga_id for message in messages if message.what == InboxMessage.Kind.LIVE]
    if not saga_ids:
        return Records()
    steps: dict[UUID, list[SagaStep]] = {}
    commands, effects = list[UUID](), list[SagaStep]()
    muted = SagaStep.objects.filter(saga_id__in=saga_ids, state=State.MUTED, answered_at=None)
    for step in muted.order_by("saga_id", "number"):
        steps.setdefault(step.saga_id, []).append(step)
        if step.what == Kind.COMMAND:
            commands.append(step.pk)
        else:
            effects.append(step)
    return Records(steps, StoredReceipt.objects.in_bulk(commands), _answered(effects))


def _answered(effects: Sequence[SagaStep]) -> set[UUID]:
    if not effects:
        return set()
    saga_ids = {step.saga_id for step in effects}
    correlations = list(models.Saga.objects.filter(pk__in=saga_ids).values_list("correlation_id", flat=True))
    events = StoredEvent.objects.filter(correlation_id__in=correlations, saga_id__in=saga_ids)
    causes = set(events.values_list("causation_id", flat=True))
    return {step.pk for step in effects if step.pk in causes}


def settle_steps(
    steps: Sequence[SagaStep], records: Records, past: str, saga: Saga[Any], sagas: SagaRegistry, now: datetime
) -> int:
    """Decide what becomes of the muted steps of a saga; returns how many commands are now to be sent."""
    on_record = [step for step in steps if step.pk in records.receipts]
    last = max((step.number for step in on_record), default=0)
    # Another release may have sent other commands about the same message: that message is settled.
    settled = {step.cause_id for step in on_record if records.receipts[step.pk].command_type != step.name}
    pending = 0
    for step in steps:
        if step.what == Kind.COMMAND and (receipt := records.receipts.get(step.pk)):
            step.state, step.aggregate_id, step.position = State.ACCEPTED, receipt.aggregate_id, receipt.position
            step.answered_at = now
        elif step.pk in records.answered:
            step.state, step.answer, step.answered_at = State.ANSWERED, "by the event that followed", now
        elif past == muting.Past.LEAVE:
            step.answer, step.answered_at = _NOT_REPEATED, now
        elif step.what == Kind.COMMAND and (step.number < last or step.cause_id in settled):
            step.answer, step.answered_at = _SETTLED, now
        elif step.what == Kind.EFFECT and not saga.awaits(
            decode_stored(sagas.effect_handler(step.name)[0], step.payload)
        ):
            step.answer, step.answered_at = _NOT_AWAITED, now
        else:
            step.state, step.looked_at_from, step.recalled = State.WAITING, now, step.what == Kind.EFFECT
            pending += step.what == Kind.COMMAND
    return pending


class WentLive(NamedTuple):
    """A saga that went live in this round, how, and the steps of its past."""

    saga_id: UUID
    past: str
    steps: Sequence[SagaStep]


def write_went_live(went_live: Sequence[WentLive]) -> None:
    """Write what became of the steps and timers of sagas that went live."""
    if not went_live:
        return
    steps = [step for each in went_live for step in each.steps]
    bulk_sql.update_rows(steps, _COLUMNS)
    models.Saga.objects.filter(pk__in=[each.saga_id for each in went_live]).update(muted=False)
    for past in muting.Past:
        muting.unmute_timers([each.saga_id for each in went_live if each.past == past], past)
    if any(step.state == State.WAITING and step.what == Kind.EFFECT for step in steps):
        wake(Channel.EFFECTS)
