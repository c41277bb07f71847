"""Sagas are lost while orders are under way, and workers are killed while the sagas hear their past and go live."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

from eventshop.sagas.models import Saga
from tests.chaos.orders.test_fulfilment_killed import (
    SAGA_POINTS,
    gateway,
    has_ended,
    place_orders,
    running_worker,
    settle_all_orders,
)
from tests.support import chaos
from tests.support.gateway_process import GatewayProcess
from tests.support.order_fulfilment import (
    assert_nothing_happened_twice,
    assert_payments_match_goods,
    assert_stock_adds_up,
    expire_leases_and_delays,
    load_stock,
    receive_stock,
)
from tests.support.saga_backups import lose_sagas
from tests.support.waiting import wait_until

__all__ = ("gateway",)  # the fixture

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]


def test_sagas_that_are_lost_again_and_again_repeat_nothing(
    database_url: str, gateway: GatewayProcess, settings: Settings, tmp_path: Path
) -> None:
    """The seed is CHAOS_SEED, as pytest prints it."""
    chance, orders = chaos.random_for("lost sagas"), list[UUID]()
    skus = [f"sku-{number}" for number in range(4)]
    for sku in skus:
        receive_stock(sku, 60)
    for number in range(chaos.times(2)):
        orders += place_orders(chance, skus)
        if number:
            lose_sagas()
        expire_leases_and_delays()
        log = tmp_path / f"{number}.log"
        crash_at = f"{chance.choice(SAGA_POINTS)}:{chance.randint(1, 4)}"
        with running_worker(database_url, gateway, log, CRASH_AT=crash_at) as process:
            wait_until(partial(has_ended, process, len(orders)), seen=log)
            assert process.poll() in (None, -signal.SIGKILL), log.read_text()
    settle_all_orders()
    assert not Saga.objects.filter(muted=True).exists()
    assert_payments_match_goods(orders)
    assert_nothing_happened_twice(orders)
    assert_stock_adds_up(skus)
    assert not any(load_stock(sku).reserved for sku in skus)
