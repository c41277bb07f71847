"""The only broker is killed or restarted, and everything is there once. It is their own: all others share one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.stack import Stack
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.relay import event_relay, leader_election
from eventshop.messaging.relay.batch_limit import BatchLimit
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.runtime.watchdog import Watchdog
from tests.support.kafka import topic_reader
from tests.support.kafka.fixtures import MIN_TIMEOUT_S
from tests.support.kafka.order_load import (
    assert_complete_and_unique,
    background_orders,
    wait_until_projected,
    wait_until_published,
)
from tests.support.kafka.publication_check import assert_all_visible
from tests.support.kafka.running_publishers import checkpoint, position_of, running, stopped_reason
from tests.support.kafka.topic_contents import append_orders, relay_all
from tests.support.processes import manage_process
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]


@pytest.fixture(scope="module")
def stack(own_broker: Stack) -> Stack:
    return own_broker


@pytest.fixture(scope="module")
def kafka_url(stack: Stack) -> str:
    return stack.env["EVENT_LOG_URL"]


@pytest.mark.long
def test_a_broker_is_killed_right_behind_a_commit(stack: Stack, kafka_topics: str) -> None:
    """What found all this: one time of three a single broker forgets the transaction that it has just confirmed."""
    for seed in range(1, 3):
        watchdog = Watchdog()
        relay = EventRelay(watchdog)
        append_orders(10, seed=seed)
        assert acquire_leadership(relay.topic, relay.owner)
        relay.take_over()
        while relay.publish_batch():
            pass
        stack.kill_broker(1)
        relay.close()
        watchdog.close()
        stack.start_broker(1)
    relay_all()
    assert_all_visible(kafka_topics)


@pytest.mark.long  # tests/kafka/stack/test_outages.py kills it under the same programs
def test_the_only_broker_is_restarted(
    stack: Stack, kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    relay_log, projections_log = tmp_path / "relay.log", tmp_path / "projections.log"
    # The short limits of production: these processes have to notice the failure, and begin again by themselves.
    env = {**kafka_process_env, "KAFKA_MIN_TIMEOUT_S": "0"}
    with (
        manage_process("relay", env=env, log=relay_log) as relay,
        manage_process("run_projections", env=env, log=projections_log) as projections,
    ):
        with background_orders():
            wait_until_published()
            stack.stop_broker(1)
            accepted = newest_position()
            wait_until(lambda: newest_position() > accepted + 50, seen=newest_position)  # without Kafka
            stack.start_broker(1)
            wait_until_published()
        wait_until_projected()
        assert (relay.poll(), projections.poll()) == (None, None), relay_log.read_text() + projections_log.read_text()
    assert_complete_and_unique(kafka_topics)


class PatientWatchdog(Watchdog):
    """However slow the machine is, it does not end the process of the tests."""

    @contextmanager
    def deadline(self, seconds: float, description: str) -> Iterator[None]:
        with super().deadline(DEADLINE_S, description):
            yield


@pytest.mark.long  # waits for a time-out; tests/unit/eventshop/messaging/relay/test_batch_limit.py does not
def test_a_frozen_broker_halves_the_batch_and_all_is_published_once_it_answers(
    stack: Stack, kafka_topics: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, limit = topics.event_store_topic(), BatchLimit(100, 8_000_000)
    monkeypatch.setattr(event_relay, "BatchLimit", lambda *sizes: limit)
    monkeypatch.setattr(leader_election, "Watchdog", PatientWatchdog)
    append_orders(20)
    with running(event_relay.run_relay):
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
        settings.KAFKA_MIN_TIMEOUT_S = 0
        stack.pause_broker(1)
        try:
            append_orders(20, seed=2)
            wait_until(lambda: limit.records <= 50, seen=lambda: limit.records)
            halved = limit.records
        finally:
            stack.resume_broker(1)
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
        settings.KAFKA_MIN_TIMEOUT_S = MIN_TIMEOUT_S
    assert limit.records > halved
    assert stopped_reason(topic) == ""
    topic_reader.assert_exactly_once(kafka_topics)
