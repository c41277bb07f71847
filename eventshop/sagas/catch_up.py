"""Sends muted kinds of sagas the events of their past, and lets them go live: part of the event router.

A muted kind has a position of its own, behind the router's. Its sagas get their past first, then the message that
their past ends, then what has happened since. Once it has reached the router's position, the router routes its events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from django.db.models.functions import Now

from eventshop.core.messages import new_id
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.database_clock import database_now
from eventshop.sagas import inbox, partition_leases
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaLivePoint

log = logging.getLogger(__name__)

#: Events routed in one transaction.
BATCH: Final = 1_000
#: Messages that end the past of a saga, inserted by one statement.
_MESSAGES: Final = 5_000

#: Writes these events into the inboxes of sagas of these kinds; the sagas are muted if the last argument says so.
RouteRows = Callable[[Sequence[EventRow], Collection[str], bool], None]


def route_past(lease: PartitionLease, owner: str, points: Sequence[SagaLivePoint], route: RouteRows) -> int:
    """Send a batch of events to those of the muted kinds that are the furthest behind.

    Returns how many events were read, or 1 if a kind came further without one. Raises `LeaseLost`.
    """
    ready = [point for point in points if not point.restoring]
    if not ready:
        return 0
    first = min(ready, key=lambda point: (point.routed_to, point.live_from))
    kinds = [point.kind for point in ready if (point.routed_to, point.live_from) == (first.routed_to, first.live_from)]
    is_past = first.routed_to < first.live_from
    end = min(first.live_from, lease.offset) if is_past else lease.offset
    # The router has passed the end, so the store is final up to there.
    rows = TailReader().read(first.routed_to, BATCH, up_to=end)
    reached = rows[-1].position if len(rows) == BATCH else end
    if is_past and reached == first.routed_to:
        return 0  # the router has not come that far
    with batch_write():
        partition_leases.lock_leases([lease], owner)
        route(rows, kinds, is_past)
        _advance(kinds, reached)
        if is_past and reached == first.live_from:
            _end_past(kinds, first.past)
        elif not is_past and reached == lease.offset:
            SagaLivePoint.objects.filter(kind__in=kinds, live_at=None).update(live_at=Now())
            log.warning("%s went live at position %s", ", ".join(sorted(kinds)), first.live_from)
    return len(rows) or 1


def _advance(kinds: Collection[str], position: int) -> None:
    SagaLivePoint.objects.filter(kind__in=kinds, live_at=None).update(routed_to=position)


def _end_past(kinds: Collection[str], past: str) -> None:
    """Tell every muted saga of these kinds that its past ends here."""
    now = database_now()
    muted = iter(Saga.objects.filter(kind__in=kinds, muted=True).values_list("pk", flat=True).iterator(_MESSAGES))
    while saga_ids := list(islice(muted, _MESSAGES)):
        inbox.add_messages([_live_message(saga_id, past, now) for saga_id in saga_ids])


def _live_message(saga_id: UUID, past: str, now: datetime) -> InboxMessage:
    return InboxMessage(
        saga_id=saga_id,
        slot=inbox.partition_for(saga_id),
        what=InboxMessage.Kind.LIVE,
        name=InboxMessage.Kind.LIVE.label,
        cause_id=new_id(),
        payload=past,
        heard_at=now,
    )


def mute_sagas(saga_ids: Iterable[UUID]) -> None:
    """Mute sagas that get an event of their past; those that an operator has resolved get none."""
    sagas = Saga.objects.filter(pk__in=set(saga_ids), muted=False)
    sagas.exclude(status=Saga.Status.RESOLVED).update(muted=True)
