"""The demo customer's orders: one in every state, the same on every run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from eventshop.web.pages.demo_registry import CUSTOMER_ID
from orders.demo.products import PRODUCTS
from orders.domain.commands import (
    CancelOrder,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    ProcessPayment,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
)
from orders.domain.events import Line

NAME: Final = "Demo Customer"
ADDRESS: Final = "7 Harbour Street\nWhitby YO21 3PU"
#: How many hours ago, the state that it reaches, and the quantities by SKU.
ORDERS: Final = (
    (24 * 41, "returned", {"KIT-122": 1, "KIT-130": 3}),
    (24 * 18, "delivered", {"HOM-220": 1}),
    (24 * 9, "cancelled", {"HOM-211": 2, "HOM-212": 2}),
    (24 * 3, "shipped", {"KIT-101": 4, "KIT-103": 4, "KIT-110": 1}),
    # Older than an hour: the fulfilment saga treats them as history, so they stay as they are for a demonstration.
    (20, "paid", {"HOM-201": 2}),
    (5, "waiting", {"KIT-121": 1, "KIT-120": 2}),
)


def demo_customer_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """All commands, in the order of their business time. Ids and contents do not depend on the time of the call."""
    commands = [pair for number, order in enumerate(ORDERS) for pair in _order_commands(number, *order, now)]
    return sorted(commands, key=lambda pair: pair[1].occurred_at or now)


def _order_commands(
    number: int, hours: int, outcome: str, quantities: dict[str, int], now: datetime
) -> Iterator[tuple[Command, Envelope]]:
    order_id = derive_id("demo-customer-order", number)
    placed_at, sequence = now - timedelta(hours=hours), 0
    for after, actor, command in _command_sequence(order_id, outcome, quantities):
        yield (
            command,
            Envelope(
                command_id=derive_id("demo-customer-command", order_id, sequence),
                actor=actor,
                occurred_at=placed_at + after,
                correlation_id=order_id,
                sequence_number=sequence,
            ),
        )
        sequence += 2 if isinstance(command, ReturnItems | CancelOrder) else 1


def _command_sequence(
    order_id: UUID, outcome: str, quantities: dict[str, int]
) -> Iterator[tuple[timedelta, str, Command]]:
    """The commands of an order, each with the time since it was placed and the actor."""
    order = _create_order(order_id, quantities)
    yield timedelta(0), str(CUSTOMER_ID), order
    yield timedelta(minutes=1), str(CUSTOMER_ID), RequestPayment(order_id, "card")
    if outcome == "waiting":
        return
    if outcome == "cancelled":
        yield timedelta(minutes=2), "payments", DeclinePayment(order_id, "the card has expired")
        yield timedelta(hours=6), str(CUSTOMER_ID), CancelOrder(order_id, "ordered by mistake")
        return
    yield timedelta(minutes=2), "payments", ProcessPayment(order_id, order.total, "card")
    if outcome == "paid":
        return
    yield timedelta(hours=22), "warehouse", ShipOrder(order_id, "Parcel service", "7204418253")
    if outcome == "shipped":
        return
    yield timedelta(days=3), "carrier", DeliverOrder(order_id, NAME)
    if outcome == "returned":
        lines = (ReturnLine(line=2, quantity=1),)
        yield (
            timedelta(days=9),
            str(CUSTOMER_ID),
            ReturnItems(order_id, "R-DEMO", lines, "the stripe is another colour"),
        )


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
