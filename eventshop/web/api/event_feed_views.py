"""Events for API clients: one stream, from a version on or as of a time, and the feed of the whole store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import ClassVar, Final, TypeVar
from uuid import UUID

import msgspec
from django.http import HttpResponseBase
from msgspec import Struct
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from eventshop.core.message_registry import registry
from eventshop.core.messages import Instant
from eventshop.core.request_context import note_access
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login
from eventshop.web.api.event_json import serialize_events
from eventshop.web.api.own_events import FeedRows, followed_person, read_followed
from eventshop.web.api.pagination import add_page_links, invalid_parameter, read_limit, refuse_unknown_parameters
from eventshop.web.api.response_schemas import FeedPage, StreamPage
from eventshop.web.live.event_feed import EventFilter, open_feed
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import CursorBeyondEnd, InvalidHeader, NotAllowed, NotFound

#: How many requests of one process may long-poll at once; any further one is answered immediately.
MAX_WAITING_REQUESTS: Final = 8
_POLL_INTERVAL_S: Final = 0.1
_MAX_VERSION: Final = 2**31 - 1

T = TypeVar("T")

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
        preceding = None
        if after:
            preceding = replace_query_param(request.build_absolute_uri(), "after_version", max(0, after - limit))
        events = serialize_events(rows, personal=personal)
        response = Response({"results": events, "next": following, "prev": preceding})
        add_page_links(response, next_url=following, prev_url=preceding)
        return response

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        """Whether the caller sees personal values; raises `NotAllowed` if they may not see the stream at all."""
        require_event_access(request)
        return False


class EventStreamRenderer(BaseRenderer):
    """Lets a client accept an event stream; the view makes that response itself."""

    media_type = "text/event-stream"
    format = "event-stream"


class Feed(ApiView):
    """The events of the store in order, from a position on, without gaps and without duplicates.

    With the permission to read events these are all events, with personal values as null; customers follow their own:
    those of their orders, trading accounts, trades and of themselves. To continue, send the response's `cursor` as
    `after`, or follow `next`; with `Prefer: wait=10` the request waits for the next event. A cursor beyond the newest
    event is refused: it belongs to another store.

    With `Accept: text/event-stream` the events are sent as they happen (server-sent events). The `id` of each is its
    position: send the last one as `Last-Event-ID`, as browsers do by themselves.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.CUSTOMERS, (VIEW_EVENTS,))}
    access = Logged(Kind.FEED)
    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("after", "types", "aggregate_type", "limit")
    waits = True
    renderer_classes = (*ApiView.renderer_classes, EventStreamRenderer)
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": FeedPage}

    def get_renderers(self) -> list[BaseRenderer]:
        """What OPTIONS answers is no stream of events."""
        renderers: list[BaseRenderer] = super().get_renderers()
        if self.request.method == "OPTIONS":
            return [renderer for renderer in renderers if not isinstance(renderer, EventStreamRenderer)]
        return renderers

    def get(self, request: Request) -> HttpResponseBase:
        refuse_unknown_parameters(request, self.parameters)
        person = followed_person(require_login(request))
        after, limit = _read_cursor(request), read_limit(request)
        chosen = EventFilter(_read_event_types(request), request.query_params.get("aggregate_type") or "")
        if isinstance(request.accepted_renderer, EventStreamRenderer):
            return open_feed(request, person, chosen, after)
        found = _wait_for_followed(person, after, limit, read_your_writes.preferred_wait_s(request.headers))
        matching = [row for row in found.rows if chosen.matches(row)]
        note_access(first=after + 1, last=found.cursor, rows=len(matching))
        following = replace_query_param(request.build_absolute_uri(), "after", found.cursor)
        events = serialize_events(matching, personal=person is not None)
        response = Response({"results": events, "next": following, "cursor": found.cursor, "more": found.more})
        add_page_links(response, next_url=following)
        return response


def _read_cursor(request: Request) -> int:
    """The position to read after; raises `InvalidParameter` for one that this store has not reached."""
    last_event_id = request.headers.get("Last-Event-ID")
    if last_event_id is None or "after" in request.query_params:
        after, where = read_integer(request, "after", 2**62), {"parameter": "after"}
    elif last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) < 19:
        after, where = int(last_event_id), {"header": "Last-Event-ID"}
    else:
        detail = "must be the id of an event of this stream"
        raise InvalidHeader(f"Last-Event-ID {detail}", locations=[{"header": "Last-Event-ID", "detail": detail}])
    if after > (newest := newest_position()):
        detail = f"is beyond the newest event, {newest}: it belongs to another store, or to one before a restore"
        raise CursorBeyondEnd(f"{after} {detail}", locations=[{**where, "detail": detail}])
    return after


def _wait_for_followed(person: UUID | None, after: int, limit: int, timeout_s: float) -> FeedRows:
    """What there is after a position, or as soon as there is something; nothing when the timeout ends."""
    deadline = monotonic() + timeout_s
    wait_for_events(after, timeout_s)
    found = read_followed(person, after, limit)
    while not found.rows and (left_s := deadline - monotonic()) > 0:  # the new events were not this person's
        sleep(_POLL_INTERVAL_S)
        wait_for_events(found.cursor, left_s)
        found = read_followed(person, found.cursor, limit)
    return found


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
