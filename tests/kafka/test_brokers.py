"""Brokers die and come back under a relay and projections at work: nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from deploy.stack import Stack, StackUnavailable, running_stack
from eventshop.log import topics
from eventshop.log.kafka_log import KafkaLog
from eventshop.log.kafka_tail import tail_of
from eventshop.log.models import RelayCheckpoint
from eventshop.log.records import PARTITIONS
from eventshop.store.models import StoredEvent
from eventshop.store.tail import newest_position
from projections.engine.projection import catalogue
from projections.engine.status import statuses
from projections.engine.tables import ParkedEvent, UnreadableRecord
from tests.conftest import missing
from tests.kafka import topic
from tests.kafka.fixtures import fresh_topics, process_env
from tests.kafka.planted import ran, sold
from tests.kafka.read_models import equal_the_fold
from tests.processes import running, until

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]

#: How many brokers are killed, one after the other.
TIMES = min(3, int(os.environ.get("CHAOS_TIMES", "2")))


@pytest.fixture
def cluster(clean_database: None, settings: Any) -> Iterator[Stack]:
    """Three brokers, every record on all of them; this process set to use them."""
    try:
        with running_stack({"kafka"}, brokers=3) as stack:
            settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = 3, 2
            fresh_topics(stack.env["EVENT_LOG_URL"], settings)
            yield stack
    except StackUnavailable as error:
        missing(str(error))


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
    topic.exactly_once(url)
    verified = ran("verify_log")
    assert (verified.code, verified.failure) == (0, "")
    assert f"{StoredEvent.objects.count():,} events are the same" in verified.out
    equal_the_fold()
    assert not ParkedEvent.objects.exists()
    assert not UnreadableRecord.objects.exists()


def test_of_three_brokers_one_after_the_other_is_killed(
    cluster: Stack, database_url: str, settings: Any, tmp_path: Path
) -> None:
    env = process_env(database_url, settings)
    relay_log, projections_log = tmp_path / "relay.log", tmp_path / "projections.log"
    with (
        running("relay", env=env, log=relay_log) as relay,
        running("run_projections", env=env, log=projections_log) as projections,
    ):
        with selling():
            until_published()
            for number in range(1, TIMES + 1):
                cluster.kill_broker(number)
                until_published()  # on the two that are left
                cluster.start_broker(number)
                until_published()
        until_projected()
        assert (relay.poll(), projections.poll()) == (None, None), relay_log.read_text() + projections_log.read_text()
    nothing_lost_nothing_twice(cluster.env["EVENT_LOG_URL"])


def test_the_only_broker_is_restarted(
    stack: Stack, kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    relay_log, projections_log = tmp_path / "relay.log", tmp_path / "projections.log"
    with (
        running("relay", env=kafka_process_env, log=relay_log) as relay,
        running("run_projections", env=kafka_process_env, log=projections_log) as projections,
    ):
        with selling():
            until_published()
            stack.stop_broker(1)
            accepted = newest_position()
            until(lambda: newest_position() > accepted + 50, what="commands are accepted without Kafka")
            stack.start_broker(1)
            until_published()
        until_projected()
        assert (relay.poll(), projections.poll()) == (None, None), relay_log.read_text() + projections_log.read_text()
    nothing_lost_nothing_twice(kafka_topics)
