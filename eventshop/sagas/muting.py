"""Mutes sagas for a past that they have not been sent: for a restore, or because an operator says so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.tail_reader import newest_position
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaLivePoint, SagaStep, Timer
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry

log = logging.getLogger(__name__)

Past = SagaLivePoint.Past
#: `looked_at_from` of a timer of a muted saga.
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
_OPEN_STEPS: Final = (SagaStep.State.WAITING, SagaStep.State.FAILED)
_OPEN_MESSAGES: Final = (InboxMessage.State.WAITING, InboxMessage.State.DEFERRED)


def mute_past(
    up_to: int, *, reason: str, actor: str, restoring: bool = False, sagas: SagaRegistry = saga_registry
) -> None:
    """Mute all sagas for the events that they have not been sent, up to a position; then they resume what is open.

    `restoring`: those events are being written, and no saga goes live before `finish_restore`. Workers may run.
    """
    with batch_write():
        lease = _take_leases()
        for by_version in sagas.versions_by_kind.values():
            for saga in by_version.values():
                _mute(saga.kind, saga.version, lease, up_to, Past.RESUME, reason, actor, restoring)
        _mute_sagas(sagas.versions_by_kind)
        PartitionLease.objects.filter(pk=lease.pk, offset__lt=up_to).update(offset=up_to, position=up_to)
    log.warning("sagas are muted up to position %s: %s", up_to, reason)


def finish_restore() -> None:
    """Let the sagas go live that a restore has muted; nothing happens without one."""
    SagaLivePoint.objects.filter(restoring=True).update(restoring=False)
    wake(Channel.EVENTS)


def set_live_point(
    kind: str, up_to: int | None, *, past: str, reason: str, actor: str, sagas: SagaRegistry = saga_registry
) -> None:
    """Set the live point of one kind: a position that its sagas have not reached; None stands for the newest event.

    Raises `InvalidMessage` for an unknown kind, an empty reason or actor, and a position that they have passed live.
    """
    if kind not in sagas.versions_by_kind:
        raise InvalidMessage(f"there is no saga {kind!r}; there are {', '.join(sorted(sagas.versions_by_kind))}")
    if not reason.strip() or not actor.strip():
        raise InvalidMessage("say who sets the live point, and why")
    with batch_write():
        lease = _take_leases()
        position = newest_position() if up_to is None else up_to
        point = SagaLivePoint.objects.filter(kind=kind).order_by("version").last()
        is_used = Saga.objects.filter(kind=kind).exists()
        if point is not None and point.live_at is None:
            passed = point.routed_to
        else:
            passed = lease.offset if point is not None or is_used else 0
        if position < passed:
            raise InvalidMessage(f"{kind} has processed events up to position {passed} already", position=position)
        for version in sagas.versions_by_kind[kind]:
            _mute(kind, version, lease, position, past, reason.strip(), actor.strip(), False, passed)
        _mute_sagas([kind])


def _mute(
    kind: str,
    version: int,
    lease: PartitionLease,
    up_to: int,
    past: str,
    reason: str,
    actor: str,
    restoring: bool,
    unheard_from: int | None = None,
) -> None:
    point = SagaLivePoint.objects.filter(kind=kind, version=version).first()
    if unheard_from is None:
        unheard_from = point.routed_to if point is not None and point.live_at is None else lease.offset
    live_from = max(up_to, unheard_from)
    SagaLivePoint.objects.update_or_create(
        kind=kind,
        version=version,
        defaults={
            "live_from": live_from,
            # Where there is no past, the last event is routed once more: every muted saga is told that its past ends.
            "routed_to": max(0, min(unheard_from, live_from - 1)),
            "past": past,
            "reason": reason[:500],
            "actor": actor[:200],
            "set_at": Now(),
            "restoring": restoring,
            "live_at": None,
        },
    )


def _take_leases() -> PartitionLease:
    """End all leases, so that whoever runs sagas looks again before the next write; returns the router's."""
    PartitionLease.objects.get_or_create(name="database", number=0)
    PartitionLease.objects.update(owner="", leased_until=None)
    return PartitionLease.objects.get(name="database", number=0)


def _mute_sagas(kinds: Collection[str]) -> None:
    """Mute the sagas of these kinds that have anything open, with their steps and timers."""
    of_saga = {"saga_id": OuterRef("pk")}
    open_steps = SagaStep.objects.filter(**of_saga, state__in=(*_OPEN_STEPS, SagaStep.State.MUTED), answered_at=None)
    waiting = InboxMessage.objects.filter(**of_saga, state__in=_OPEN_MESSAGES)
    is_open = Q(status__in=(Saga.Status.RUNNING, Saga.Status.SUSPENDED)) | Exists(open_steps) | Exists(waiting)
    living = Saga.objects.filter(kind__in=kinds).exclude(status=Saga.Status.RESOLVED)
    living.filter(is_open).update(muted=True, behind=0)
    muted = Saga.objects.filter(muted=True, kind__in=kinds).values("pk")
    SagaStep.objects.filter(saga_id__in=muted, state__in=_OPEN_STEPS).update(state=SagaStep.State.MUTED, owner="")
    Timer.objects.filter(saga_id__in=muted, fired_at=None).update(looked_at_from=NEVER, owner="")


def unmute_timers(saga_ids: Collection[UUID], past: str) -> None:
    """Let the timers of sagas that go live fire when they are due, or at once, by the database's clock.

    Overdue timers of a past that is left as it is never fire.
    """
    waiting = Timer.objects.filter(saga_id__in=saga_ids, fired_at=None, looked_at_from=NEVER)
    if past == Past.LEAVE:
        waiting = waiting.filter(due_at__gt=Now())
    if waiting.update(looked_at_from=F("due_at")):
        wake(Channel.TIMERS)


@contextmanager
def muted_restore(
    up_to: int, *, reason: str, actor: str, has_written: Callable[[], bool], sagas: SagaRegistry = saga_registry
) -> Iterator[None]:
    """Mute all sagas while the events up to a position are restored, until that is complete.

    After an interruption they stay muted, so that they hear the whole past first; unless nothing was written.
    """
    is_resumed = SagaLivePoint.objects.filter(restoring=True).exists()
    mute_past(up_to, reason=reason, actor=actor, restoring=True, sagas=sagas)
    try:
        yield
    except BaseException:
        if not (is_resumed or has_written()):
            finish_restore()
        raise
    finish_restore()
