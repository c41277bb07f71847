"""Demo data: two months of orders of a realistic shop, up to the present.

All commands of each order are planned; those in the future are left out. So the newest orders wait for their payment,
yesterday's are on their way, and older ones were delivered, cancelled or returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from orders.demo import products as shop
from orders.domain.commands import (
    CancelOrder,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    ProcessPayment,
    ReceiveStock,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
    WriteOffStock,
)
from orders.domain.events import Line

DAYS: Final = 60
ORDERS: Final = 300
CUSTOMERS: Final = 80
CREDIT_NOTES: Final = 8
WRITE_OFFS: Final = 14
#: The newest orders were placed this many minutes ago, whatever the time of day.
RECENT_ORDER_AGES_MIN: Final = (1_100, 900, 700, 540, 400, 300, 210, 150, 90, 60, 41, 24, 13, 6, 3, 1)
#: How orders end, and how many of a hundred do.
OUTCOME_WEIGHTS: Final = {
    "delivered": 70,
    "declined, then paid": 8,
    "returned": 11,
    "cancelled": 5,
    "paid and cancelled": 4,
    "declined and cancelled": 2,
}


class DemoStep(NamedTuple):
    """One command of the demo data: when it occurs, in which correlation, and by whom."""

    occurs_at: datetime
    correlation_id: UUID
    actor: str
    command: Command


def demo_commands(now: datetime, *, seed: int = 1) -> list[tuple[Command, Envelope]]:
    """All commands up to `now`, in the order of their business time. The same seed and time give the same commands."""
    chance = Random(seed)  # noqa: S311  (demo data, not a secret)
    order_times = sorted(_random_time(chance, now) for _ in range(ORDERS - len(RECENT_ORDER_AGES_MIN)))
    order_times += [now - timedelta(minutes=minutes) for minutes in RECENT_ORDER_AGES_MIN]
    steps: list[DemoStep] = []
    for number, placed_at in enumerate(order_times, start=10_001):
        steps += order_steps(chance, f"ES-{number}", placed_at)
    steps += [_credit_note(chance, f"CN-{500 + number}", now) for number in range(1, CREDIT_NOTES + 1)]
    steps += [_write_off(chance, f"COUNT-{number:02}", now) for number in range(1, WRITE_OFFS + 1)]
    steps += [_delivery(index, sku, now) for index, (sku, _, _) in enumerate(shop.PRODUCTS)]
    past_steps = [step for step in steps if step.occurs_at <= now]
    return list(add_envelopes(sorted(past_steps, key=lambda step: step.occurs_at)))


def order_steps(chance: Random, reference: str, placed_at: datetime) -> list[DemoStep]:
    """The commands of one order, from its creation to a random end."""
    order = _create_order(chance, reference)
    outcome = chance.choices(list(OUTCOME_WEIGHTS), list(OUTCOME_WEIGHTS.values()))[0]
    return [
        DemoStep(placed_at + after, order.order_id, actor, command)
        for after, actor, command in _command_sequence(chance, order, outcome)
    ]


def _command_sequence(chance: Random, order: CreateOrder, outcome: str) -> Iterator[tuple[timedelta, str, Command]]:
    """The commands of an order, each with the time since it was placed and the actor."""
    order_id, method = order.order_id, chance.choice(shop.PAYMENT_METHODS)
    after = timedelta(0)
    yield after, "web shop", order
    after += _random_minutes(chance, 1, 4)
    yield after, "payments", RequestPayment(order_id=order_id, method=method)
    if "declined" in outcome:
        after += _random_minutes(chance, 1, 10)
        yield after, "payments", DeclinePayment(order_id=order_id, reason=chance.choice(shop.DECLINE_REASONS))
    if outcome in ("cancelled", "declined and cancelled"):
        after += _random_minutes(chance, 30, 3_000)
        yield after, "customer service", CancelOrder(order_id=order_id, reason=chance.choice(shop.CANCELLATION_REASONS))
        return
    after += _random_minutes(chance, 2, 1_500) if method == "bank transfer" else _random_minutes(chance, 1, 90)
    yield after, "payments", ProcessPayment(order_id=order_id, amount=order.total, method=method)
    if outcome == "paid and cancelled":
        after += _random_minutes(chance, 20, 600)
        yield after, "customer service", CancelOrder(order_id=order_id, reason=chance.choice(shop.CANCELLATION_REASONS))
        return
    after += _random_minutes(chance, 120, 2_880)
    tracking = f"{chance.randrange(10**9, 10**10)}"
    yield after, "warehouse", ShipOrder(order_id=order_id, carrier=chance.choice(shop.CARRIERS), tracking=tracking)
    after += _random_minutes(chance, 1_000, 6_000)
    yield after, "carrier", DeliverOrder(order_id=order_id, received_by=chance.choice(("", "customer", "neighbour")))
    if outcome == "returned":
        after += _random_minutes(chance, 1_000, 9_000)
        yield after, "customer service", _return_items(chance, order)


def _create_order(chance: Random, reference: str) -> CreateOrder:
    customer = chance.randrange(CUSTOMERS)
    lines = tuple(
        Line(sku=sku, description=name, quantity=chance.choice((1, 1, 1, 2, 2, 3, 6)), price=_pounds(price))
        for sku, name, price in chance.sample(shop.PRODUCTS, chance.choice((1, 1, 2, 2, 3, 4, 6)))
    )
    return CreateOrder(
        order_id=derive_id("demo-order", reference),
        reference=reference,
        # One in ten orders is a guest's.
        customer_id=None if chance.random() < 0.1 else derive_id("demo-customer", customer),
        lines=lines,
        country=_country_of(customer),
    )


def _return_items(chance: Random, order: CreateOrder) -> ReturnItems:
    """A return of some units of one line; one in five returns everything."""
    everything = chance.random() < 0.2
    indexes = range(len(order.lines)) if everything else sorted(chance.sample(range(len(order.lines)), 1))
    return ReturnItems(
        order_id=order.order_id,
        reference=order.reference.replace("ES", "RET"),
        lines=tuple(
            ReturnLine(
                line=index + 1,
                quantity=order.lines[index].quantity if everything else chance.randint(1, order.lines[index].quantity),
            )
            for index in indexes
        ),
        reason=chance.choice(shop.RETURN_REASONS),
    )


def _credit_note(chance: Random, reference: str, now: datetime) -> DemoStep:
    customer, (sku, name, _) = chance.randrange(CUSTOMERS), chance.choice(shop.PRODUCTS)
    note = CreateCreditNote(
        order_id=derive_id("demo-order", reference),
        reference=reference,
        customer_id=derive_id("demo-customer", customer),
        lines=(Line(sku=sku, description=name, quantity=1, price=_pounds(chance.choice(("2.50", "5.00", "10.00")))),),
        reason=chance.choice(shop.CREDIT_REASONS),
        country=_country_of(customer),
    )
    return DemoStep(_random_time(chance, now), note.order_id, "customer service", note)


def _write_off(chance: Random, reference: str, now: datetime) -> DemoStep:
    sku, _, _ = chance.choice(shop.PRODUCTS)
    loss = WriteOffStock(
        sku=sku, quantity=chance.randint(1, 8), reason=chance.choice(shop.WRITE_OFF_REASONS), reference=reference
    )
    return DemoStep(_random_time(chance, now), derive_id("demo-count", reference), "warehouse", loss)


def _delivery(index: int, sku: str, now: datetime) -> DemoStep:
    """A delivery of yesterday, which starts the stock count; earlier sales are history. Some products run out soon."""
    quantity = (40, 120, 300, 20)[index % 4]
    receive = ReceiveStock(sku=sku, quantity=quantity, reference="DEL-2041")
    return DemoStep(now - timedelta(hours=20), derive_id("demo-delivery", sku), "warehouse", receive)


def add_envelopes(steps: list[DemoStep]) -> Iterator[tuple[Command, Envelope]]:
    """Add envelopes with ids derived from correlation and sequence, so that a second run sends the same commands."""
    next_sequence: dict[UUID, int] = {}
    for occurred_at, correlation_id, actor, command in steps:
        sequence = next_sequence.get(correlation_id, 0)
        next_sequence[correlation_id] = sequence + (2 if isinstance(command, ReturnItems | CancelOrder) else 1)
        envelope = Envelope(
            command_id=derive_id("demo-command", correlation_id, sequence),
            actor=actor,
            occurred_at=occurred_at,
            correlation_id=correlation_id,
            sequence_number=sequence,
        )
        yield command, envelope


def _random_time(chance: Random, now: datetime) -> datetime:
    """A time in the last two months: more often a recent one, seldom at night."""
    time = now - timedelta(days=DAYS * chance.random() ** 1.4)
    return time - timedelta(hours=8) if time.hour < 7 and chance.random() < 0.9 else time


def _random_minutes(chance: Random, least: int, most: int) -> timedelta:
    return timedelta(seconds=chance.randint(least * 60, most * 60))


def _pounds(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


def _country_of(customer: int) -> str:
    """The country of a customer: the same on every call."""
    return Random(customer).choices(list(shop.COUNTRY_WEIGHTS), list(shop.COUNTRY_WEIGHTS.values()))[0]  # noqa: S311
