"""Workers and the gateway are killed at every step of fulfilment: no stock, money or order is lost or counted twice."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from pytest_django import Settings

from eventshop.core.errors import CommandRefused
from eventshop.runtime.fault_injection import CRASH_POINTS
from eventshop.sagas import workers as sagas_workers
from eventshop.sagas.models import Saga
from orders.domain.commands import CancelOrder
from tests.support import chaos
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway, take_payments_at
from tests.support.order_fulfilment import (
    assert_nothing_happened_twice,
    assert_payments_match_goods,
    assert_stock_adds_up,
    expire_leases_and_delays,
    is_settled,
    load_stock,
    place_order,
    receive_stock,
    send_for_order,
)
from tests.support.processes import manage_process
from tests.support.waiting import wait_for_exit, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]

SAGA_POINTS = [name for name in CRASH_POINTS if name.startswith("saga.")]
#: Each crash point soon after the start; in `make chaos` twice then, and twice in the middle of the work.
KILLS = [(name, count) for count in (1, 3, 2, 5)[: chaos.times(1)] for name in SAGA_POINTS]
METHODS = ("card", "card", "card", "declined", "pending", "late", "")
#: Orders that nobody pays, or whose card is declined, end soon.
DEADLINE_S = 3


@pytest.fixture
def gateway(clean_database: None, settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    settings.PAYMENT_GATEWAY_SECRET, settings.PAYMENT_DEADLINE_S = SECRET, DEADLINE_S
    options = ("--later", "0.3", "--never", "0.5")
    with running_gateway(tmp_path, *options) as process, take_payments_at(process, settings):
        yield process


@contextmanager
def running_worker(
    database_url: str, gateway: GatewayProcess, log: Path, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    shop = {"DATABASE_URL": database_url, "PAYMENT_GATEWAY_URL": gateway.url, "PAYMENT_GATEWAY_SECRET": SECRET}
    more = {"PAYMENT_DEADLINE_S": str(DEADLINE_S), **more}
    with manage_process("run_sagas", env=shop | more, log=log) as process:
        yield process


@contextmanager
def running_workers(database_url: str, gateway: GatewayProcess, log: Path, *, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        patient = {"PAYMENT_DEADLINE_S": "1800"}  # eight workers may be slow, and every order is paid
        workers = [stack.enter_context(running_worker(database_url, gateway, log, **patient)) for _ in range(count)]
        yield
        for process in workers:
            process.send_signal(signal.SIGTERM)
        for process in workers:
            assert wait_for_exit(process, log=log) == 0, log.read_text()


def settle_all_orders() -> None:
    def is_done() -> bool:
        expire_leases_and_delays()
        sagas_workers.run_until_idle("last")
        assert not Saga.objects.filter(status="stuck").exists(), Saga.objects.filter(status="stuck").values_list(
            "error"
        )
        return is_settled()

    wait_until(is_done, seen=lambda: list(Saga.objects.exclude(status="ended").values()))


def test_killed_workers_lose_nothing_and_repeat_nothing(
    database_url: str, gateway: GatewayProcess, tmp_path: Path
) -> None:
    chance, orders = chaos.random_for("fulfilment"), list[UUID]()
    skus = [f"sku-{number}" for number in range(4)]
    for sku in skus:
        receive_stock(sku, 30)
    killed = 0
    for point, count in KILLS:
        orders += place_orders(chance, skus)
        expire_leases_and_delays()
        log = tmp_path / f"{point}-{count}.log"
        with running_worker(database_url, gateway, log, CRASH_AT=f"{point}:{count}") as process:
            wait_until(partial(has_ended, process, len(orders)), seen=log)
            killed += process.poll() == -signal.SIGKILL
        if chance.random() < 0.4:
            gateway.kill()
            gateway.start()
    assert killed >= len(KILLS) * 0.7, killed
    settle_all_orders()
    assert_payments_match_goods(orders)
    assert_nothing_happened_twice(orders)
    assert_stock_adds_up(skus)
    assert not any(load_stock(sku).reserved for sku in skus)


def has_ended(process: subprocess.Popen[bytes], orders: int) -> bool:
    """Whether the worker has crashed, or has nothing left to do."""
    return process.poll() is not None or (Saga.objects.count() == orders and is_settled())


def place_orders(chance: Random, skus: list[str]) -> list[UUID]:
    placed = []
    for _ in range(4):
        goods = [(sku, chance.randint(1, 3)) for sku in chance.sample(skus, chance.randint(1, 3))]
        placed.append(place_order(*goods, method=chance.choice(METHODS)))
    if chance.random() < 0.5:
        with suppress(CommandRefused):
            send_for_order(placed[0], CancelOrder(placed[0], "changed my mind"))
    return placed


@pytest.mark.postgres
@pytest.mark.long
def test_a_thousand_orders_for_twenty_scarce_products_and_eight_workers(
    database_url: str, gateway: GatewayProcess, tmp_path: Path
) -> None:
    chance = chaos.random_for("scarce products")
    skus = [f"sku-{number}" for number in range(20)]
    for sku in skus:
        receive_stock(sku, 60)
    log = tmp_path / "workers.log"
    with running_workers(database_url, gateway, log, count=8):
        orders = [
            place_order(*((sku, chance.randint(1, 2)) for sku in chance.sample(skus, chance.randint(1, 3))))
            for _ in range(1_000)
        ]
        wait_until(lambda: Saga.objects.count() == 1_000 and is_settled(), seen=log)
    assert_payments_match_goods(orders)
    assert_nothing_happened_twice(orders)
    assert_stock_adds_up(skus)
    # Most of the stock is sold. Not all: an order that is refused one product reserves the others for a moment.
    assert sum(load_stock(sku).dispatched for sku in skus) > 20 * 60 * 0.75
    assert not Saga.objects.filter(status="stuck").exists()
