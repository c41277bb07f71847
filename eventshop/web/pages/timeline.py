"""What happened to something, in words for the person whose it is; `partials/story.html` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from eventshop.core.messages import Event, Recorded

E = TypeVar("E", bound=Event)


class Chapter(NamedTuple):
    """One thing that happened. Its tone is `done`, `bad` or nothing."""

    at: datetime
    words: str
    tone: str


def chapters(events: Iterable[Recorded[E]], told: Callable[[E], tuple[str, str]]) -> list[Chapter]:
    """One for each event; `told` says a sentence and its tone."""
    return [Chapter(it.meta.occurred_at, *told(it.event)) for it in events]
