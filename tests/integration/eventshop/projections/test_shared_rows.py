"""Workers on different partitions of one projection meet in the same rows and lose nothing of each other."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from django.db import connections

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import DeliveredEvent
from eventshop.messaging.kafka.event_records import PARTITIONS, partition_for
from eventshop.projections import batch_processor, checkpoints
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.targets import live_target
from tests.support.read_models import append_order_histories, expected_rows, stored_rows

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

#: Which event came last into a shared row depends on who came last.
LINEAGE = {"last_event_id", "last_version", "last_partition", "last_offset"}


def events_by_partition() -> dict[int, list[EventRow]]:
    """The events of the store as Kafka would have them."""
    partition_events: dict[int, list[EventRow]] = {number: [] for number in range(PARTITIONS)}
    for row in backend().select_events("ORDER BY position", ()):
        partition_events[partition_for(row.aggregate_id)].append(row)
    return partition_events


def fold_partitions(
    projection: Projection[Any], partition_events: dict[int, list[EventRow]], mine: Iterable[int]
) -> None:
    """Fold some partitions in small batches, one after the other."""
    target = live_target(projection)
    rows = checkpoints.open_checkpoints(target.name, range(PARTITIONS), projection.version)
    cached = {number: rows[number] for number in mine}
    for number in cached:
        for start in range(0, len(partition_events[number]), 20):
            some = partition_events[number][start : start + 20]
            places = enumerate(some, start=start + 1)
            batch_processor.process_batch(
                target, cached, [DeliveredEvent(offset, row, number, offset) for offset, row in places]
            )
    connections.close_all()


@pytest.mark.parametrize("name", ["product-sales", "customer-summary", "daily-sales", "order-summary"])
def test_three_workers_on_four_partitions_each_make_the_fold(name: str) -> None:
    for seed in range(2):
        append_order_histories(Random(seed), range(seed * 150, seed * 150 + 150))
    projection, partition_events = projection_registry.get(name), events_by_partition()
    checkpoints.open_checkpoints(projection.name, range(PARTITIONS), projection.version)
    with ThreadPoolExecutor(3) as pool:
        workers = [
            pool.submit(fold_partitions, projection, partition_events, range(first, first + 4)) for first in (0, 4, 8)
        ]
        for worker in workers:
            worker.result()
    actual, expected = (
        {key: {column: row[column] for column in row.keys() - LINEAGE} for key, row in rows.items()}
        for rows in (stored_rows(projection), expected_rows(projection))
    )
    assert actual == expected
