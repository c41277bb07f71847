"""What happened to an aggregate, in words, straight from its stream: never behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import when
from eventshop.core.messages import Recorded
from eventshop.eventstore.event_store import store
from projections.activity_timeline import activity_timeline
from projections.models import ActivityTimeline

#: Events told on one page; the stream page has the rest.
LONGEST: Final = 200


class Chapter(NamedTuple):
    """One event: its version, what it says, when it happened, who did it, where to read more."""

    version: int
    words: str
    when: str | SafeString
    actor: str
    url: str


def story(aggregate_id: UUID, tell: Callable[[Any], str] = lambda event: "") -> list[Chapter]:
    """The first events of a stream, as the activity timeline tells them; what it does not know, as `tell` does."""
    return [_told(recorded, tell) for recorded in store.get_events(aggregate_id, to_version=LONGEST)]


def _told(recorded: Recorded[Any], tell: Callable[[Any], str]) -> Chapter:
    meta, row = recorded.meta, ActivityTimeline()
    for handler in activity_timeline.handlers.get(type(recorded.event), ()):
        handler.change(row, recorded.event, meta)
    url = reverse("admin:store_storedevent_change", args=(meta.position,))
    return Chapter(
        meta.version, row.summary or tell(recorded.event) or meta.event_type, when(meta.occurred_at), meta.actor, url
    )
