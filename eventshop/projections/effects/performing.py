"""Performs effects that are due. What may have been done when a process died is never repeated by itself.

An effect is prepared first, as often as that takes: the letter is composed, the mail server asked. Then `started` is
committed, and only then is it performed. A row that stays started is *interrupted*: a person decides whether to repeat
it. Nothing outside can be asked whether a letter has arrived, so one of the two must be possible: lost or twice.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event as Signal
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from eventshop.projections.effects.effect_projection import (
    Act,
    EffectNotNeeded,
    EffectNotPerformed,
    EffectRefused,
    EffectRequest,
    effect_projection,
)
from eventshop.projections.models import ProjectedEffect
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.database_clock import seconds_until_first
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.leases import claim_due_rows
from eventshop.runtime.log_errors import describe_error
from eventshop.runtime.wake_signals import Channel, wake

log = logging.getLogger(__name__)

State = ProjectedEffect.State
#: How long a claimed effect is hidden from other processes, and after which a started one counts as interrupted.
LEASE: Final = timedelta(minutes=5)
BATCH_SIZE: Final = 20
RETRIES: Final = Backoff(timedelta(seconds=10), timedelta(hours=6), jitter=0.2)
#: After the last one, about three days after the first, the effect has failed.
MAX_TRIES: Final = 24


def perform_due(stop: Signal | None = None, *, person: UUID | None = None) -> int:
    """Perform a batch of due effects (of a person), and mark the interrupted ones; return how many were tried."""
    ProjectedEffect.objects.filter(state=State.STARTED, due_at__lt=Now()).update(
        state=State.INTERRUPTED, finished_at=Now(), error="The process ended while it was performed."
    )
    claimed = claim_due_rows(_waiting(person), due_column="due_at", lease=LEASE, limit=BATCH_SIZE, tries=F("tries") + 1)
    for number, effect in enumerate(claimed):
        if stop is not None and stop.is_set():
            left = [row.pk for row in claimed[number:]]
            ProjectedEffect.objects.filter(pk__in=left, state=State.WAITING).update(due_at=Now())
            return number
        effect.tries += 1
        _perform(effect)
    return len(claimed)


def seconds_until_due() -> float:
    """How long until an effect is due, at most 0 if one is; infinite without any. One statement."""
    return seconds_until_first(_waiting(None), "due_at")


def perform_again(effect: ProjectedEffect) -> None:
    """Make a finished effect due again. Raises `InvalidMessage` for one that is waiting or being performed."""
    finished = ProjectedEffect.objects.filter(pk=effect.pk).exclude(state__in=(State.WAITING, State.STARTED))
    if not finished.update(state=State.WAITING, tries=0, error="", finished_at=None, due_at=Now()):
        raise InvalidMessage(f"{effect} has not ended yet, so that it cannot be repeated")
    wake(Channel.PROJECTED_EFFECTS)


def _waiting(person: UUID | None) -> QuerySet[ProjectedEffect]:
    waiting = ProjectedEffect.objects.filter(state=State.WAITING).order_by("due_at", "position")
    return waiting if person is None else waiting.filter(person=person)


def _perform(effect: ProjectedEffect) -> None:
    try:
        act = prepare(effect)
    except (EffectNotNeeded, CommandRefused) as reason:
        return _finish(effect, State.NOT_NEEDED, reason.message)
    except Exception as error:  # nothing was done: whatever it is, it is tried again
        return _retry_or_fail(effect, describe_error(error))
    # Whoever changes the state performs it: another process may have claimed it when our lease ended.
    if not ProjectedEffect.objects.filter(pk=effect.pk, state=State.WAITING).update(
        state=State.STARTED, due_at=Now() + LEASE
    ):
        return None
    crash_point("effect.started")
    return _act(effect, act)


def _act(effect: ProjectedEffect, act: Act) -> None:
    try:
        act()
    except EffectNotPerformed as error:
        _retry_or_fail(effect, error.message)
    except EffectRefused as error:
        _finish(effect, State.FAILED, error.message)
    except Exception as error:  # it may have been done, or not
        log.warning("%s was interrupted: %s", effect, describe_error(error))
        _finish(effect, State.INTERRUPTED, describe_error(error))
    else:
        crash_point("effect.performed")
        _finish(effect, State.DONE, "")


def prepare(effect: ProjectedEffect) -> Act:
    """Read the event again, and let the rule prepare the effect. Raises what the rule raises."""
    request = request_of(effect)
    projection = effect_projection(effect.projection)
    if projection is None or effect.kind not in projection.rules:
        raise EffectNotNeeded("This program has no such effect any more")
    return projection.rules[effect.kind].prepare(request)


def request_of(effect: ProjectedEffect) -> EffectRequest:
    """What the handler of an effect gets. Raises `EffectNotNeeded` if its event is gone, for example after a fork."""
    rows = list(backend().select_events("WHERE event_id = %s", (effect.event_id,)))
    if not rows:
        raise EffectNotNeeded("Its event is no longer in the store")
    recorded = to_recorded_event(rows[0], registry)
    projection = effect_projection(effect.projection)
    rule = projection.rules.get(effect.kind) if projection else None
    person = rule.person(recorded.event) if rule and rule.person else effect.person
    return EffectRequest(effect.pk, effect.kind, recorded.event, recorded.meta, person)


def _retry_or_fail(effect: ProjectedEffect, error: str) -> None:
    if effect.tries >= MAX_TRIES:
        return _finish(effect, State.FAILED, error)
    delay = RETRIES.delay(effect.tries)
    ProjectedEffect.objects.filter(pk=effect.pk, state__in=(State.WAITING, State.STARTED)).update(
        state=State.WAITING, due_at=Now() + delay, error=error[:300]
    )
    return None


def _finish(effect: ProjectedEffect, state: str, error: str) -> None:
    ProjectedEffect.objects.filter(pk=effect.pk).update(state=state, error=error[:300], finished_at=Now())
