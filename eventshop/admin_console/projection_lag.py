"""The lag of each projection for admin pages: worst first, with a colour."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.conf import settings

from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.lag import ProjectionStatus, list_statuses, sum_by_projection
from eventshop.projections.projection import projection_registry
from eventshop.runtime.counted_cache import look_up, store

#: Seconds for which Kafka's answer is cached, and for which Kafka is not asked again after an error.
CACHE_S: Final = 3
UNAVAILABLE_CACHE_S: Final = 15
#: The tone of a state; every other state is a warning.
TONES: Final = {"stalled": "bad", "dead letters": "bad", "up to date": "good"}
_WORST_FIRST: Final = ("bad", "warn", "good")


class ProjectionLag(NamedTuple):
    """The status of every projection in every partition, or the problem if the event log is unavailable."""

    statuses: list[ProjectionStatus]
    problem: str = ""

    def by_projection(self) -> list[tuple[ProjectionStatus, str]]:
        """One status per projection with its tone, worst first."""
        toned = [(status, TONES.get(status.state, "warn")) for status in sum_by_projection(self.statuses)]
        return sorted(toned, key=lambda pair: _WORST_FIRST.index(pair[1]))

    def status_of(self, name: str, partition: int) -> ProjectionStatus | None:
        """The status of one checkpoint; None for the checkpoint of a rebuild, or if the event log is unavailable."""
        matching = (status for status in self.statuses if (status.name, status.partition) == (name, partition))
        return next(matching, None)


def read_lag() -> ProjectionLag:
    """The current lag; cached if the log is Kafka, and for longer while Kafka is unavailable."""
    if not settings.KAFKA_OPTIONS:
        return _measure_lag()
    lag: ProjectionLag | None = look_up("projection-lag", "all")
    if lag is None:
        lag = _measure_lag()
        store("projection-lag", "all", lag, UNAVAILABLE_CACHE_S if lag.problem else CACHE_S)
    return lag


def _measure_lag() -> ProjectionLag:
    try:
        return ProjectionLag(list_statuses(projection_registry.select([]), create_event_log()))
    except EventShopError as error:
        return ProjectionLag([], str(error))
