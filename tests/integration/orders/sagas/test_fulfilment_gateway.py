"""Fulfilment with a real payment gateway over HTTP, including failures and outcomes that arrive as signed webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from eventshop.sagas import workers
from eventshop.sagas.models import InboxMessage, SagaStep
from orders.domain.commands import CancelOrder
from orders.domain.order import Status
from orders.models import Payment
from tests.support.browser import serve
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway, take_payments_at
from tests.support.order_fulfilment import (
    event_types_of,
    let_deadline_pass,
    load_order,
    load_saga,
    load_stock,
    place_order,
    receive_stock,
    send_for_order,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def gateway(clean_database: None, settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    with serve() as shop:
        options = ("--later", "0.3", "--slow", "0.4", "--never", "2", "--webhook", f"{shop}/payments/notices")
        with running_gateway(tmp_path, *options) as process, take_payments_at(process, settings):
            yield process


def settle_orders() -> None:
    workers.run_until_idle("test")


def has_status(order_id: UUID, status: Status) -> bool:
    """Whether the order has this status, after all due work was done."""
    SagaStep.objects.filter(state="waiting").update(looked_at_from=Now())
    settle_orders()
    return load_order(order_id).status == status


def is_answered_by_notice(kind: str) -> bool:
    """Whether a notice of the gateway was the saga's answer to a payment of this kind.

    The kind matters: the notice of a charge may arrive before the answer to the charge's request is recorded.
    """
    keys = Payment.objects.filter(kind=kind).values("key")
    return InboxMessage.objects.filter(what="answer", actor="payment gateway", cause_id__in=keys).exists()


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize("method", ["card", "slow", "pending", "late", "silent"])
def test_an_order_is_paid_however_the_gateway_answers(method: str) -> None:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4), method=method)
    settle_orders()
    wait_until(lambda: has_status(order_id, Status.SHIPPED), seen=lambda: load_order(order_id))
    assert [(payment.kind, payment.status) for payment in Payment.objects.all()] == [("charge", "succeeded")]
    assert (load_stock("mug").dispatched, load_saga(order_id).status) == (4, "ended")


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize("method", ["declined", "expired", "pending_declined", "no_such_method"])
def test_an_order_whose_payment_is_declined_waits_for_another_until_the_deadline(method: str) -> None:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4), method=method)
    settle_orders()
    wait_until(lambda: has_status(order_id, Status.CREATED) and "PaymentDeclined" in event_types_of(order_id))
    assert (load_stock("mug").on_hand, load_order(order_id).payments[0].method) == (1, method)
    assert "PaymentProcessed" not in event_types_of(order_id)
    let_deadline_pass()
    settle_orders()
    assert load_order(order_id).status == Status.CANCELLED
    assert (load_stock("mug").on_hand, load_saga(order_id).status) == (5, "ended")


def test_a_notice_alone_is_enough_and_money_that_comes_too_late_goes_back(gateway: GatewayProcess) -> None:
    gateway.stop()
    gateway.start("--later", "3600")
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4), method="pending")
    settle_orders()
    let_deadline_pass()
    settle_orders()
    assert load_order(order_id).status == Status.CREATED, "the charge is under way"
    send_for_order(order_id, CancelOrder(order_id, "changed my mind"))
    settle_orders()
    gateway.end_pending_payments()
    wait_until(lambda: is_answered_by_notice("charge"), seen=lambda: list(InboxMessage.objects.values()))
    settle_orders()
    assert sorted(Payment.objects.values_list("kind", "status")) == [("charge", "succeeded"), ("refund", "succeeded")]
    assert event_types_of(order_id)[2:] == ["OrderCancelled", "PaymentProcessed", "RefundRequested", "PaymentRefunded"]
    assert (load_stock("mug").on_hand, load_saga(order_id).status) == (5, "ended")


def test_a_gateway_that_is_killed_is_asked_again_and_takes_the_money_once(gateway: GatewayProcess) -> None:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4))
    gateway.kill()
    settle_orders()
    assert load_order(order_id).status == Status.CREATED
    gateway.start()
    wait_until(lambda: has_status(order_id, Status.SHIPPED), seen=lambda: load_order(order_id))
    assert Payment.objects.count() == 1


def test_a_refund_that_ends_later_is_reported_by_its_notice(gateway: GatewayProcess, settings: Settings) -> None:
    settings.SHIPPING_DELAY_S = 300
    gateway.stop()
    gateway.start("--later", "3600")
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4), method="refund_pending")
    wait_until(lambda: has_status(order_id, Status.PAID), seen=lambda: load_order(order_id))
    send_for_order(order_id, CancelOrder(order_id, "changed my mind"))
    wait_until(
        lambda: has_status(order_id, Status.CANCELLED) and Payment.objects.filter(kind="refund", status="pending"),
        seen=lambda: list(Payment.objects.values()),
    )
    assert load_saga(order_id).status != "ended"
    assert "PaymentRefunded" not in event_types_of(order_id)
    gateway.end_pending_payments()
    wait_until(lambda: is_answered_by_notice("refund"), seen=lambda: list(InboxMessage.objects.values()))
    settle_orders()
    assert sorted(Payment.objects.values_list("kind", "status")) == [("charge", "succeeded"), ("refund", "succeeded")]
    assert (event_types_of(order_id)[-1], load_saga(order_id).status) == ("PaymentRefunded", "ended")


def test_without_a_gateway_a_payment_is_declined_and_the_order_waits_for_its_deadline(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_URL = ""
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4))
    settle_orders()
    assert event_types_of(order_id)[-1] == "PaymentDeclined"
    let_deadline_pass()
    settle_orders()
    assert (load_order(order_id).status, load_stock("mug").on_hand) == (Status.CANCELLED, 5)
