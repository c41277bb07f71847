"""A relay or an outbox publisher in a thread of the test's process, and what its checkpoint says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread

from django.db import connections

from eventshop.messaging.models import RelayCheckpoint
from tests.support.waiting import join_threads


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


def checkpoint(topic: str) -> RelayCheckpoint:
    return RelayCheckpoint.objects.get(topic=topic)


def stopped_reason(topic: str) -> str:
    return RelayCheckpoint.objects.filter(topic=topic).values_list("stopped_reason", flat=True).first() or ""


def position_of(topic: str) -> int:
    return RelayCheckpoint.objects.filter(topic=topic).values_list("position", flat=True).first() or 0
