"""The demo customer's orders, in every state.

Orders older than an hour are history for the fulfilment saga and stay as they are. The newest ones are live: the saga
sets their goods aside, the gateway answers their payments, and at the deadline those that are not paid are cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from eventshop.eventstore.event_store import store
from eventshop.web.pages.demo_registry import CUSTOMER_ID
from orders.demo.order_script import OrderScript, add_envelopes
from orders.demo.products import PRODUCTS
from orders.domain.commands import (
    CancelOrder,
    CreateOrder,
    DeclineReturn,
    DeliverOrder,
    RecordObservedPayment,
    RecordObservedShipment,
    ReturnLine,
    ShipOrder,
)
from orders.domain.events import Line

NAME: Final = "Demo Customer"
ADDRESS: Final = "7 Harbour Street\nWhitby YO21 3PU"
ACTOR: Final = str(CUSTOMER_ID)


def demo_customer_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """All commands of the orders that are not stored yet, in the order of their business time."""
    steps = []
    for name, (age, quantities, play) in ORDERS.items():
        order_id = derive_id("demo-customer-order-v2", name)
        if store.get_events(order_id, to_version=1):
            continue  # of an earlier start, with the times of that start
        script = OrderScript(order_id, now - age)
        script.send(ACTOR, _create_order(order_id, quantities))
        play(script)
        steps += script.steps
    return list(add_envelopes(sorted(steps, key=lambda step: step.occurs_at), "demo-customer-command"))


def _returned(script: OrderScript) -> None:
    _delivered(script)
    script.wait(timedelta(days=5))
    lines = (ReturnLine(line=2, quantity=1),)
    script.request_return(ACTOR, "R-DEMO-1", lines, "the stripe is another colour")
    script.receive_return("R-DEMO-1", lines)


def _return_declined(script: OrderScript) -> None:
    _delivered(script)
    script.wait(timedelta(days=6))
    script.request_return(ACTOR, "R-DEMO-2", (ReturnLine(line=1, quantity=1),), "does not suit me")
    script.wait(timedelta(hours=20))
    script.send("customer service", DeclineReturn(script.order_id, "R-DEMO-2", "candles that were lit"))


def _return_asked(script: OrderScript) -> None:
    _delivered(script)
    script.wait(timedelta(days=2))
    script.request_return(ACTOR, "R-DEMO-3", (ReturnLine(line=1, quantity=1),), "broken or faulty")


def _delivered(script: OrderScript) -> None:
    _shipped(script)
    script.wait(timedelta(days=2))
    script.send("carrier", DeliverOrder(script.order_id, NAME))


def _shipped(script: OrderScript) -> None:
    _paid(script)
    script.wait(timedelta(hours=22))
    script.send("warehouse", ShipOrder(script.order_id, "Parcel service", "7204418253"))


def _paid(script: OrderScript) -> None:
    script.wait(timedelta(minutes=1))
    requested = script.request_payment(ACTOR, "card")
    script.wait(timedelta(minutes=1))
    script.take_payment(requested)


def _paid_in_two_parts(script: OrderScript) -> None:
    for method, amount in (("voucher", Money(Decimal("20.00"), "GBP")), ("card", None)):
        script.wait(timedelta(minutes=1))
        script.take_payment(script.request_payment(ACTOR, method, amount))
    script.wait(timedelta(hours=6))
    script.send("warehouse", ShipOrder(script.order_id, "Parcel service", "7204418254"))


def _cancelled(script: OrderScript) -> None:
    _paid(script)
    script.wait(timedelta(hours=1))
    script.refund(script.send(ACTOR, CancelOrder(script.order_id, "ordered by mistake")))


def _not_paid_in_time(script: OrderScript) -> None:
    script.wait(timedelta(minutes=1))
    script.decline_payment(script.request_payment(ACTOR, "card"), "card expired")
    script.wait(timedelta(minutes=29))
    script.send("fulfilment", CancelOrder(script.order_id, "not paid in time"))


def _shipped_before_paid(script: OrderScript) -> None:
    """What the carrier and the books reported, in their order."""
    script.wait(timedelta(hours=3))
    script.send("importer", RecordObservedShipment(script.order_id, "Parcel service", "7204418255"))
    script.wait(timedelta(days=1))
    script.send("importer", RecordObservedPayment(script.order_id, script.order.total, "invoice", "INV-7"))


def _declined_once(script: OrderScript) -> None:
    script.wait(timedelta(seconds=10))
    script.request_payment(ACTOR, "declined")  # a test card of the local gateway


def _part_paid(script: OrderScript) -> None:
    script.wait(timedelta(seconds=10))
    script.request_payment(ACTOR, "voucher", Money(Decimal("15.00"), "GBP"))


def _pays(script: OrderScript) -> None:
    script.wait(timedelta(seconds=10))
    script.request_payment(ACTOR, "card")


def _waits(script: OrderScript) -> None:
    """Nothing more: the customer has not decided how to pay."""


#: By name: how long ago the order was placed, the quantities by SKU, and what followed.
ORDERS: Final[dict[str, tuple[timedelta, dict[str, int], Callable[[OrderScript], None]]]] = {
    "returned": (timedelta(days=41), {"KIT-122": 1, "KIT-130": 3}, _returned),
    "return declined": (timedelta(days=26), {"HOM-202": 2}, _return_declined),
    "delivered": (timedelta(days=18), {"HOM-220": 1}, _delivered),
    "return asked": (timedelta(days=12), {"KIT-104": 2}, _return_asked),
    "cancelled": (timedelta(days=9), {"HOM-211": 2, "HOM-212": 2}, _cancelled),
    "observed": (timedelta(days=7), {"PAP-401": 3}, _shipped_before_paid),
    "not paid in time": (timedelta(days=4), {"GAR-309": 1}, _not_paid_in_time),
    "shipped": (timedelta(days=3), {"KIT-101": 4, "KIT-103": 4, "KIT-110": 1}, _shipped),
    "paid in two parts": (timedelta(days=2), {"GAR-301": 1}, _paid_in_two_parts),
    "paid": (timedelta(minutes=1), {"HOM-201": 2}, _pays),
    "declined once": (timedelta(minutes=1), {"KIT-105": 1}, _declined_once),
    "part-paid": (timedelta(minutes=1), {"KIT-121": 1}, _part_paid),
    "waiting": (timedelta(minutes=1), {"KIT-120": 2, "KIT-141": 1}, _waits),
}


def _create_order(order_id: UUID, quantities: dict[str, int]) -> CreateOrder:
    products = {sku: (name, Money(Decimal(price), "GBP")) for sku, name, price in PRODUCTS}
    return CreateOrder(
        order_id=order_id,
        reference=short_reference("W", order_id),
        customer_id=CUSTOMER_ID,
        lines=tuple(Line(sku, products[sku][0], quantity, products[sku][1]) for sku, quantity in quantities.items()),
        country="United Kingdom",
        delivery_name=NAME,
        delivery_address=ADDRESS,
    )
