"""Staff see how an order is paid, what was observed of it, and which orders wait for them."""

from __future__ import annotations

from typing import Any

import pytest

from eventshop.eventstore.command_dispatcher import send
from orders.domain.commands import (
    AcceptReturn,
    CreateOrder,
    DeliverOrder,
    RecordObservedPayment,
    RecordObservedShipment,
    RequestPayment,
    RequestReturn,
    ReturnLine,
    ShipOrder,
)
from tests.support.order_payments import authorise_payment, decline_payment, pay_order
from tests.support.pages import find, texts
from tests.support.sales import LANTERNS, Sale, gbp
from tests.support.staff import boss, clerk, order_url, update_read_models

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

LIST = "/admin/projections/ordersummary/"
unpaid, aside, returned, observed = (Sale(number, (LANTERNS,)) for number in range(1, 5))


@pytest.fixture(autouse=True)
def orders(clean_database: None) -> None:
    """An unpaid order, one with money set aside, one with a return asked for, and an observed one."""
    for sale in (unpaid, aside, returned, observed):
        send(CreateOrder(sale.order_id, sale.reference, sale.customer_id, sale.lines))
    send(RequestPayment(unpaid.order_id, "declined"))
    decline_payment(unpaid.order_id)
    send(RequestPayment(aside.order_id, "card"))
    authorise_payment(aside.order_id)
    pay_order(returned.order_id)
    send(ShipOrder(returned.order_id, "Royal Mail"))
    send(DeliverOrder(returned.order_id))
    send(RequestReturn(returned.order_id, "R1", (ReturnLine(1, 2),), "chipped"))
    send(RecordObservedShipment(observed.order_id, "DHL"))
    send(RecordObservedPayment(observed.order_id, gbp("10.00"), "marketplace"))
    update_read_models()


def listed(**filters: str) -> list[str]:
    rows: Any = boss().get(LIST, filters).context["cl"].result_list
    return sorted(row.reference for row in rows)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"payment_state__exact": "UNPAID"}, [unpaid]),
        ({"payment_state__exact": "AUTHORISED"}, [aside]),
        ({"payment_state__exact": "PAID"}, [returned]),
        ({"payment_state__exact": "PARTLY_PAID"}, [observed]),
        ({"task": "review"}, [observed]),
        ({"task": "return"}, [returned]),
        ({"task": "observed"}, [observed]),
        ({"task": "refund"}, []),
    ],
)
def test_orders_are_filtered_by_payment_and_by_what_is_to_do(filters: dict[str, str], found: list[Sale]) -> None:
    assert listed(**filters) == [sale.reference for sale in found]


def test_the_list_shows_payment_states_and_marks() -> None:
    page = boss().get(LIST).content.decode()
    for text in ("Authorised", "Partly paid", "To review", "Return to decide"):
        assert text in page


def test_the_page_of_an_order_tells_its_payments_returns_and_broken_rules() -> None:
    client = boss()
    page = client.get(order_url(observed))
    assert texts(page, "payment-state") == ["Partly paid"]
    assert texts(page, "review") == ["shipped-before-paid"]
    assert len(texts(page, "observed")) == 1
    assert texts(client.get(order_url(returned)), "returns") == ["1 asked for, 0 accepted, 1 to decide"]
    assert "Set aside on a card" in client.get(order_url(aside)).content.decode()
    assert "1 declined" in client.get(order_url(unpaid)).content.decode()
    for sale in (unpaid, aside):
        assert texts(client.get(order_url(sale)), "review") == texts(client.get(order_url(sale)), "returns") == []


def test_the_dashboard_names_what_waits_for_a_person() -> None:
    page = boss().get("/admin/")
    assert find(page, href=f"{LIST}?task=review") and find(page, href=f"{LIST}?task=return")
    send(AcceptReturn(returned.order_id, "R1"))
    update_read_models()
    assert not find(boss().get("/admin/"), href=f"{LIST}?task=return")
    assert "tasks" not in clerk("view_dailysales").get("/admin/").context


def test_order_lines_are_filtered_by_kind() -> None:
    rows = boss().get("/admin/projections/orderline/", {"kind__exact": "freight"}).context["cl"].result_list
    assert list(rows) == []
    rows = boss().get("/admin/projections/orderline/", {"kind__exact": "product"}).context["cl"].result_list
    assert len(rows) == 4
