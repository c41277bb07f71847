"""The whole system with one part after the other stopped: no accepted command is lost, and everything catches up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from deploy.stack.processes import Process, stop_processes
from tests.support.docs_recipe import follow_section
from tests.support.running_shop import Shop, running_shop
from tests.support.waiting import DEADLINE_S, wait_until

#: Runs once, in the PostgreSQL session, like the other tests of this folder.
pytestmark = [pytest.mark.postgres, pytest.mark.chaos]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as shop:
        yield shop


@pytest.fixture(autouse=True)
def nothing_is_lost(shop: Shop) -> Iterator[None]:
    """After each test the system is healthy, table and topic agree, and every read model equals the fold."""
    yield
    shop.assert_nothing_is_lost()


def test_without_kafka_commands_are_accepted(shop: Shop) -> None:
    assert shop.stack.kafka
    shop.stack.kill_broker(1)
    assert shop.run_client("20") == "20 accepted\n"
    wait_until(lambda: shop.read_health()[1].get("event log") is False, seen=shop.read_health)
    assert shop.read_health()[0] == 200
    assert min(shop.read_lag().values()) >= 40
    shop.run_stack("up", "--services-only")


@pytest.mark.long
def test_redis_is_lost(shop: Shop) -> None:
    """As in docs/recovery.md: an empty one takes its place."""
    assert shop.stack.redis
    stop_processes(shop.stack.redis.processes, immediately=True)
    shutil.rmtree(shop.folder.path / "redis")
    assert shop.run_client("20") == "20 accepted\n"
    shop.wait_until_caught_up()
    wait_until(lambda: shop.read_health()[1].get("broker") is False, seen=shop.read_health)
    assert shop.read_health()[0] == 200
    lost_at = datetime.now(UTC)
    shop.run_stack("up", "--services-only")
    wait_until(lambda: shop.periodic_jobs_since(lost_at))
    wait_until(shop.is_healthy, seen=shop.describe_health)
    follow_section("recovery.md", "Redis is lost", lambda words: shop.run_manage(*words[2:]), {})


@pytest.mark.long
def test_without_workers_commands_are_accepted_and_lag_grows(shop: Shop) -> None:
    stop_processes([Process("supervisor", shop.folder)])  # It would restart them.
    for prefix in ("worker-", "relay", "publisher"):
        shop.kill(prefix)
    assert shop.run_client("20") == "20 accepted\n"
    assert min(shop.read_lag().values()) >= 40
    wait_until(
        lambda: shop.read_health()[1].get("projections") is False,
        seen=shop.read_health,
    )
    assert shop.read_health()[0] == 200
    assert shop.read_health()[1]["relay"] is False
    assert shop.read_health()[1]["publisher"] is False
    shop.run_stack("up")


@pytest.mark.long
def test_without_the_database_it_is_503_and_everybody_comes_back_by_themselves(shop: Shop) -> None:
    assert shop.stack.postgres
    shop.run_client("20")
    workers = shop.pids("worker-")
    stop_processes(shop.stack.postgres.processes, immediately=True)
    status, parts, retry_after = shop.read_health()
    assert (status, parts, retry_after) == (503, {"database": False}, "5")
    somebody = Request(f"http://127.0.0.1:{shop.port}/admin/", headers={"Cookie": "sessionid=somebodys"})
    with pytest.raises(HTTPError) as refused:
        urlopen(somebody, timeout=DEADLINE_S)
    assert (refused.value.code, refused.value.headers["Retry-After"] is not None) == (503, True)
    refused.value.close()
    shop.run_stack("up", "--services-only")
    assert shop.run_client("20") == "20 accepted\n"
    shop.wait_until_caught_up()
    assert shop.pids("worker-") == workers  # None of them was restarted.
