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
from eventshop.operations.objectives import State
from eventshop.operations.projection_health import ProjectionProgress, measure_projections
from eventshop.operations.worker_health import problems_of, worker_processes

#: The value of each state.
VALUES: Final = {State.OK: 0, State.DEGRADED: 1, State.FAILING: 2}
PROJECTIONS: Final = "projections"


class TableCollector(Collector):
    """Measures the whole system, not this process: every process gives the same numbers."""

    def collect(self) -> Iterator[Metric]:
        components = check_components()
        yield from _parts(components)
        if not components[0].ok:  # without the database there is nothing else to measure
            return
        yield from _projections(measure_projections(), _projection_states(components))
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
    states = [([part.name], VALUES[part.state]) for part in parts]
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


def _projection_states(components: Sequence[ComponentHealth]) -> dict[str, State]:
    return {
        part.name: part.state for component in components if component.name == PROJECTIONS for part in component.parts
    }


def _projections(measured: Sequence[ProjectionProgress], states: dict[str, State]) -> Iterator[Metric]:
    figures: dict[str, tuple[str, Callable[[ProjectionProgress], float]]] = {
        "state": ("0: ok, 1: degraded, 2: failing.", lambda one: VALUES[states.get(one.name, State.OK)]),
        "lag_events": ("Events of the event table that it has not folded.", lambda one: one.progress.behind),
        "lag_seconds": ("How long the oldest of them has been waiting.", lambda one: one.progress.behind_s),
        "dead_letters": ("Events that it could not fold, or that wait behind one.", lambda one: one.progress.set_aside),
        "ledger_difference_events": (
            "Events that were appended up to its checkpoints and not fetched, or the other way.",
            lambda one: one.ledger_difference,
        ),
        "paused": ("1: an operator has paused it.", lambda one: int(one.is_paused)),
        "last_move_timestamp_seconds": ("When it last folded a batch.", lambda one: _timestamp(one.progress.moved_at)),
    }
    for name, (text, value_of) in figures.items():
        samples = [([one.name], value_of(one)) for one in measured]
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
