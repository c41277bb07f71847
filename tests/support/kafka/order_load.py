"""Orders that come in while brokers die, and how one sees that everything arrived all the same."""

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
from eventshop.messaging.kafka.topic_end import tail_of
from eventshop.messaging.kafka_event_log import KafkaLog
from eventshop.messaging.models import RelayCheckpoint
from eventshop.projections.models import DeadLetter, UnreadableRecord
from eventshop.projections.projection import catalogue
from eventshop.projections.status import statuses
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import equal_the_fold
from tests.support.kafka.topic_contents import ran, sold
from tests.support.processes import until


@contextmanager
def selling() -> Iterator[None]:
    """Orders live their lives in another thread."""
    closed, seeds = Signal(), count(1)

    def sell() -> None:
        while not closed.wait(0.15):
            sold(3, seed=next(seeds))
        connections.close_all()

    thread = Thread(target=sell)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join(10)


def confirmed() -> int:
    """Up to where Kafka has confirmed to the relay that it holds everything."""
    return max(RelayCheckpoint.objects.filter(topic=topics.event_store()).values_list("position", flat=True), default=0)


def until_published() -> None:
    """Everything that is accepted up to now lies on Kafka, as the relay knows."""
    until(newest_position, what="something is accepted")
    goal = newest_position()
    until(lambda: confirmed() >= goal, within_s=180, what=f"published up to {goal}")


def until_projected() -> None:
    def caught_up() -> bool:
        return tail_of(topics.event_store(), PARTITIONS).position == newest_position() and all(
            status.behind == 0 for status in statuses(catalogue.chosen([]), KafkaLog())
        )

    until(caught_up, within_s=180, what="everything projected")


def nothing_lost_nothing_twice(url: str) -> None:
    topic_reader.exactly_once(url)
    verified = ran("verify_log")
    assert (verified.code, verified.failure) == (0, "")
    assert f"{StoredEvent.objects.count():,} events are the same" in verified.out
    equal_the_fold()
    assert not DeadLetter.objects.exists()
    assert not UnreadableRecord.objects.exists()
