"""Faults for the demo to show: books with impossible sums, and an order whose payment the gateway always fails.

Nothing here is made up for the console: the events are accepted by the orders' own rules, and then a daily sum does not
fit its column, or the gateway answers 500.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from orders.demo.order_script import DemoStep, OrderScript, add_envelopes
from orders.demo.products import PRODUCTS
from orders.domain.commands import CreateCreditNote, CreateOrder, RecordObservedPayment
from orders.domain.events import Line

#: The books of another system, in a currency of its own: their sums must not spoil the figures of the demo's shop.
BOOKED_AGO: Final = timedelta(days=400)
#: The most that one amount may be; the sum of two is more than a daily figure can hold.
TYPED_WRONG: Final = Money(Decimal(900_000_000_000_000), "VND")
#: The gateway's method that always answers 500, before anything happens.
FAILING_METHOD: Final = "down"
FAILING_ORDERS: Final = 2


def fault_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """The commands of the faults up to `now`."""
    booked_at = now - BOOKED_AGO
    steps = [step for number in (1, 2) for step in _booked_order(number, booked_at)]
    steps += [_booked_credit(number, booked_at) for number in (1, 2)]
    steps += [step for number in range(1, FAILING_ORDERS + 1) for step in _failing_order(number, now)]
    return list(add_envelopes(steps, "demo-fault"))


def _booked_order(number: int, booked_at: datetime) -> list[DemoStep]:
    order_id = derive_id("demo-fault-order", number)
    script = OrderScript(order_id, booked_at)
    lines = (Line("FREIGHT", "Freight, in the books of another system", 1, TYPED_WRONG, kind="freight"),)
    script.send("importer", CreateOrder(order_id, f"BOOK-{number}", None, lines))
    script.send("importer", RecordObservedPayment(order_id, TYPED_WRONG, "invoice", f"BOOK-{number}"))
    return script.steps


def _booked_credit(number: int, booked_at: datetime) -> DemoStep:
    order_id, reference = derive_id("demo-fault-credit", number), f"BOOK-C{number}"
    lines = (Line("FREIGHT", "Freight, credited", 1, TYPED_WRONG, kind="freight"),)
    return DemoStep(
        booked_at, order_id, "importer", CreateCreditNote(order_id, reference, None, lines, "booked by mistake")
    )


def _failing_order(number: int, now: datetime) -> list[DemoStep]:
    """A live order: its saga sets the goods aside, and then tries to take a payment, again and again."""
    order_id = derive_id("demo-fault-failing", number)
    sku, name, price = PRODUCTS[number]
    script = OrderScript(order_id, now - timedelta(seconds=60))
    lines = (Line(sku, name, 1, Money(Decimal(price), "GBP")),)
    script.send("web shop", CreateOrder(order_id, f"ES-9000{number}", None, lines, country="United Kingdom"))
    script.wait(timedelta(seconds=10))
    script.request_payment("web shop", FAILING_METHOD)
    return script.steps
