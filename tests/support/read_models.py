"""Append events, run projections, and compare the rows of read models with the pure fold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection, transaction

from eventshop.core.errors import CheckpointMoved, TailBusy
from eventshop.core.message_registry import registry
from eventshop.core.messages import Event, RecordedEvent
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import to_recorded_event
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.event_feed import CAPACITY, EventFeed
from eventshop.messaging.event_log import EventLog
from eventshop.projections.fold import fold
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.runner import ProjectionRunner
from eventshop.projections.worker import ProjectionWorker
from eventshop.runtime import wake_signals
from eventshop.testing.given_when_then import columns
from tests.support.order_histories import OrderHistory, random_order_history
from tests.support.waiting import join_threads

Rows: TypeAlias = dict[Any, dict[str, Any]]


def append(stream: UUID, *events: Event) -> int:
    """Append to a stream at its current version; returns the last position."""
    version = StoredEvent.objects.filter(aggregate_id=stream).count()
    return store.append_events(stream, events, expected_version=version).position


def append_order_histories(chance: Random, numbers: Iterable[int]) -> list[OrderHistory]:
    """Whole lives of orders, their events interleaved, in one transaction."""
    lives = [random_order_history(chance, number) for number in numbers]
    left = [(order.order_id, list(order.events)) for order in lives if order.events]
    versions: dict[UUID, int] = {}
    with transaction.atomic():
        while left:
            stream, events = chance.choice(left)
            taken, events[:] = events[:2], events[2:]
            store.append_events(stream, taken, expected_version=versions.get(stream, 0))
            versions[stream] = versions.get(stream, 0) + len(taken)
            left = [item for item in left if item[1]]
    return lives


def history() -> list[RecordedEvent[Any]]:
    """Every event of the store, in order."""
    return [to_recorded_event(row, registry) for row in backend().select_events("ORDER BY position", ())]


def stored_rows(projection: Projection[Any]) -> Rows:
    """Every column of every row in the database, by primary key."""
    return {row.pk: columns(row) for row in projection.model._default_manager.all()}


def expected_rows(projection: Projection[Any], events: Sequence[RecordedEvent[Any]] | None = None) -> Rows:
    """The expected rows: the pure fold of these events, or of all."""
    rows = fold(projection, history() if events is None else events)
    return {key: columns(row) for key, row in rows.items()}


def assert_rows_equal_fold(*projections: Projection[Any]) -> None:
    """Every column of every row of these projections, or of all, is the pure fold of all events."""
    for projection in projections or projection_registry.select([]):
        assert stored_rows(projection) == expected_rows(projection), projection.name


def catch_up(*projections: Projection[Any]) -> int:
    return ProjectionRunner(projections, DatabaseEventLog()).catch_up()


def checkpoint_of(projection: Projection[Any]) -> Checkpoint:
    return Checkpoint.objects.get(projection=projection.name)


def catch_up_in_batches(projection: Projection[Any], limit: int) -> None:
    """Catch up in small batches, while others do the same."""
    runner = ProjectionRunner([projection], DatabaseEventLog())
    [target] = runner.targets
    while True:
        try:
            if not runner.run_batch(target, limit):
                return
        except (CheckpointMoved, TailBusy):
            continue


@contextmanager
def running_projections(
    *projections: Projection[Any],
    source: EventLog | None = None,
    owner: str = "one",
    capacity: int = CAPACITY,
    threads: int | None = None,
) -> Iterator[Signal]:
    """A worker with a feed of its own, in threads; yields the signal that stops it."""
    stop = Signal()
    feed = EventFeed(source or DatabaseEventLog(), capacity=capacity)
    threads = threads or (1 if connection.vendor == "sqlite" else 3)
    worker = ProjectionWorker(projections, feed, owner=owner, threads=threads)
    running = [Thread(target=run, args=[stop]) for run in (feed.run, worker.run)]
    for thread in running:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        wake_signals.wake_all()
        join_threads(*running)
