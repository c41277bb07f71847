"""The timeline of an aggregate, read from its stream and therefore never behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import datetime_html
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.runtime.database_clock import database_now
from projections.activity_timeline import activity_timeline
from projections.models import ActivityTimeline

#: Entries shown on one page; the stream page shows the rest.
MAX_ENTRIES: Final = 200
#: For how long after its newest event a page follows by itself.
FOLLOWED: Final = timedelta(minutes=2)


class StreamTimelineEntry(NamedTuple):
    """One event of a stream: its summary and the URL of its admin page."""

    version: int
    event_type: str
    summary: str
    when: str | SafeString
    actor: str
    url: str


def event_timeline(aggregate_id: UUID, describe: Callable[[Any], str] = lambda event: "") -> list[StreamTimelineEntry]:
    """The first events of a stream.

    Summaries come from the activity timeline projection; `describe` covers the event types it does not handle.
    """
    return [_entry(recorded, describe) for recorded in store.get_events(aggregate_id, to_version=MAX_ENTRIES)]


def follow_stream(aggregate_id: UUID, version: int | None, state: str = "") -> dict[str, Any]:
    """For the page of a row: how many events it is behind, and whether the page follows by itself.

    `version`: of the row; None where not each event changes it. The page follows while it is behind, and for a while
    after each event: what staff have started goes on in sagas. When `state` changes, its buttons do, too.
    """
    newest = StoredEvent.objects.filter(aggregate_id=aggregate_id).order_by("-version").first()
    behind = max(0, newest.version - version) if newest and version is not None else 0
    is_recent = newest is not None and database_now() - newest.recorded_at < FOLLOWED
    return {"events_behind": behind, "live_s": 2 if behind else 5 if is_recent else 0, "live_state": state}


def _entry(recorded: RecordedEvent[Any], describe: Callable[[Any], str]) -> StreamTimelineEntry:
    meta, row = recorded.meta, ActivityTimeline()
    for handler in activity_timeline.handlers.get(type(recorded.event), ()):
        handler.change(row, recorded.event, meta)
    url = reverse("admin:store_storedevent_change", args=(meta.position,))
    return StreamTimelineEntry(
        meta.version,
        meta.event_type,
        row.summary or describe(recorded.event) or meta.event_type,
        datetime_html(meta.occurred_at),
        meta.actor,
        url,
    )
