"""Faults on three brokers: each is named, resolved by the documented command, and nothing is lost or comes twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from deploy.stack import Stack, StackUnavailable, running_stack
from eventshop.eventstore import store_epochs
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.divergence_health import find_store_state
from tests.conftest import missing
from tests.support import chaos
from tests.support.kafka import topic_reader
from tests.support.kafka.fixtures import create_fresh_topics, process_env
from tests.support.kafka.forked_store import WHO, assert_resolved, fork_the_store, resolve
from tests.support.kafka.order_load import (
    assert_complete_and_unique,
    background_orders,
    wait_until_projected,
    wait_until_published,
)
from tests.support.kafka.topic_contents import append_orders, run_command
from tests.support.processes import manage_process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long, pytest.mark.usefixtures("clean_database")]

#: The goal for another relay behind a frozen leader.
TAKEOVER_S = 10.0
#: How often a leader is frozen.
TIMES = chaos.times(2, at_most=5)


@pytest.fixture(scope="module")
def brokers() -> Iterator[Stack]:
    try:
        with running_stack({"kafka"}, brokers=3) as stack:
            yield stack
    except StackUnavailable as error:
        missing(str(error))


@pytest.fixture
def create_topics(brokers: Stack, clean_database: None, settings: Any) -> Iterator[Callable[[int], str]]:
    """Creates topics with as many replicas, and expects three; returns the brokers' URL."""

    def create(replicas: int) -> str:
        settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = replicas, min(replicas, 2)
        settings.DIVERGENCE_CHECK_S = 3_600  # no reader of this process notices a fault by itself
        create_fresh_topics(brokers.env["EVENT_LOG_URL"], settings)
        settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = 3, 2
        return brokers.env["EVENT_LOG_URL"]

    yield create
    store_epochs.clear_divergence()


def production_env(database_url: str, settings: Any) -> dict[str, str]:
    """The short limits of production: these processes have to notice a fault, and begin again by themselves."""
    return {**process_env(database_url, settings), "KAFKA_MIN_TIMEOUT_S": "0"}


def test_the_topic_is_made_anew_under_workers(
    create_topics: Callable[[int], str], database_url: str, settings: Any, tmp_path: Path
) -> None:
    url, name = create_topics(3), topics.event_store_topic()
    env, log = production_env(database_url, settings), tmp_path / "processes.log"
    with (
        manage_process("relay", env=env, log=log) as relay,
        manage_process("run_projections", env=env, log=log) as projections,
    ):
        with background_orders():
            wait_until_published()
            topics.delete_topic(name, topics.require_topic(name).topic_id)
            with clients.open_admin_client() as admin:
                admin.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": 3}})
            wait_until(lambda: find_store_state().code == "topic-anew", seen=find_store_state)
            assert "create_topics --forget" in str(find_store_state())
            done = run_command("create_topics", "--forget", name)
            assert done.code == 0, done.failure
            wait_until_published()
        wait_until_projected()
        assert (relay.poll(), projections.poll()) == (None, None), log.read_text()
    assert find_store_state().code == "ok"
    assert_complete_and_unique(url)


def test_a_wrong_replication_factor_is_named_and_mended_under_load(
    create_topics: Callable[[int], str], database_url: str, settings: Any, tmp_path: Path
) -> None:
    url, name = create_topics(1), topics.event_store_topic()
    log = tmp_path / "relay.log"
    with manage_process("relay", env=production_env(database_url, settings), log=log):
        with background_orders():
            wait_until_published()
            checked = run_command("create_topics", "--check")
            assert checked.code == 1
            assert f"{name} has a replication factor of 1, not 3" in checked.out
            assert "kafka-reassign-partitions" in checked.out
            with clients.open_admin_client() as admin:  # what that tool does
                admin.alter_partition_reassignments(
                    {clients.TopicPartition(name, number): [1, 2, 3] for number in range(PARTITIONS)}
                )
            wait_until(lambda: f"{name} has a replication factor" not in run_command("create_topics", "--check").out)
        wait_until_published()
    topic_reader.assert_exactly_once(url)
    assert run_command("verify_log").code == 0


def test_a_fork_is_resolved(create_topics: Callable[[int], str]) -> None:
    url = create_topics(3)
    store = fork_the_store()
    done = resolve(*WHO)
    assert done.code == 0, done.failure
    assert_resolved(store, url)


def test_behind_a_frozen_leader_another_relay_publishes_within_ten_seconds(
    create_topics: Callable[[int], str], database_url: str, settings: Any, tmp_path: Path
) -> None:
    create_topics(3)
    env, log = production_env(database_url, settings), tmp_path / "relay.log"
    append_orders(10)
    seeds, took = iter(range(2, 100)), list[float]()
    with manage_process("relay", env=env, log=log) as one, manage_process("relay", env=env, log=log) as other:
        for _ in range(TIMES):
            wait_until_published()
            owner = wait_until(lambda: RelayCheckpoint.objects.get(topic=topics.event_store_topic()).owner)
            leader = one if str(one.pid) in owner else other
            leader.send_signal(signal.SIGSTOP)
            frozen_at = monotonic()
            append_orders(10, seed=next(seeds))
            wait_until(lambda: read_topic_end(topics.event_store_topic(), PARTITIONS).position == newest_position())
            took.append(monotonic() - frozen_at)
            leader.send_signal(signal.SIGCONT)
    assert max(took) <= TAKEOVER_S, took
    assert run_command("verify_log").code == 0
