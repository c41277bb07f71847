"""A lost database is restored from Kafka: the sagas hear their past muted, and no payment moves a second time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

from eventshop.sagas import workers
from eventshop.sagas.models import Saga, SagaLivePoint
from orders.domain.commands import CancelOrder, DeliverOrder
from orders.domain.order import Status
from orders.models import Payment
from tests.support.database import empty_tables
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway, take_payments_at
from tests.support.kafka.topic_contents import relay_all, run_command
from tests.support.order_fulfilment import (
    assert_nothing_happened_twice,
    event_types_of,
    let_deadline_pass,
    load_order,
    place_order,
    receive_stock,
    return_goods,
    send_for_order,
)

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("kafka_topics")]


@pytest.fixture
def gateway(kafka_topics: str, settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    settings.PAYMENT_CAPTURE_ON_SHIPPING, settings.SHIPPING_DELAY_S = frozenset({"bank_transfer"}), 300
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    with running_gateway(tmp_path) as process, take_payments_at(process, settings):
        yield process


def payments_at(folder: Path) -> set[tuple[str, str, int]]:
    with closing(sqlite3.connect(folder / "gateway.sqlite3")) as ledger:
        return set(ledger.execute("SELECT key, kind, amount FROM payment"))


def run_sagas() -> None:
    workers.run_until_idle("test", timeout_s=300)


@pytest.mark.usefixtures("gateway")
def test_a_store_restored_from_kafka_sends_no_refund_again_and_its_open_orders_go_on(tmp_path: Path) -> None:
    lose_all_but_kafka_and_the_gateway(tmp_path)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.usefixtures("gateway")
def test_the_same_on_three_brokers(create_topics: Callable[[int], str], tmp_path: Path) -> None:
    create_topics(3)
    lose_all_but_kafka_and_the_gateway(tmp_path)


def lose_all_but_kafka_and_the_gateway(tmp_path: Path) -> None:
    """Orders in every stage; then not even the ledger of payments is left, and the events are restored."""
    receive_stock("mug", 50)

    def order(method: str = "card") -> UUID:
        return place_order(("mug", 1), method=method)

    shipped, returned, captured, repaid, declined = order(), order(), order("bank_transfer"), order(), order("declined")
    run_sagas()
    send_for_order(repaid, CancelOrder(repaid, "changed my mind"))
    let_deadline_pass()
    run_sagas()
    send_for_order(returned, DeliverOrder(returned))
    return_goods(returned, 1, 1)
    paid, authorised, voided, unpaid = order(), order("bank_transfer"), order("bank_transfer"), order("")
    run_sagas()
    send_for_order(voided, CancelOrder(voided, "changed my mind"))  # its saga has not heard it yet
    new = order()
    settled = (shipped, returned, captured, repaid, declined)
    before, events = payments_at(tmp_path), {each: event_types_of(each) for each in settled}
    relay_all()

    empty_tables()
    assert run_command("create_topics").code == 0
    restored = run_command("restore_events_from_kafka", verify=True)
    assert restored.code == 0, restored.failure or restored.out
    muted = SagaLivePoint.objects.get(kind="order-fulfilment", version=2)
    assert (muted.live_at, muted.restoring, muted.actor) == (None, False, "restore_events_from_kafka")
    run_sagas()

    after = payments_at(tmp_path)
    assert before <= after
    assert sorted(kind for _, kind, _ in after - before) == ["charge", "void"]  # of `new` and `voided`
    assert {each: event_types_of(each) for each in settled} == events
    assert not Saga.objects.filter(status="stuck").exists()
    let_deadline_pass()
    run_sagas()
    for each in (paid, authorised, new):
        assert load_order(each).status is Status.SHIPPED, load_order(each)
    for each in (unpaid, voided):
        assert load_order(each).status is Status.CANCELLED
    assert not Saga.objects.filter(kind="order-fulfilment").exclude(status="ended").exists()
    assert not Payment.objects.exclude(status__in=("succeeded", "authorised", "declined")).exists()
    assert_nothing_happened_twice(
        [*settled, paid, authorised, voided, unpaid, new], repeatable={"PaymentAuthorised", "PaymentProcessed"}
    )
