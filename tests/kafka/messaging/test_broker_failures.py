"""Brokers die and come back under a relay and projections at work: nothing is lost, nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.stack import Stack, StackUnavailable, running_stack
from tests.conftest import missing
from tests.support import chaos
from tests.support.kafka.fixtures import create_fresh_topics, process_env
from tests.support.kafka.order_load import (
    assert_complete_and_unique,
    background_orders,
    wait_until_projected,
    wait_until_published,
)
from tests.support.processes import manage_process

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long, pytest.mark.usefixtures("clean_database")]

#: How many brokers are killed, one after the other.
TIMES = chaos.times(3, at_most=3)


@pytest.fixture
def cluster(clean_database: None, settings: Any) -> Iterator[Stack]:
    """Three brokers, every record on all of them; this process set to use them."""
    try:
        with running_stack({"kafka"}, brokers=3) as stack:
            settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = 3, 2
            create_fresh_topics(stack.env["EVENT_LOG_URL"], settings)
            yield stack
    except StackUnavailable as error:
        missing(str(error))


def test_of_three_brokers_one_after_the_other_is_killed(
    cluster: Stack, database_url: str, settings: Any, tmp_path: Path
) -> None:
    # The short limits of production: these processes have to notice the failure, and begin again by themselves.
    env = {**process_env(database_url, settings), "KAFKA_MIN_TIMEOUT_S": "0"}
    relay_log, projections_log = tmp_path / "relay.log", tmp_path / "projections.log"
    with (
        manage_process("relay", env=env, log=relay_log) as relay,
        manage_process("run_projections", env=env, log=projections_log) as projections,
    ):
        with background_orders():
            wait_until_published()
            for number in range(1, TIMES + 1):
                cluster.kill_broker(number)
                wait_until_published()  # on the two that are left
                cluster.start_broker(number)
                wait_until_published()
        wait_until_projected()
        assert (relay.poll(), projections.poll()) == (None, None), relay_log.read_text() + projections_log.read_text()
    assert_complete_and_unique(cluster.env["EVENT_LOG_URL"])
