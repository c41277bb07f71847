"""A load of orders while brokers die, and assertions that every event arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event as Signal
from threading import Thread

from django.db import connections

from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.models import RelayCheckpoint
from eventshop.projections.lag import list_statuses
from eventshop.projections.models import DeadLetter, UnreadableRecord
from eventshop.projections.projection import projection_registry
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import assert_read_models_equal_fold
from tests.support.kafka.topic_contents import append_orders, run_command
from tests.support.waiting import join_threads, wait_until


@contextmanager
def background_orders() -> Iterator[None]:
    """Append orders in another thread."""
    closed, seeds = Signal(), count(1)

    def sell() -> None:
        while not closed.wait(0.15):
            append_orders(3, seed=next(seeds))
        connections.close_all()

    thread = Thread(target=sell)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        join_threads(thread)


def confirmed_position() -> int:
    """The position up to which Kafka has confirmed all events to the relay."""
    return max(
        RelayCheckpoint.objects.filter(topic=topics.event_store_topic()).values_list("position", flat=True), default=0
    )


def wait_until_published() -> None:
    """Wait until Kafka has confirmed every event that is stored now."""
    goal = wait_until(newest_position, seen="the newest position in the table")
    wait_until(lambda: confirmed_position() >= goal, seen=lambda: f"{confirmed_position()} of {goal} confirmed")


def wait_until_projected() -> None:
    def caught_up() -> bool:
        return read_topic_end(topics.event_store_topic(), PARTITIONS).position == newest_position() and all(
            status.lag == 0 for status in list_statuses(projection_registry.select([]), KafkaEventLog())
        )

    wait_until(caught_up, seen=lambda: list_statuses(projection_registry.select([]), KafkaEventLog()))


def assert_complete_and_unique(url: str) -> None:
    topic_reader.assert_exactly_once(url)
    verified = run_command("verify_log")
    assert (verified.code, verified.failure) == (0, "")
    assert f"{StoredEvent.objects.count():,} events are the same" in verified.out
    assert_read_models_equal_fold()
    assert not DeadLetter.objects.exists()
    assert not UnreadableRecord.objects.exists()
