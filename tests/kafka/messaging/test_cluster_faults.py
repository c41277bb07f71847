"""Faults on three brokers: each is named, resolved by the documented command, and nothing is lost or comes twice."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from eventshop.core.errors import StoreDiverged
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.snapshots.repository import take_snapshot
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.divergence_health import find_store_state
from orders.domain.events import StockReceived
from orders.domain.stock_commands import ReceiveStock
from orders.domain.stock_item import stock_item_id
from tests.support import chaos
from tests.support.database import empty_tables
from tests.support.database_copy import copy_database, put_in_place
from tests.support.kafka import topic_reader
from tests.support.kafka.fixtures import process_env
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
#: The goal for a fault to be seen in health.
NOTICED_S = 30.0
#: The events of the longest stream.
LONG_STREAM = 100_000
#: How often a leader is frozen.
TIMES = chaos.times(2, at_most=5)


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
            made_at = monotonic()
            wait_until(lambda: find_store_state().code == "topic-anew", seen=find_store_state)
            assert monotonic() - made_at <= NOTICED_S
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
    """Under load, so that it may be frozen in the middle of a transaction."""
    url, seeds, took = create_topics(3), iter(range(1_000, 1_100)), list[float]()
    env, log = production_env(database_url, settings), tmp_path / "relay.log"
    with manage_process("relay", env=env, log=log) as one, manage_process("relay", env=env, log=log) as other:
        with background_orders():
            for _ in range(TIMES):
                wait_until_published()
                owner = wait_until(lambda: RelayCheckpoint.objects.get(topic=topics.event_store_topic()).owner)
                leader = one if str(one.pid) in owner else other
                leader.send_signal(signal.SIGSTOP)
                frozen_at = monotonic()
                append_orders(1, seed=next(seeds))
                wait_until_on_topic(newest_position())
                took.append(monotonic() - frozen_at)
                leader.send_signal(signal.SIGCONT)
        wait_until_on_topic(newest_position())
    assert max(took) <= TAKEOVER_S, took
    topic_reader.assert_exactly_once(url)
    assert run_command("verify_log").code == 0


def wait_until_on_topic(position: int) -> None:
    wait_until(lambda: read_topic_end(topics.event_store_topic(), PARTITIONS).position >= position)


def test_an_older_database_in_place_is_noticed_and_gets_what_it_lacks(
    create_topics: Callable[[int], str], database_url: str, settings: Any, tmp_path: Path
) -> None:
    url, env, log = create_topics(3), production_env(database_url, settings), tmp_path / "processes.log"
    with manage_process("relay", env=env, log=log), manage_process("run_projections", env=env, log=log):
        append_orders(10)
        wait_until_published()
        wait_until_projected()
        copy = copy_database()
        append_orders(10, seed=2)
        wait_until_published()
        wait_until_projected()
        accepted = backend().select_events("ORDER BY position", ())
        put_in_place(copy)
        put_at = monotonic()
        wait_until(lambda: find_store_state().code == "database-behind", seen=find_store_state)
        assert monotonic() - put_at <= NOTICED_S
        with pytest.raises(StoreDiverged, match="restore_events_from_kafka"):
            command_dispatcher.send(ReceiveStock("mug", 1, "refused"))
    restored = run_command("restore_events_from_kafka", verify=True)
    assert restored.code == 0, restored.failure
    assert backend().select_events("ORDER BY position", ()) == accepted
    with manage_process("relay", env=env, log=log), manage_process("run_projections", env=env, log=log):
        append_orders(10, seed=3)
        wait_until_published()
        wait_until_projected()
    assert find_store_state().code == "ok"
    assert_complete_and_unique(url)


def test_a_hundred_thousand_events_in_one_partition_are_verified_republished_and_restored(
    create_topics: Callable[[int], str], settings: Any
) -> None:
    """By one process and by two. The longest stream has a snapshot, which is compared with all of its events."""
    url, stream = create_topics(3), stock_item_id("mug")
    append_orders(5)
    for version in range(0, LONG_STREAM, 1_000):
        events = [StockReceived("mug", 1, f"delivery {version + number}") for number in range(1_000)]
        store.append_events(stream, events, expected_version=version)
    append_orders(5, seed=2)
    assert take_snapshot(stream)
    before, head = StoredEvent.objects.count(), newest_position()
    for command, options in (
        ("republish_events", {"verify": True}),
        ("verify_log", {"processes": 2}),
        ("verify_snapshots", {}),
    ):
        done = run_command(command, **options)
        assert done.code == 0, done.failure
    for processes in (1, 2):
        empty_tables()
        assert run_command("create_topics").code == 0
        restored = run_command("restore_events_from_kafka", verify=True, processes=processes)
        assert restored.code == 0, restored.failure
        assert (StoredEvent.objects.count(), newest_position()) == (before, head)
    topic_reader.assert_exactly_once(url)
