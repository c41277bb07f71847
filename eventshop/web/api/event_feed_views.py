"""Events for API clients: one stream, from a version on or as of a time, and the feed of the whole store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from eventshop.core.request_context import note_access
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import EventRow, to_recorded_event
from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login
from eventshop.web.api.pagination import invalid_parameter, read_limit, refuse_unknown_parameters
from eventshop.web.api.response_schemas import FeedPage, StreamPage
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import NotAllowed, NotFound, ReadModelBehind

#: How many requests of one process may long-poll at once; any further one is answered immediately.
MAX_WAITING_REQUESTS: Final = 8
_POLL_INTERVAL_S: Final = 0.1
_MAX_VERSION: Final = 2**31 - 1

T = TypeVar("T")

_tail: Final = TailReader()
_wait_slots: Final = BoundedSemaphore(MAX_WAITING_REQUESTS)


class StreamEvents(ApiView):
    """The events of one aggregate, oldest first. Personal values are null, except for the person themselves.

    To continue, send the last version as `after_version`; with `Prefer: wait=10` the request waits for the next event.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (VIEW_EVENTS,))}
    access = Logged(Kind.STREAM)
    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("after_version", "as_of", "limit")
    waits = True
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": StreamPage}

    def get(self, request: Request, aggregate_id: UUID) -> Response:
        refuse_unknown_parameters(request, self.parameters)
        personal = self.shows_personal_data(request, aggregate_id)
        after, limit, as_of = (
            read_integer(request, "after_version", _MAX_VERSION),
            read_limit(request),
            read_instant(request, "as_of"),
        )

        def read() -> list[EventRow]:
            return list(store.read_rows(aggregate_id, after=after, to_version=after + limit + 1, as_of=as_of))

        rows = (
            read()
            or (as_of is None and poll_until_found(read, read_your_writes.preferred_wait_s(request.headers)))
            or []
        )
        if not rows and not after and as_of is None:
            raise NotFound
        if rows:
            note_access(first=rows[0].version, last=rows[min(limit, len(rows)) - 1].version, rows=min(limit, len(rows)))
        following = None
        if len(rows) > limit:
            rows = rows[:limit]
            following = replace_query_param(request.build_absolute_uri(), "after_version", rows[-1].version)
        response = Response({"results": serialize_events(rows, personal=personal), "next": following})
        if following:
            response["Link"] = f'<{following}>; rel="next"'
        return response

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        """Whether the caller sees personal values; raises `NotAllowed` if they may not see the stream at all."""
        require_event_access(request)
        return False


class Feed(ApiView):
    """All events of the store in order, from a position on, without gaps and without duplicates.

    To continue, send the response's `cursor` as `after`; with `Prefer: wait=10` the request waits for the next event.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (VIEW_EVENTS,))}
    access = Logged(Kind.FEED)
    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("after", "types", "aggregate_type", "limit")
    waits = True
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": FeedPage}

    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, self.parameters)
        require_event_access(request)
        after, limit = read_integer(request, "after", 2**62), read_limit(request)
        event_types, aggregate_type = _read_event_types(request), request.query_params.get("aggregate_type")
        wait_for_events(after, read_your_writes.preferred_wait_s(request.headers))
        rows = _read(after, limit)
        matching = [
            row
            for row in rows
            if (not event_types or row.event_type in event_types) and aggregate_type in (None, "", row.aggregate_type)
        ]
        cursor = rows[-1].position if rows else after
        note_access(first=after + 1, last=cursor, rows=len(matching))
        return Response(
            {"results": serialize_events(matching, personal=False), "cursor": cursor, "more": len(rows) == limit}
        )


def _read(after: int, limit: int) -> list[EventRow]:
    try:
        rows = _tail.read(after, limit)
        if 0 < len(rows) < limit:  # the reader stops at the tail that an earlier request saw; there may be more by now
            rows += _tail.read(rows[-1].position, limit - len(rows))
    except TailBusy as busy:
        raise ReadModelBehind from busy
    return rows


def serialize_events(rows: Iterable[EventRow], *, personal: bool) -> list[dict[str, Any]]:
    return [_serialize_event(row, personal) for row in rows]


def _serialize_event(row: EventRow, personal: bool) -> dict[str, Any]:
    event = to_recorded_event(row, registry).event
    data = msgspec.to_builtins(event)
    if not personal:
        data |= {field.name: None for field in registry.personal_fields_of(type(event))}
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


def require_event_access(request: Request) -> None:
    if not require_login(request).has_perm(VIEW_EVENTS):
        raise NotAllowed


def wait_for_events(after: int, timeout_s: float) -> None:
    """Wait until there is an event after this position or the timeout ends; do not wait if all slots are taken."""
    if timeout_s <= 0 or newest_position() > after:
        return
    deadline = monotonic() + timeout_s
    with wait_slot() as has_slot:
        while has_slot and monotonic() < deadline and newest_position() <= after:
            sleep(_POLL_INTERVAL_S)


def poll_until_found(read: Callable[[], T], timeout_s: float) -> T:
    """Call `read` until it returns a non-empty result or the timeout ends; returns the last result."""
    deadline = monotonic() + timeout_s
    with wait_slot() as has_slot:
        while not (result := read()) and has_slot and monotonic() < deadline:
            sleep(_POLL_INTERVAL_S)
    return result


@contextmanager
def wait_slot() -> Iterator[bool]:
    """Hold one of the `MAX_WAITING_REQUESTS` slots; yields False if all are taken: the caller must not wait then."""
    has_slot = _wait_slots.acquire(blocking=False)
    try:
        yield has_slot
    finally:
        if has_slot:
            _wait_slots.release()


def read_integer(request: Request, name: str, limit: int) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < limit - 1_000):
        raise invalid_parameter(name, "must be a whole number, 0 or greater")
    return int(text)


def read_instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    try:
        return msgspec.convert(text, Instant).astimezone(UTC) if text is not None else None
    except (msgspec.ValidationError, OverflowError):
        raise invalid_parameter(name, "must be a time with its zone, such as 2026-01-31T12:00:00Z") from None


def _read_event_types(request: Request) -> set[str]:
    event_types = set(filter(None, request.query_params.get("types", "").split(",")))
    if unknown := sorted(event_types - set(registry.events)):
        raise invalid_parameter("types", f"contains unknown event types: {', '.join(unknown)}")
    return event_types
