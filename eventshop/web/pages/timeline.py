"""The timeline of an object: its events described for its owner. `templates/partials/timeline.html` renders it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from eventshop.core.messages import Event, RecordedEvent

E = TypeVar("E", bound=Event)


class TimelineEntry(NamedTuple):
    """One event of a timeline. `tone` is a CSS class: `done`, `bad` or empty."""

    at: datetime
    text: str
    tone: str
    event_type: str


def build_timeline(events: Iterable[RecordedEvent[E]], describe: Callable[[E], tuple[str, str]]) -> list[TimelineEntry]:
    """One entry per event; `describe` returns its text and tone."""
    return [
        TimelineEntry(recorded.meta.occurred_at, *describe(recorded.event), recorded.meta.event_type)
        for recorded in events
    ]
