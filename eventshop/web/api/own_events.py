"""The events that a caller may follow: all of them with the permission, otherwise those of their own streams."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User as Login

from eventshop.core.errors import TailBusy
from eventshop.core.port import Port
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader
from eventshop.web.api.base_view import VIEW_EVENTS
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, ReadModelBehind


class OwnStreams(NamedTuple):
    """The streams of a person, and the position up to which it is known whose streams events belong to."""

    streams: Collection[UUID]
    known_to: int


#: Takes a person, the position to read after, and the end of the store; read models answer.
own_streams: Final = Port[Callable[[UUID, int, int], OwnStreams]]("own streams")

_tail: Final = TailReader()


class FeedRows(NamedTuple):
    """Events in order. `cursor` is where the next read goes on; `more` says whether it finds some at once."""

    rows: list[EventRow]
    cursor: int
    more: bool


def followed_person(login: Login) -> UUID | None:
    """The person whose events this login follows; None for all events. Raises `NotAllowed` for nobody's."""
    if login.has_perm(VIEW_EVENTS):
        return None
    person = customer_port.current_adapter().person_of(login)
    if person is None:
        raise NotAllowed
    return person


def read_followed(person: UUID | None, after: int, limit: int) -> FeedRows:
    """At most `limit` events after a position: of this person, or all. Raises `ReadModelBehind` if writers are slow."""
    try:
        return _read_all(after, limit) if person is None else _read_own(person, after, limit)
    except TailBusy as busy:
        raise ReadModelBehind from busy


def _read_all(after: int, limit: int) -> FeedRows:
    rows = _tail.read(after, limit)
    if 0 < len(rows) < limit:  # the reader stops at the tail that an earlier request saw; there may be more by now
        rows += _tail.read(rows[-1].position, limit - len(rows))
    return FeedRows(rows, rows[-1].position if rows else after, len(rows) == limit)


def _read_own(person: UUID, after: int, limit: int) -> FeedRows:
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True).first() or 0
    end = min(_tail.horizon(after), newest)
    if end <= after:
        return FeedRows([], after, more=False)
    streams, known_to = own_streams.get()(person, after, end)
    own = StoredEvent.objects.filter(aggregate_id__in=[person, *streams], position__gt=after, position__lte=known_to)
    positions = list(own.order_by("position").values_list("position", flat=True)[:limit])
    more = len(positions) == limit
    return FeedRows(_rows_at(positions), positions[-1] if more else max(after, known_to), more)


def _rows_at(positions: list[int]) -> list[EventRow]:
    if not positions:
        return []
    placeholders = ", ".join(["%s"] * len(positions))
    return backend().select_events(f"WHERE position IN ({placeholders}) ORDER BY position", tuple(positions))
