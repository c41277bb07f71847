"""How far each projection is behind, for people to look at: the worst first, in a colour."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.conf import settings
from django.core.cache import cache

from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.projection import projection_registry
from eventshop.projections.status import ProjectionStatus, list_statuses, sum_by_projection

CACHE_KEY: Final = "console:progress"
#: Seconds that an answer of Kafka's is shown, and that it is left alone when it did not answer.
CACHE_S: Final = 3
UNAVAILABLE_CACHE_S: Final = 15
#: Which colour a state has; any other state is worth a look.
TONES: Final = {"stalled": "bad", "parked events": "bad", "up to date": "good"}
_WORST_FIRST: Final = ("bad", "warn", "good")


class ProjectionLag(NamedTuple):
    """Every projection in every partition; or why that cannot be told, when the log is away."""

    statuses: list[ProjectionStatus]
    problem: str = ""

    def by_projection(self) -> list[tuple[ProjectionStatus, str]]:
        """One status per projection, and its colour."""
        found = [(status, TONES.get(status.state, "warn")) for status in sum_by_projection(self.statuses)]
        return sorted(found, key=lambda pair: _WORST_FIRST.index(pair[1]))

    def status_of(self, name: str, partition: int) -> ProjectionStatus | None:
        """The status of one checkpoint; None for a rebuild's, or when the log is away."""
        found = (status for status in self.statuses if (status.name, status.partition) == (name, partition))
        return next(found, None)


def read_lag() -> ProjectionLag:
    """Asked of the embedded log each time; of Kafka now and then, and less often while it is away."""
    if not settings.KAFKA_OPTIONS:
        return _measure_lag()
    lag: ProjectionLag | None = cache.get(CACHE_KEY)
    if lag is None:
        lag = _measure_lag()
        cache.set(CACHE_KEY, lag, UNAVAILABLE_CACHE_S if lag.problem else CACHE_S)
    return lag


def _measure_lag() -> ProjectionLag:
    try:
        return ProjectionLag(list_statuses(projection_registry.select([]), create_event_log()))
    except EventShopError as error:
        return ProjectionLag([], str(error))
