"""The metrics that are read when Prometheus asks: health, progress and ledger, in a bounded number of statements.

Nothing in the work of the program counts for them, and a part that is frozen or was killed is measured like the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.health_checks import ComponentHealth, check_components
from eventshop.operations.models import PeriodicWork
from eventshop.operations.objectives import Progress
from eventshop.operations.worker_health import problems_of, worker_processes

PROJECTIONS: Final = "projections"


class TableCollector(Collector):
    """Measures the whole system, not this process: every process gives the same numbers."""

    def collect(self) -> Iterator[Metric]:
        components = check_components()
        yield from _parts(components)
        if not components[0].ok:  # without the database there is nothing else to measure
            return
        yield from _projections([part for one in components if one.name == PROJECTIONS for part in one.parts])
        yield from _periodic_jobs()
        yield _workers()
        yield _gauge("eventshop_store_position", "The position of the newest event.", [], [([], newest_position())])


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Sequence[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _parts(components: Sequence[ComponentHealth]) -> Iterator[Metric]:
    """Every component, and the parts of all but the projections, which have metrics of their own."""
    below = [part for component in components if component.name != PROJECTIONS for part in component.parts]
    parts = [*components, *below]
    states = [([part.name], part.state.severity) for part in parts]
    measured = [(part.name, part.progress) for part in parts if part.progress]
    yield _gauge("eventshop_part_state", "0: ok, 1: degraded, 2: failing.", ["part"], states)
    yield _gauge(
        "eventshop_part_waiting",
        "Events, records, messages or jobs that wait for a part.",
        ["part"],
        [([name], progress.behind) for name, progress in measured],
    )
    yield _gauge(
        "eventshop_part_oldest_wait_seconds",
        "How long the oldest of them has been waiting.",
        ["part"],
        [([name], progress.behind_s) for name, progress in measured],
    )
    yield _gauge(
        "eventshop_part_set_aside",
        "What failed and waits for somebody: suspended sagas, failing effects, failed jobs, findings.",
        ["part"],
        [([name], progress.set_aside) for name, progress in measured],
    )


def _projections(parts: Sequence[ComponentHealth]) -> Iterator[Metric]:
    measured = [(part, part.progress or Progress()) for part in parts]
    texts: dict[str, tuple[str, Callable[[ComponentHealth, Progress], float]]] = {
        "state": ("0: ok, 1: degraded, 2: failing.", lambda part, progress: part.state.severity),
        "lag_events": ("Events of the event table that it has not folded.", lambda part, progress: progress.behind),
        "lag_seconds": ("How long the oldest of them has been waiting.", lambda part, progress: progress.behind_s),
        "dead_letters": (
            "Events that it could not fold, or that wait behind one.",
            lambda part, progress: progress.set_aside,
        ),
        "ledger_difference_events": (
            "Events that were appended up to its checkpoints and not fetched, or the other way.",
            lambda part, progress: part.figures["ledger_difference_events"],
        ),
        "paused": ("1: an operator has paused it.", lambda part, progress: part.figures["paused"]),
        "last_move_timestamp_seconds": (
            "When it last folded a batch.",
            lambda part, progress: _timestamp(progress.moved_at),
        ),
    }
    for name, (text, value_of) in texts.items():
        samples = [([part.name], value_of(part, progress)) for part, progress in measured]
        yield _gauge(f"eventshop_projection_{name}", text, ["projection"], samples)


def _periodic_jobs() -> Iterator[Metric]:
    rows = list(PeriodicWork.objects.order_by("name"))
    failed = [([row.name], float(row.failed)) for row in rows]
    yield _gauge("eventshop_periodic_job_failed", "1: the last run ended with an error.", ["job"], failed)
    finished = [([row.name], _timestamp(row.finished_at)) for row in rows]
    yield _gauge("eventshop_periodic_job_last_run_timestamp_seconds", "When the last run ended.", ["job"], finished)


def _workers() -> Metric:
    found = Counter(
        "well" if not problems else "silent" if problems == ["silent"] else "thread problem"
        for problems in map(problems_of, worker_processes())
    )
    samples = [([state], found[state]) for state in ("well", "thread problem", "silent")]
    return _gauge("eventshop_worker_processes", "Worker processes by state.", ["state"], samples)


def _timestamp(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0
