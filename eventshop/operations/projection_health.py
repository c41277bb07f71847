"""Health checks of the projections and their publisher, for `/readyz`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db.models.functions import Now

from eventshop.eventstore.open_appends import describe_open_appends
from eventshop.messaging.event_log import EventLog
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.messaging.kafka.record_verification import ForgedRecord
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.event_ledger import EventWindow, LedgerLine, read_ledger, read_window
from eventshop.operations.health_checks import (
    ComponentHealth,
    check_leader,
    combine_parts,
    judge_progress,
    measure_waiting,
    seconds_since,
)
from eventshop.operations.objectives import Progress, objective_of
from eventshop.operations.unreadable_records import open_records
from eventshop.projections import dead_letters, lag, outbox
from eventshop.projections.models import Checkpoint, OutboxRecord, Worker
from eventshop.projections.outbox_reader import OUTBOX_FENCE
from eventshop.projections.projection import projection_registry
from eventshop.projections.targets import REBUILD_SUFFIX
from eventshop.runtime.database_clock import database_now

#: Waiting records are counted up to this number.
COUNT_LIMIT: Final = 10_000
#: A projection that no worker has polled for this long counts as not running.
UNATTENDED_AFTER: Final = timedelta(seconds=20)
#: Projections far behind whose oldest event is looked up; of the others, its age is that of the window.
MAX_QUESTIONS: Final = 5


def check_publisher() -> ComponentHealth:
    """Whether a publisher leads the outbox (changed rows, dead letters), and how many records wait."""
    if not outbox.is_enabled():
        return ComponentHealth("publisher", True, "not needed")
    from eventshop.messaging.kafka import topics

    topic = topics.outbox_positions_topic()
    return check_leader("publisher", topic, measure_outbox(topic), held_up=describe_open_appends(OUTBOX_FENCE))


def measure_outbox(topic: str) -> Progress:
    """How many records wait to be published, up to `COUNT_LIMIT`, and since when the oldest."""
    moved_at = RelayCheckpoint.objects.filter(topic=topic).values_list("moved_at", flat=True).first()
    waiting = OutboxRecord.objects.order_by("position")
    return measure_waiting(waiting, "created_at", moved_at=moved_at, limit=COUNT_LIMIT)


def check_projections() -> ComponentHealth:
    """Whether workers run every projection, and each keeps its objective; with one part for each."""
    workers = Worker.objects.filter(seen_at__gt=Now() - UNATTENDED_AFTER).count()
    parts = [_judge(projection) for projection in measure_projections()]
    awaited = ", ".join(dead_letters.awaited_schemas())
    detail = f"{workers} workers" + (f"; some events wait for a release with {awaited}" if awaited else "")
    health = combine_parts("projections", parts, detail=detail)
    return health._replace(ok=health.ok and bool(workers), is_failing=health.is_failing or not workers)


class ProjectionProgress(NamedTuple):
    """How a projection gets on, all partitions together."""

    name: str
    progress: Progress
    polled_at: datetime | None
    is_paused: bool
    is_rebuilding: bool  # its rows are of another version, or a rebuild has moved a moment ago
    ledger_difference: int  # events that do not add up

    @property
    def is_unattended(self) -> bool:
        """Whether no worker has looked for its events for a while; a batch that is being folded moves it as well."""
        times = filter(None, [self.polled_at, self.progress.moved_at])
        newest = max(times, default=None)
        return newest is None or database_now() - newest > UNATTENDED_AFTER


def measure_projections() -> list[ProjectionProgress]:
    """How every projection gets on, in a fixed number of statements, without asking Kafka.

    Where a ledger does not close all is measured once more: a batch may commit between two statements of one reading.
    """
    measured = _measure_once()
    is_open = {one.name for one in measured if one.ledger_difference}
    if not is_open:
        return measured
    return [one if one.name in is_open else one._replace(ledger_difference=0) for one in _measure_once()]


def _measure_once() -> list[ProjectionProgress]:
    source = create_event_log()
    rows = list(Checkpoint.objects.order_by("projection", "partition"))
    window = read_window(source)
    rebuilds = {
        row.projection.removesuffix(REBUILD_SUFFIX): row for row in rows if row.projection.endswith(REBUILD_SUFFIX)
    }
    live = [row for row in rows if not row.projection.endswith(REBUILD_SUFFIX)]
    by_name: dict[str, list[tuple[Checkpoint, LedgerLine]]] = {}
    for row, line in zip(live, read_ledger(window, live), strict=True):
        by_name.setdefault(row.projection, []).append((row, line))
    waiting, known = _OldestEvents(window, source), versions()
    return [_measure(name, known.get(name), pairs, rebuilds.get(name), waiting) for name, pairs in by_name.items()]


class _OldestEvents:
    """Since when the first event after a checkpoint waits; the table is asked a limited number of times."""

    def __init__(self, window: EventWindow, source: EventLog) -> None:
        self._window, self._source = window, source
        self._questions = MAX_QUESTIONS

    def seconds(self, rows: Sequence[Checkpoint]) -> float:
        behind = [row for row in rows if self._window.head(row.partition) > row.store_position]
        if not behind:
            return 0.0
        oldest = min(behind, key=lambda row: row.store_position)
        tally = self._window.tallies.get(oldest.partition)
        if tally is None or oldest.store_position >= tally.last_position or not self._questions:
            return max(seconds_since(self._window.first_after(row.partition, row.store_position)) for row in behind)
        self._questions -= 1
        return lag.lag_seconds(oldest, self._source)


def _measure(
    name: str,
    version: int | None,
    pairs: Sequence[tuple[Checkpoint, LedgerLine]],
    rebuild: Checkpoint | None,
    waiting: _OldestEvents,
) -> ProjectionProgress:
    rows = [row for row, _ in pairs]
    progress = Progress(
        sum(line.behind for _, line in pairs),
        waiting.seconds(rows),
        sum(line.dead_letters for _, line in pairs),
        max((row.advanced_at for row in rows if row.advanced_at), default=None),
    )
    return ProjectionProgress(
        name,
        progress,
        min((row.polled_at for row in rows if row.polled_at), default=None),
        any(row.paused for row in rows),
        any(version is not None and row.version != version for row in rows)
        or (rebuild is not None and seconds_since(rebuild.advanced_at) < lag.MOVING_WITHIN.total_seconds()),
        sum(line.difference for _, line in pairs),
    )


def versions() -> dict[str, int]:
    """The version of each projection of this program."""
    return {projection.name: projection.version for projection in projection_registry.select([])}


def _judge(projection: ProjectionProgress) -> ComponentHealth:
    figures = {"ledger_difference_events": projection.ledger_difference, "paused": int(projection.is_paused)}
    return _judge_state(projection)._replace(figures=figures)


def _judge_state(projection: ProjectionProgress) -> ComponentHealth:
    if projection.is_paused:
        return ComponentHealth(projection.name, True, "paused", progress=projection.progress)
    health = judge_progress(projection.name, projection.progress, objective_of(projection.name))
    if projection.is_rebuilding:
        return health._replace(ok=False, is_failing=False, detail=f"needs its rebuild, or is rebuilt; {health.detail}")
    if projection.is_unattended:
        return health._replace(ok=False, detail="; ".join(filter(None, ["nobody runs it", health.detail])))
    if projection.ledger_difference:
        detail = f"its ledger does not close: {projection.ledger_difference:,} events; {health.detail}"
        return health._replace(ok=False, detail=detail)
    return health


def check_unreadable_records() -> ComponentHealth:
    """Whether the log holds records that are no events of ours, and that no operator has acknowledged."""
    found = open_records().values("topic", "partition", "offset")
    number = found.distinct()[:COUNT_LIMIT].count()
    forged = found.filter(error__startswith=str(ForgedRecord())).distinct()[:COUNT_LIMIT].count()
    detail = f"{number:,} not acknowledged" + (f", {forged:,} of them forged" if forged else "")
    progress = Progress(set_aside=number)
    return ComponentHealth("unreadable records", not number, detail, False, progress)
