"""A relay or an outbox publisher in a thread of the test's process, and what its checkpoint says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread

from django.db import connections

from eventshop.messaging.models import RelayCheckpoint
from eventshop.projections.models import OutboxRecord
from eventshop.projections.outbox_publisher import OutboxPublisher
from tests.support.waiting import join_threads, wait_until


@contextmanager
def running(run: Callable[[Signal], None]) -> Iterator[None]:
    """A relay or publisher in a thread of this process."""
    stop = Signal()

    def target() -> None:
        run(stop)
        connections.close_all()

    thread = Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        join_threads(thread)


def publish_all(publisher: OutboxPublisher) -> int:
    """Publish until the outbox is empty, however long its fence has to wait on a busy machine."""
    count = 0

    def is_empty() -> bool:
        nonlocal count
        count += (published := publisher.publish_batch())
        return not published and not OutboxRecord.objects.filter(position__gt=publisher.position).exists()

    wait_until(is_empty)
    return count


def checkpoint(topic: str) -> RelayCheckpoint:
    return RelayCheckpoint.objects.get(topic=topic)


def stopped_reason(topic: str) -> str:
    return RelayCheckpoint.objects.filter(topic=topic).values_list("stopped_reason", flat=True).first() or ""


def position_of(topic: str) -> int:
    return RelayCheckpoint.objects.filter(topic=topic).values_list("position", flat=True).first() or 0
