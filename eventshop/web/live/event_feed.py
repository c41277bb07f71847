"""The event feed as server-sent events: each event as it happens, with its position as id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Login
from django.http import HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from eventshop.core.messages import new_id
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.api.base_view import VIEW_EVENTS, require_login
from eventshop.web.api.event_json import serialize_events
from eventshop.web.api.own_events import followed_person, read_followed
from eventshop.web.live.connection_loop import LiveConnection
from eventshop.web.live.sse_response import EventStreamResponse, encode_retry, socket_of
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotAllowed, ReadModelBehind

#: Events that are read, and sent, at once.
BATCH: Final = 50


class EventFilter(NamedTuple):
    """Which events a client wants: of these types (all if there are none) and of this type of aggregate."""

    types: Collection[str]
    aggregate_type: str

    def matches(self, row: EventRow) -> bool:
        return (not self.types or row.event_type in self.types) and self.aggregate_type in ("", row.aggregate_type)


def _newest(keys: Collection[UUID]) -> Mapping[UUID, int]:
    """The mark of every feed is the newest event of the store."""
    return dict.fromkeys(keys, newest_position())


def _may_see_events(login: Login | AnonymousUser) -> bool:
    return login.has_perm(VIEW_EVENTS)


_SOURCE: Final = LiveSource("feed", lambda request, key: True, _newest)
#: For the console's list of events: that there are new ones, for staff who may see them. The key means nothing.
new_events: Final = LiveSource("events", lambda request, key: _may_see_events(request.user), _newest, _may_see_events)


def open_feed(request: Request, person: UUID | None, chosen: EventFilter, after: int) -> HttpResponseBase:
    """The stream of events after a position: what there is, and then each as it happens.

    A server that cannot hand over its socket sends what there is and ends the response: clients reconnect.
    """
    first, cursor = _next_events(person, chosen, after)
    sock = socket_of(request._request)
    if sock is None:
        return StreamingHttpResponse([encode_retry() + first], content_type="text/event-stream")
    live = LiveConnection(
        sock, _SOURCE, new_id(), cursor, require_login(request).pk, request._request.session.session_key or ""
    )
    live.token = request.auth.pk if isinstance(request.auth, ApiToken) else None
    live.read_changes = lambda since, _: _next_events(person, chosen, since)
    live.is_allowed = lambda login: _follows(login, person)
    return EventStreamResponse(live, opening=first)


def _follows(login: Login, person: UUID | None) -> bool:
    try:
        return followed_person(login) == person
    except NotAllowed:
        return False


def _next_events(person: UUID | None, chosen: EventFilter, after: int) -> tuple[bytes, int]:
    """The next events as server-sent events, and the position that was reached."""
    try:
        found = read_followed(person, after, BATCH)
    except ReadModelBehind:
        return b"", after
    rows = [row for row in found.rows if chosen.matches(row)]
    events = serialize_events(rows, personal=person is not None)
    data = b"".join(
        b"id: %d\nevent: %b\ndata: %b\n\n" % (row.position, row.event_type.encode(), msgspec.json.encode(event))
        for row, event in zip(rows, events, strict=True)
    )
    return data, found.cursor
