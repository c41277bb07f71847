"""The gateway is killed at random times while customers pay: in the end its payments and the shop's agree."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event
from uuid import UUID, uuid4

import pytest
from django.db import connections
from pytest_django import Settings

from orders.application.payment_gateway_port import Declined, Outcome, Succeeded
from orders.models import GatewayMessage, Payment
from orders.payment_gateway.factory import payment_gateway
from tests.support import chaos
from tests.support.browser import serve
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway, take_payments_at
from tests.support.sales import gbp
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.usefixtures("clean_database"),
    # A connection whose other end is killed while threads share the pool is left to the collector by httpcore.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

TIMES = chaos.times(1)
#: Payment methods; each succeeds or is declined in the end, whatever the responses are.
METHODS = ("card", "declined", "pending", "pending_declined", "lost", "unstable", "duplicate", "html", "hasty")
POINTS = ("received", "recorded", "answered", "sending", "sent")


@pytest.fixture
def process(clean_database: None, settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    with serve() as shop:
        options = ("--later", "0.2", "--slow", "0.1", "--webhook", f"{shop}/payments/notices")
        with running_gateway(tmp_path, *options) as process, take_payments_at(process, settings):
            yield process
    gc.collect()  # here, where unclosed connections are expected


@pytest.mark.parametrize("attempt", range(TIMES))
def test_the_books_agree_whenever_the_gateway_is_killed(process: GatewayProcess, tmp_path: Path, attempt: int) -> None:
    chance, done = chaos.random_for(f"gateway {attempt}"), Event()
    charges = {uuid4(): chance.choice(METHODS) for _ in range(24)}
    with ThreadPoolExecutor(5) as pool:
        killer = pool.submit(_kill, process, chance, done)
        ended = dict(pool.map(_pay, charges, charges.values()))
        taken = [key for key, outcome in ended.items() if isinstance(outcome, Succeeded)]
        refunds = dict(pool.map(_refund, taken[::2]))
        done.set()
        killer.result(DEADLINE_S)
    assert {key: isinstance(outcome, Declined) for key, outcome in ended.items()} == {
        key: "declined" in method for key, method in charges.items()
    }
    assert all(isinstance(outcome, Succeeded) for outcome in refunds.values())
    ours = {str(payment.key): (payment.amount, payment.status) for payment in Payment.objects.all()}
    assert ours == _recorded_payments(tmp_path) and len(ours) == len(charges) + len(refunds)
    assert not list(GatewayMessage.objects.filter(verdict="refused", source="notice").values())


def _kill(process: GatewayProcess, chance: Random, done: Event) -> None:
    """Kill the gateway six times, at random times or at a crash point."""
    for number in range(6):
        done.wait(chance.uniform(0.05, 0.4))
        process.kill()
        if number % 2:
            process.start_to_crash(chance.choice(POINTS))
            done.wait(chance.uniform(0.1, 0.5))
            process.kill()
        process.start()


def _pay(key: UUID, method: str) -> tuple[UUID, Outcome]:
    def ask() -> Outcome:
        return payment_gateway().charge(key=key, amount=gbp("9.00"), order_id=key, method=method)

    return key, _until_ended(ask)


def _refund(charge: UUID) -> tuple[UUID, Outcome]:
    key = uuid4()
    return key, _until_ended(lambda: payment_gateway().refund(key=key, charge=charge, amount=gbp("4.00")))


def _until_ended(ask: Callable[[], Outcome]) -> Outcome:
    """Repeat the request, as a worker would, until the payment has ended."""
    said: list[Outcome] = []

    def has_ended() -> bool:
        said.append(ask())
        return isinstance(said[-1], Succeeded | Declined)

    try:
        # While the circuit is open a single call probes the gateway, and that one may fail by its payment method.
        wait_until(has_ended, seen=lambda: f"the last of {len(said)} answers was {said[-1]}")
        return said[-1]
    finally:
        connections.close_all()


def _recorded_payments(folder: Path) -> dict[str, tuple[int, str]]:
    """Every payment in the gateway's database."""
    rows = sqlite3.connect(folder / "gateway.sqlite3")
    found = {key: (amount, status) for key, amount, status in rows.execute("SELECT key, amount, status FROM payment")}
    rows.close()
    return found
