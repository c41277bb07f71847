"""What happened to something, in words for the person whose it is; `partials/story.html` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from eventshop.core.messages import Event, RecordedEvent

E = TypeVar("E", bound=Event)


class TimelineEntry(NamedTuple):
    """One thing that happened. Its tone is `done`, `bad` or nothing."""

    at: datetime
    words: str
    tone: str


def build_timeline(events: Iterable[RecordedEvent[E]], describe: Callable[[E], tuple[str, str]]) -> list[TimelineEntry]:
    """One for each event; `told` says a sentence and its tone."""
    return [TimelineEntry(it.meta.occurred_at, *describe(it.event)) for it in events]
