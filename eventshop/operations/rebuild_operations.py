"""What operators do to rebuilds, from the admin, the command line and the API alike; the operator log records it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from django.db import transaction

from eventshop.core.errors import InvalidMessage
from eventshop.datetimes import parse_datetime_argument
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.eventstore.temporal_queries import CLOCK_SLACK, position_at
from eventshop.operations.operator_log import record_action
from eventshop.projections import kept_rows, rebuild, rebuild_controls
from eventshop.projections.models import Rebuild, Replay

State = Rebuild.State


class Order(NamedTuple):
    """Who wants what of a rebuild, and why."""

    actor: str
    reason: str = ""
    events_per_s: int | None = None


class Verb(NamedTuple):
    """One thing that operators do to a rebuild: in which of its states, and what it is worth saying before."""

    run: Callable[[Rebuild, Order], object]
    states: tuple[str, ...]
    effect: str
    needs_reason: bool = True


VERBS: Final = {
    "pause": Verb(
        lambda job, order: rebuild_controls.pause(job),
        Rebuild.RUNNABLE,
        "It stands still; the rows that it has folded stay, and readers see the old rows.",
    ),
    "resume": Verb(
        lambda job, order: rebuild_controls.resume(job),
        (State.PAUSED,),
        "A worker goes on where it stopped.",
        needs_reason=False,
    ),
    "throttle": Verb(
        lambda job, order: rebuild_controls.throttle(job, order.events_per_s),
        Rebuild.OPEN,
        "It folds at most so many events per second from now on.",
        needs_reason=False,
    ),
    "cancel": Verb(
        lambda job, order: rebuild_controls.cancel(job),
        Rebuild.OPEN,
        "It ends and its new rows are dropped. The live rows stay as they are.",
    ),
    "switch": Verb(
        lambda job, order: rebuild_controls.switch(job, by=order.actor),
        (State.READY,),
        "It folds what has come since, and swaps the new rows in.",
    ),
    "undo": Verb(
        lambda job, order: kept_rows.request_undo(job, requested_by=order.actor, reason=order.reason),
        (State.DONE,),
        "A worker takes the rows from before the switch, folds what has come since, and swaps them in.",
    ),
}


def control_rebuild(verb: str, job: Rebuild, order: Order) -> None:
    """Do it and record it, in one transaction. Raises `InvalidMessage` without a needed reason, `ProjectionError`."""
    if VERBS[verb].needs_reason and not order.reason.strip():
        raise InvalidMessage(f"give a reason to {verb} this rebuild")
    with transaction.atomic():
        VERBS[verb].run(job, order)
        limit = f"{order.events_per_s} events/s" if order.events_per_s else "no limit"
        record_action(
            actor=order.actor,
            action=f"{verb} rebuild",
            target=f"{job.pk} of {job.projection}",
            reason=order.reason,
            result=limit if verb == "throttle" else "",
        )


def can_undo(job: Rebuild) -> bool:
    """Whether the rows from before its switch are kept."""
    return job.state == State.DONE and kept_rows.kept_until(job) is not None


def request(
    name: str,
    order: Order,
    *,
    dry_run: Replay | None = None,
    by_hand: bool = False,
    up_to: int | None = None,
) -> Rebuild:
    """Request a rebuild, or with `up_to` a reset to that position, and record it.

    Raises `UnknownProjection`, and `InvalidMessage` for a pace that is out of range.
    """
    rebuild_controls.check_pace(order.events_per_s)
    with transaction.atomic():
        job = rebuild.request_rebuild(
            name,
            requested_by=order.actor,
            reason=order.reason,
            dry_run=dry_run,
            by_hand=by_hand,
            events_per_s=order.events_per_s,
            up_to=up_to,
        )
        action = "request rebuild" if up_to is None else "reset projection"
        result = "" if up_to is None else f"to position {up_to:,}"
        record_action(actor=order.actor, action=action, target=name, reason=order.reason, result=result)
    return job


def reset_position(text: str) -> int | None:
    """The position that a number or a time names; None for an empty text. Raises `InvalidMessage`."""
    text = text.strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    try:
        return last_position_until(parse_datetime_argument(text))
    except (ArgumentTypeError, OverflowError) as error:
        raise InvalidMessage(f"give a position or a time such as 2026-01-31T12:00, not {text[:50]!r}") from error


def last_position_until(moment: datetime) -> int:
    """The last position before the first event that was recorded later.

    Raises `InvalidMessage` for a moment without time zone.
    """
    if moment.tzinfo is None:
        raise InvalidMessage("a time needs a time zone", at=moment)
    around = StoredEvent.objects.filter(position__gte=position_at(moment, slack=CLOCK_SLACK))
    later = around.filter(recorded_at__gt=moment).order_by("position").values_list("position", flat=True).first()
    return newest_position() if later is None else later - 1
