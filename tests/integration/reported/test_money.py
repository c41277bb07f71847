"""Reported cases of money: what the bank is asked for, what it moves, and what the events say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.urls import reverse

from eventshop.core.messages import Event, new_id
from eventshop.core.money import Money
from eventshop.eventstore.event_store import store
from orders.domain.commands import (
    AcceptReturn,
    CreateOrder,
    DeliverOrder,
    ReceivedLine,
    ReceiveReturn,
    RequestPayment,
    RequestReturn,
    ReturnLine,
)
from orders.domain.events import Line, PaymentDeclined, PaymentProcessed, PaymentRefunded
from orders.models import Product
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import place_order, receive_stock, run_sagas_until_idle, send_for_order
from tests.support.staff import boss

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def bank(clean_database: None) -> InMemoryGateway:
    """The gateway's own ledger."""
    receive_stock("mug", 10)
    return InMemoryGateway()


def events_of(order_id: UUID, kind: type[Event]) -> list[Any]:
    return [recorded.event for recorded in store.get_events(order_id) if isinstance(recorded.event, kind)]


def requests_at(bank: InMemoryGateway) -> list[tuple[str, int, str, str]]:
    """Kind, amount, currency and status of what the bank was asked for, oldest first."""
    fields = ("kind", "amount", "currency", "status")
    return [tuple(payment[name] for name in fields) for payment in reversed(bank.ledger.newest_payments(50))]


def enter_product(price: str, currency: str) -> Any:
    """Staff enter a product; gives the response."""
    form = {"sku": "MUG", "name": "Mug", "description": "", "price": price, "currency": currency, "on_sale": "on"}
    return boss().post(reverse("admin:orders_product_add"), form)


@pytest.mark.parametrize(
    ("price", "currency", "minor_units"),
    [("500", "XOF", 500), ("1.250", "IQD", 1250), ("9.99", "GBP", 999), ("7", "ISK", 7), ("0.001", "KWD", 1)],
)
def test_the_bank_is_asked_in_the_minor_unit_of_the_currency(
    bank: InMemoryGateway, price: str, currency: str, minor_units: int
) -> None:
    """Input: a product at 500 XOF; at 1.250 IQD. Right: the gateway is sent 500; 1250."""
    assert enter_product(price, currency).status_code == 302
    product, order_id = Product.objects.get(), new_id()
    send_for_order(order_id, CreateOrder(order_id, "1", None, (Line("mug", "Mug", 1, product.money),)))
    send_for_order(order_id, RequestPayment(order_id, "card"))
    run_sagas_until_idle(bank)
    assert requests_at(bank) == [("charge", minor_units, currency, "succeeded")]
    [paid] = events_of(order_id, PaymentProcessed)
    assert paid.amount == Money(Decimal(price), currency)


@pytest.mark.parametrize(
    ("price", "currency", "field", "code"),
    [
        ("100.50", "JPY", "price", "unpayable-amount"),
        ("0.5", "XOF", "price", "unpayable-amount"),
        ("1.005", "GBP", "price", "unpayable-amount"),
        ("10.50", "HUF", "price", "unpayable-amount"),
        ("9.00", "ZZZ", "currency", "unknown-currency"),
        ("9.00", "XXX", "currency", "unknown-currency"),
        ("9.00", "BGN", "currency", "unknown-currency"),
        ("9.00", "gbp", "currency", "unknown-currency"),
    ],
)
def test_a_price_that_cannot_be_paid_is_refused_where_it_is_entered(
    price: str, currency: str, field: str, code: str
) -> None:
    """Input: a product at 100.50 JPY. Right: refused where the price is entered."""
    response = enter_product(price, currency)
    assert response.status_code == 200 and not Product.objects.exists()
    [error] = response.context["adminform"].form.errors.as_data()[field]
    assert error.code == code
    with pytest.raises(ValidationError):
        Product(sku="MUG", name="Mug", price=Decimal(price), currency=currency).full_clean()


def test_a_price_with_too_many_decimals_is_refused() -> None:
    """Input: a product at 1.2505 IQD. Right: refused; 1.250 IQD is accepted."""
    assert enter_product("1.2505", "IQD").status_code == 200 and not Product.objects.exists()
    assert enter_product("1.250", "IQD").status_code == 302
    assert str(Product.objects.get().money) == "1.250 IQD"


def test_two_returns_of_half_a_penny_say_what_the_bank_moved(bank: InMemoryGateway) -> None:
    """Input: two pieces at 3.335 GBP each, returned one by one. Right: events say what moved, 3.34 and 3.33."""
    order_id = place_order(("mug", 2), method="card", price="3.335")
    run_sagas_until_idle(bank)
    send_for_order(order_id, DeliverOrder(order_id))
    for reference in ("R-1", "R-2"):
        send_for_order(order_id, RequestReturn(order_id, reference, (ReturnLine(1, 1),), "chipped"))
        send_for_order(order_id, AcceptReturn(order_id, reference))
        send_for_order(order_id, ReceiveReturn(order_id, reference, (ReceivedLine(1, 1),)))
        run_sagas_until_idle(bank)
    refunded = [str(event.amount) for event in events_of(order_id, PaymentRefunded)]
    assert refunded == ["3.34 GBP", "3.33 GBP"]
    assert requests_at(bank) == [
        ("charge", 667, "GBP", "succeeded"),
        ("refund", 334, "GBP", "succeeded"),
        ("refund", 333, "GBP", "succeeded"),
    ]
    assert bank.balance == 0


def test_the_event_names_what_the_bank_charged(bank: InMemoryGateway) -> None:
    """Input: an order, then a payment by `declined`, then by `voucher`. Right: each as the bank answered."""
    order_id = place_order(("mug", 2), method="declined")
    run_sagas_until_idle(bank)
    [declined] = events_of(order_id, PaymentDeclined)
    assert (declined.method, declined.reason) == ("declined", "insufficient funds") and bank.balance == 0
    send_for_order(order_id, RequestPayment(order_id, "voucher"))
    run_sagas_until_idle(bank)
    [paid] = events_of(order_id, PaymentProcessed)
    [charged] = [payment for payment in bank.ledger.newest_payments(50) if payment["status"] == "succeeded"]
    assert (paid.method, str(paid.charge_id)) == ("voucher", charged["key"])
    assert paid.processed_at.isoformat() == charged["processed_at"]


def test_an_unknown_method_is_never_charged(bank: InMemoryGateway) -> None:
    """Input: a payment by a method that no gateway knows. Right: declined, not charged by another."""
    order_id = place_order(("mug", 2), method="paypal")
    run_sagas_until_idle(bank)
    [declined] = events_of(order_id, PaymentDeclined)
    assert (declined.method, declined.reason) == ("paypal", "unknown method") and bank.balance == 0


def test_a_sum_of_prices_is_exact() -> None:
    """Input: many prices of 0.1 and 0.2. Right: their sum has no float's tail."""
    Product.objects.bulk_create(
        Product(sku=f"P{number}", name="P", price=Decimal("0.1") if number % 2 else Decimal("0.2"))
        for number in range(2_001)
    )
    assert Product.objects.aggregate(total=Sum("price"))["total"] == Decimal("300.2")
