"""Reported cases of orders and payments, as a customer's browser or program meets them over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.sagas import timers
from eventshop.sagas.models import Timer
from orders.domain.commands import ReceiveStock, RequestPayment
from orders.domain.order_status import Status
from orders.models import Product
from tests.support.api_clients import ApiClient, shopper, staff
from tests.support.customers import sign_in_customer
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import event_types_of, load_order, load_stock, run_sagas_until_idle
from tests.support.pages import find, texts
from users.domain.commands import ChangeContactDetails

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def products(clean_database: None) -> None:
    for sku, price, currency in (("MUG", "12.50", "GBP"), ("LAMP", "20.00", "EUR")):
        Product.objects.create(sku=sku, name=sku.title(), price=Decimal(price), currency=currency)
        command_dispatcher.send(ReceiveStock(sku=sku, quantity=50, reference="D-1"))


def ada() -> Client:
    """The client of a customer with an address."""
    client, person = sign_in_customer()
    command_dispatcher.send(ChangeContactDetails(person, "ada@example.org", "Ada Marker", address="1 St\nYork"))
    return client


def follow(client: Client, path: str) -> Any:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response


MUGS: dict[str, Any] = {
    "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
    "delivery": {"name": "Ada Marker", "address": "1 St"},
}


def place_order(program: ApiClient) -> UUID:
    answer = program.post("orders", MUGS)
    assert answer.status_code == 201, answer.content
    return UUID(answer.json()["aggregate_id"])


def test_an_order_that_nobody_pays_keeps_its_goods_until_the_deadline() -> None:
    """Input: an order and nothing more. Right: it waits, its goods are set aside; at the deadline it is cancelled."""
    gateway, order_id = InMemoryGateway(), place_order(shopper())
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated"]
    assert (load_stock("MUG").reserved, gateway.requested_keys) == ({order_id: 2}, [])
    timers.fire_due_timers("test", now=Timer.objects.get(fired_at=None).due_at)
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "OrderCancelled"]
    assert (load_stock("MUG").on_hand, gateway.requested_keys) == (50, [])


@pytest.mark.parametrize("reserved_before", [False, True])
def test_a_declined_card_is_never_charged_by_another_method_whenever_it_is_sent(reserved_before: bool) -> None:
    """Input: `{"method": "declined"}` at any moment after the order. Right: declined, and the event says by what."""
    gateway, program = InMemoryGateway(), shopper()
    order_id = place_order(program)
    if reserved_before:
        run_sagas_until_idle(gateway)
    answer = program.post(f"orders/{order_id}/payments", {"method": "declined"}, if_match="*")
    assert answer.status_code == 202
    run_sagas_until_idle(gateway)
    outcome = program.get(f"commands/{answer.json()['command_id']}").json()
    assert (outcome["state"], outcome["reason"]) == ("failed", "insufficient funds")
    assert load_order(order_id).payments[0].method == "declined"
    assert (load_order(order_id).status, gateway.balance) == (Status.CREATED, Decimal(0))


def test_a_return_is_a_wish_until_the_shop_has_the_goods() -> None:
    """Input: the return of a piece of a parcel on its way. Right: asked, accepted, received; only then refunded."""
    gateway, program = InMemoryGateway(), shopper()
    clerk = ApiClient(staff("clerk", "view_ordersummary", "refund_order"))
    order_id = place_order(program)
    program.post(f"orders/{order_id}/payments", {"method": "card"}, if_match="*")
    run_sagas_until_idle(gateway)
    assert load_order(order_id).status is Status.SHIPPED
    back = {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}
    assert program.post(f"orders/{order_id}/returns", back, if_match="*").status_code == 201
    run_sagas_until_idle(gateway)
    assert (load_stock("MUG").on_hand, gateway.balance) == (48, Decimal("25.00"))
    path = f"orders/{order_id}/returns/{load_order(order_id).returns[0].reference}"
    clerk.post(f"{path}/acceptance", {}, if_match="*")
    run_sagas_until_idle(gateway)
    assert (load_stock("MUG").on_hand, gateway.balance) == (48, Decimal("25.00"))
    clerk.post(f"{path}/receipt", {"lines": [{"line": 1, "quantity": 1}]}, if_match="*")
    run_sagas_until_idle(gateway)
    assert (load_stock("MUG").on_hand, gateway.balance) == (49, Decimal("12.50"))
    assert event_types_of(order_id)[-3:] == ["ItemsReturned", "RefundRequested", "PaymentRefunded"]


def test_after_a_declined_card_the_orders_page_takes_another_one() -> None:
    """Input: a card that is declined at the checkout. Right: pay again on the order's page, with another card."""
    gateway, client = InMemoryGateway(), ada()
    client.post("/shop/MUG/", {"quantity": "2"})
    client.post("/checkout/payment/", {"choice": "later"})
    [form_id] = find(client.get("/checkout/"), name="form_id")
    ordered = client.post("/checkout/", {"form_id": form_id.attributes["value"], "total": "25.00 GBP"})
    order_id = UUID(ordered.headers["Location"].split("/")[2])
    command_dispatcher.send(RequestPayment(order_id, "declined"))  # as its card page would
    run_sagas_until_idle(gateway)
    page = follow(client, f"/orders/{order_id}/")
    assert "insufficient funds" in texts(page, "payment-declined")[0]
    client.post(f"/orders/{order_id}/pay/", {"form_id": str(new_id()), "method": "card"})
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, gateway.balance) == (Status.SHIPPED, Decimal("25.00"))


def test_a_product_in_no_currency_is_explained_and_the_basket_still_works() -> None:
    """As below, with another rule: a product whose currency does not exist (any more) cannot be ordered."""
    client = ada()
    Product.objects.filter(sku="LAMP").update(sku="OLD", currency="ZZZ")
    for sku in ("MUG", "OLD"):
        client.post(f"/shop/{sku}/", {"quantity": "1"})
    for path in ("/basket/", "/checkout/"):
        assert texts(follow(client, path), "basket-problem")
    client.post("/basket/MUG/", {"quantity": "0"})
    [sentence] = texts(follow(client, "/checkout/"), "basket-problem")
    assert "ZZZ" in sentence
    line = {"sku": "OLD", "quantity": 1, "price": {"amount": "20.000", "currency": "ZZZ"}}
    refused = shopper("bob@example.org").post("orders", {**MUGS, "lines": [line]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown-currency")


def test_a_basket_in_two_currencies_is_explained_and_still_works() -> None:
    """Input: a GBP and a EUR product in one basket. Right: a sentence, and the basket goes on working."""
    client = ada()
    for sku in ("MUG", "LAMP"):
        client.post(f"/shop/{sku}/", {"quantity": "1"})
    for path in ("/basket/", "/checkout/"):
        [sentence] = texts(follow(client, path), "basket-problem")
        assert "EUR" in sentence and "GBP" in sentence
    assert not find(client.get("/basket/"), href="/checkout/")
    client.post("/basket/LAMP/", {"quantity": "0"})
    client.post("/checkout/payment/", {"choice": "card"})
    page = client.get("/checkout/")
    assert page.status_code == 200 and "£12.50" in page.content.decode()
