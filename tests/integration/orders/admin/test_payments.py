"""The admin pages of payments and of the gateway's refused messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from eventshop.web.webhooks.signed_notices import InvalidJson, WrongSignature
from orders.models import GatewayMessage, Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import UnknownPayment
from orders.payment_gateway.responses import GatewayPayment, PaymentWebhook
from tests.support.sales import Sale
from tests.support.staff import boss, clerk, record_sales

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

PAYMENTS = reverse("admin:orders_payment_changelist")
MESSAGES = reverse("admin:orders_gatewaymessage_changelist")
sale = Sale(7)


def create_payment(order_id: UUID, amount: int = 900, **more: Any) -> Payment:
    return Payment.objects.create(key=uuid4(), kind="charge", order_id=order_id, amount=amount, currency="GBP", **more)


def rows_on_page(client: Client, address: str, **asked: Any) -> list[Any]:
    return [row.pk for row in client.get(address, asked).context["cl"].result_list]


def test_a_payment_is_found_by_its_key_its_order_and_the_orders_number() -> None:
    record_sales(sale)
    one, other = create_payment(sale.order_id), create_payment(uuid4())
    refund = Payment.objects.create(key=uuid4(), kind="refund", charge=one.key, amount=100, currency="GBP")
    client = boss()
    assert rows_on_page(client, PAYMENTS, q=str(other.key)) == [other.key]
    assert (
        rows_on_page(client, PAYMENTS, q=str(sale.order_id))
        == rows_on_page(client, PAYMENTS, q=sale.reference)
        == [one.key]
    )
    assert set(rows_on_page(client, PAYMENTS, q=str(one.key))) == {one.key, refund.key}
    assert rows_on_page(client, PAYMENTS, q="nothing of ours") == []


def test_a_payment_shows_its_amount_in_the_coin_of_its_currency_and_why_it_failed() -> None:
    declined = create_payment(sale.order_id, 123_456, status="declined", reason="card expired")
    Payment.objects.create(key=uuid4(), kind="charge", order_id=sale.order_id, amount=1_200, currency="JPY")
    content = boss().get(PAYMENTS).content.decode()
    assert "1,234.56\N{NO-BREAK SPACE}GBP" in content and "1,200\N{NO-BREAK SPACE}JPY" in content
    assert "card expired" in content
    page = boss().get(reverse("admin:orders_payment_change", args=(declined.key,))).content.decode()
    assert "card expired" in page and str(declined.key) in page


def test_what_was_refused_stands_with_its_reason_and_how_often() -> None:
    told = GatewayPayment(key=uuid4(), kind="charge", reference="ch_1", amount=900, currency="GBP", status="succeeded")
    notice = PaymentWebhook(type="charge.succeeded", data=told)
    for _ in range(3):
        message_log.log_refused_webhook("msg_1", UnknownPayment(key=told.key), b"{}", notice)
    message_log.log_refused_response(told.key, InvalidJson(why="malformed"), b"<html>\x00\xff")
    message_log.log_unverified_webhook(WrongSignature())
    client = boss()
    content = client.get(MESSAGES).content.decode()
    assert set(GatewayMessage.objects.values_list("code", flat=True)) == {
        "unknown-payment",
        "not-json",
        "wrong-signature",
    }
    for code, why in GatewayMessage.objects.values_list("code", "why"):
        assert code in content and why and escape(why) in content
    assert len(rows_on_page(client, MESSAGES, q=str(told.key))) == 2
    assert len(rows_on_page(client, MESSAGES, verdict__exact="accepted")) == 0
    row = GatewayMessage.objects.get(code="unknown-payment")
    assert (row.times, row.amount, row.about) == (3, 900, "charge.succeeded")
    assert GatewayMessage.objects.get(code="not-json").begins == "<html>��"


@pytest.mark.parametrize(("address", "permission"), [(PAYMENTS, "view_payment"), (MESSAGES, "view_gatewaymessage")])
def test_each_list_needs_its_permission(address: str, permission: str) -> None:
    assert clerk("view_saga").get(address).status_code == 403
    assert clerk(permission).get(address).status_code == 200
