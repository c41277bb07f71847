"""How far each projection is behind, for people to look at: the worst first, in a colour."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.conf import settings
from django.core.cache import cache

from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import event_log
from eventshop.projections.projection import catalogue
from eventshop.projections.status import Status, statuses, summed

REMEMBERED: Final = "console:progress"
#: Seconds that an answer of Kafka's is shown, and that it is left alone when it did not answer.
FRESH_S: Final = 3
AWAY_S: Final = 15
#: Which colour a state has; any other state is worth a look.
TONES: Final = {"stalled": "bad", "parked events": "bad", "up to date": "good"}
_WORST_FIRST: Final = ("bad", "warn", "good")


class Progress(NamedTuple):
    """Every projection in every partition; or why that cannot be told, when the log is away."""

    parts: list[Status]
    problem: str = ""

    def by_projection(self) -> list[tuple[Status, str]]:
        """One status per projection, and its colour."""
        found = [(status, TONES.get(status.state, "warn")) for status in summed(self.parts)]
        return sorted(found, key=lambda pair: _WORST_FIRST.index(pair[1]))

    def of(self, name: str, partition: int) -> Status | None:
        """The status of one checkpoint; None for a rebuild's, or when the log is away."""
        found = (status for status in self.parts if (status.name, status.partition) == (name, partition))
        return next(found, None)


def progress() -> Progress:
    """Asked of the embedded log each time; of Kafka now and then, and less often while it is away."""
    if not settings.KAFKA_OPTIONS:
        return _asked()
    found: Progress | None = cache.get(REMEMBERED)
    if found is None:
        found = _asked()
        cache.set(REMEMBERED, found, AWAY_S if found.problem else FRESH_S)
    return found


def _asked() -> Progress:
    try:
        return Progress(statuses(catalogue.chosen([]), event_log()))
    except EventShopError as error:
        return Progress([], str(error))
