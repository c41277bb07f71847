"""Sagas beside Kafka: several workers share them, and they go on while no broker can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from django.utils import timezone

from eventshop.sagas.models import PartitionLease, Saga, SagaStep, Timer
from orders.domain.order import Status
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway
from tests.support.order_fulfilment import (
    assert_nothing_happened_twice,
    assert_payments_match_goods,
    assert_stock_adds_up,
    is_settled,
    load_order,
    place_order,
    receive_stock,
)
from tests.support.processes import manage_process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

SKUS = [f"sku-{number}" for number in range(5)]


@pytest.fixture
def gateway(clean_database: None, tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path, "--later", "0.3", "--never", "0.5") as process:
        yield process


@pytest.fixture
def env(kafka_process_env: dict[str, str], gateway: GatewayProcess) -> dict[str, str]:
    return {**kafka_process_env, "PAYMENT_GATEWAY_URL": gateway.url, "PAYMENT_GATEWAY_SECRET": SECRET}


def test_two_workers_fulfil_orders_beside_kafka_and_one_is_killed(env: dict[str, str], tmp_path: Path) -> None:
    chance = Random(3)
    for sku in SKUS:
        receive_stock(sku, 40)

    def place_orders(count: int) -> list[UUID]:
        goods = [[(sku, 1) for sku in chance.sample(SKUS, chance.randint(1, 3))] for _ in range(count)]
        return [
            place_order(*pieces, method=chance.choice(("card", "card", "declined", "pending", ""))) for pieces in goods
        ]

    with ExitStack() as stack:
        for name in ("relay", "run_sagas"):
            stack.enter_context(manage_process(name, env=env, log=tmp_path / f"{name}.log"))
        with manage_process("run_sagas", env=env, log=tmp_path / "second.log") as second:
            orders = place_orders(60)
            wait_until(lambda: len(_owners()) == 2, seen=lambda: read_logs(tmp_path))  # two share the partitions
            orders += place_orders(30)
            second.kill()
        orders += place_orders(30)
        wait_until(lambda: Saga.objects.count() == len(orders), seen=lambda: read_logs(tmp_path))
        wait_until(has_ended, seen=lambda: read_logs(tmp_path))
    assert_payments_match_goods(orders)
    assert_nothing_happened_twice(orders)
    assert_stock_adds_up(SKUS)


def test_orders_are_fulfilled_while_no_broker_can_be_reached(env: dict[str, str], tmp_path: Path) -> None:
    receive_stock("sku-0", 3)
    without_broker = {**env, "EVENT_LOG_URL": "kafka://127.0.0.1:9"}
    with manage_process("run_sagas", env=without_broker, log=tmp_path / "run_sagas.log"):
        order = place_order(("sku-0", 2))
        wait_until(lambda: load_order(order).status is Status.SHIPPED, seen=lambda: read_logs(tmp_path))
        wait_until(has_ended, seen=lambda: read_logs(tmp_path))
    assert_payments_match_goods([order])
    assert_nothing_happened_twice([order])


def _owners() -> set[str]:
    return set(PartitionLease.objects.filter(name="sagas").exclude(owner="").values_list("owner", flat=True))


def has_ended() -> bool:
    """The leases of a dead worker expire; the effects that it had claimed are made due before their minute is over."""
    soon = timezone.now() + timedelta(seconds=2)
    SagaStep.objects.filter(state="waiting", looked_at_from__gt=soon).update(looked_at_from=soon)
    make_unpaid_orders_due()
    return is_settled()


def make_unpaid_orders_due() -> None:
    """End the wait of orders whose payment was declined or never requested."""
    waiting = Saga.objects.filter(status="running", state__contains='"stage":"PAYING"')
    idle = waiting.filter(state__contains='"under_way":{}')
    Timer.objects.filter(saga_id__in=idle.values("pk"), name="payment", fired_at=None).update(
        due_at=timezone.now(), looked_at_from=timezone.now()
    )


def read_logs(folder: Path) -> str:
    return "\n".join(log.read_text()[-2_000:] for log in folder.glob("*.log"))
