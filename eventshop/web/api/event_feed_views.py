"""Events for integrators: one stream from a version on or as of a moment, and the feed of the whole store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from eventshop.core.errors import TailBusy
from eventshop.core.message_registry import registry
from eventshop.core.messages import Instant
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import Row, recorded
from eventshop.eventstore.tail_reader import Tail, newest_position
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.pagination import limit_of, refuse_unknown, refused
from eventshop.web.api.response_schemas import FeedPage, StreamPage
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import Behind, NotAllowed, NotFound

#: How many requests of one process may wait for something to happen; the others are answered at once.
MOST_WAITING: Final = 8
_PAUSE_S: Final = 0.1
_LAST: Final = 2**31 - 1

T = TypeVar("T")

_tail: Final = Tail()
_waiting: Final = BoundedSemaphore(MOST_WAITING)


class StreamEvents(ApiView):
    """The events of one aggregate, oldest first. Personal values are null, but for the person's own eyes.

    Ask again with the last version as `after_version`; with `Prefer: wait=10` the answer waits for the next event.
    """

    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("after_version", "as_of", "limit")
    waits = True
    answers: ClassVar[dict[str, type[Struct]]] = {"GET": StreamPage}

    def get(self, request: Request, aggregate_id: UUID) -> Response:
        refuse_unknown(request, self.parameters)
        clear = self.in_clear(request, aggregate_id)
        after, limit, as_of = number(request, "after_version", _LAST), limit_of(request), moment(request, "as_of")

        def read() -> list[Row]:
            return list(store.rows(aggregate_id, after=after, to_version=after + limit + 1, as_of=as_of))

        rows = read() or (as_of is None and waited_for(read, read_your_writes.prefers_wait(request.headers))) or []
        if not rows and not after and as_of is None:
            raise NotFound
        following = None
        if len(rows) > limit:
            rows = rows[:limit]
            following = replace_query_param(request.build_absolute_uri(), "after_version", rows[-1].version)
        response = Response({"results": told(rows, clear=clear), "next": following})
        if following:
            response["Link"] = f'<{following}>; rel="next"'
        return response

    def in_clear(self, request: Request, aggregate_id: UUID) -> bool:
        """Whether this login sees personal values; raises `NotAllowed` if it may not see the stream at all."""
        require_events(request)
        return False


class Feed(ApiView):
    """Every event of the store in order, from a position on: nothing is left out, nothing comes twice.

    Keep `cursor` and ask again with it as `after`; with `Prefer: wait=10` the answer waits until something happens.
    """

    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("after", "types", "aggregate_type", "limit")
    waits = True
    answers: ClassVar[dict[str, type[Struct]]] = {"GET": FeedPage}

    def get(self, request: Request) -> Response:
        refuse_unknown(request, self.parameters)
        require_events(request)
        after, limit = number(request, "after", 2**62), limit_of(request)
        kinds, aggregate = _kinds(request), request.query_params.get("aggregate_type")
        wait_for_more(after, read_your_writes.prefers_wait(request.headers))
        rows = _read(after, limit)
        wanted = [
            row
            for row in rows
            if (not kinds or row.event_type in kinds) and aggregate in (None, "", row.aggregate_type)
        ]
        cursor = rows[-1].position if rows else after
        return Response({"results": told(wanted, clear=False), "cursor": cursor, "more": len(rows) == limit})


def _read(after: int, limit: int) -> list[Row]:
    try:
        rows = _tail.read(after, limit)
        if 0 < len(rows) < limit:  # up to what an earlier request had found to be final; there may be more by now
            rows += _tail.read(rows[-1].position, limit - len(rows))
    except TailBusy as busy:
        raise Behind from busy
    return rows


def told(rows: Iterable[Row], *, clear: bool) -> list[dict[str, Any]]:
    return [_told(row, clear) for row in rows]


def _told(row: Row, clear: bool) -> dict[str, Any]:
    event = recorded(row, registry).event
    data = msgspec.to_builtins(event)
    if not clear:
        data |= {field.name: None for field in registry.personal(type(event))}
    return {
        "event_id": row.event_id,
        "type": row.event_type,
        "schema_version": row.schema_version,
        "aggregate_id": row.aggregate_id,
        "aggregate_type": row.aggregate_type,
        "version": row.version,
        "position": row.position,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "correlation_id": row.correlation_id,
        "causation_id": row.causation_id,
        "command_id": row.command_id,
        "data": data,
    }


def require_events(request: Request) -> None:
    if not signed_in(request).has_perm("store.view_storedevent"):
        raise NotAllowed


def wait_for_more(after: int, patience_s: float) -> None:
    """Until there is an event after this position, or patience is over, or too many are waiting already."""
    if patience_s <= 0 or newest_position() > after:
        return
    until = monotonic() + patience_s
    with waiting_place() as has_place:
        while has_place and monotonic() < until and newest_position() <= after:
            sleep(_PAUSE_S)


def waited_for(read: Callable[[], T], patience_s: float) -> T:
    """What is read as soon as that is something, or at last."""
    until = monotonic() + patience_s
    with waiting_place() as has_place:
        while not (found := read()) and has_place and monotonic() < until:
            sleep(_PAUSE_S)
    return found


@contextmanager
def waiting_place() -> Iterator[bool]:
    """One of the few places to wait in; False when all are taken, and the answer must not wait."""
    has_place = _waiting.acquire(blocking=False)
    try:
        yield has_place
    finally:
        if has_place:
            _waiting.release()


def number(request: Request, name: str, most: int) -> int:
    given = request.query_params.get(name, "0")
    if not (given.isascii() and given.isdecimal() and len(given) < 20 and int(given) < most - 1_000):
        raise refused(name, "is a whole number from 0 on")
    return int(given)


def moment(request: Request, name: str) -> datetime | None:
    given = request.query_params.get(name)
    try:
        return msgspec.convert(given, Instant).astimezone(UTC) if given is not None else None
    except (msgspec.ValidationError, OverflowError):
        raise refused(name, "is a moment with its time zone, such as 2026-01-31T12:00:00Z") from None


def _kinds(request: Request) -> set[str]:
    kinds = set(filter(None, request.query_params.get("types", "").split(",")))
    if unknown := sorted(kinds - set(registry.events)):
        raise refused("types", f"names events that there are not: {', '.join(unknown)}")
    return kinds
