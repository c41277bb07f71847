"""Demo data: two months of orders of a realistic shop, up to the present.

All commands of each order are planned; those in the future are left out. So yesterday's orders are on their way, and
older ones were delivered, cancelled or returned. Orders of the last hour are live: the fulfilment saga sets their goods
aside, and the gateway answers their payments.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money, round_to_payable
from orders.demo import products as shop
from orders.demo.order_script import DemoStep, OrderScript, add_envelopes
from orders.domain.commands import (
    CancelOrder,
    CloseReturnWindow,
    CreateCreditNote,
    CreateOrder,
    DeclineReturn,
    DeliverOrder,
    ReceiveStock,
    RecordObservedPayment,
    RecordObservedShipment,
    ReturnLine,
    ShipOrder,
    WriteOffStock,
)
from orders.domain.events import Line, OrderEvent

DAYS: Final = 60
ORDERS: Final = 300
CUSTOMERS: Final = 80
CREDIT_NOTES: Final = 8
WRITE_OFFS: Final = 14
RETURN_WINDOW: Final = timedelta(days=30)
#: Younger orders are live.
LIVE_FOR: Final = timedelta(hours=1)
#: The newest orders were placed this many minutes ago, whatever the time of day.
RECENT_ORDER_AGES_MIN: Final = (1_100, 900, 700, 540, 400, 300, 210, 150, 90, 60, 41, 24, 13, 6, 3, 1)
#: How orders end, and how many of a hundred do.
OUTCOME_WEIGHTS: Final = {
    "delivered": 55,
    "declined, then paid": 8,
    "paid in parts": 6,
    "captured when shipped": 6,
    "returned": 10,
    "return declined": 3,
    "not paid in time": 4,
    "paid and cancelled": 4,
    "authorised and cancelled": 2,
    "observed": 2,
}


def demo_commands(now: datetime, *, seed: int = 1) -> list[tuple[Command, Envelope]]:
    """All commands up to `now`, in the order of their business time. The same seed and time give the same commands."""
    chance = Random(seed)  # noqa: S311  (demo data, not a secret)
    order_times = sorted(_random_time(chance, now) for _ in range(ORDERS - len(RECENT_ORDER_AGES_MIN)))
    order_times += [now - timedelta(minutes=minutes) for minutes in RECENT_ORDER_AGES_MIN]
    steps: list[DemoStep] = []
    for number, placed_at in enumerate(order_times, start=10_001):
        steps += order_steps(chance, f"ES-{number}", placed_at, is_live=now - placed_at < LIVE_FOR)
    steps += [_credit_note(chance, f"CN-{500 + number}", now) for number in range(1, CREDIT_NOTES + 1)]
    steps += [_write_off(chance, f"COUNT-{number:02}", now) for number in range(1, WRITE_OFFS + 1)]
    steps += [_delivery(index, sku, now) for index, (sku, _, _) in enumerate(shop.PRODUCTS)]
    past_steps = [step for step in steps if step.occurs_at <= now]
    return list(add_envelopes(sorted(past_steps, key=lambda step: step.occurs_at)))


def order_steps(chance: Random, reference: str, placed_at: datetime, *, is_live: bool = False) -> list[DemoStep]:
    """The commands of one order, from its creation to a random end; of a live one only what its customer decides."""
    order = _create_order(chance, reference)
    script = OrderScript(order.order_id, placed_at)
    script.send("web shop", order)
    outcome = chance.choices(list(OUTCOME_WEIGHTS), list(OUTCOME_WEIGHTS.values()))[0]
    if is_live:
        script.wait(timedelta(seconds=20))
        script.request_payment("web shop", "card")
    elif outcome == "observed":
        _play_observed(chance, script)
    elif _play_payment(chance, script, outcome):
        _play_delivery(chance, script, outcome)
    return script.steps


def _play_payment(chance: Random, script: OrderScript, outcome: str) -> bool:
    """The payments of an order; False if it ends with them."""
    method = chance.choice(shop.PAYMENT_METHODS)
    _wait(chance, script, 1, 4)
    if outcome in ("declined, then paid", "not paid in time"):
        requested = script.request_payment("web shop", method)
        script.decline_payment(requested, chance.choice(shop.DECLINE_REASONS))
        _wait(chance, script, 1, 10)
    if outcome == "not paid in time":
        _wait(chance, script, 15, 20)
        script.send("fulfilment", CancelOrder(script.order_id, outcome))
        return False
    if outcome in ("captured when shipped", "authorised and cancelled"):
        authorised = script.authorise_payment(script.request_payment("web shop", "card"))
        if outcome == "captured when shipped":
            return True
        _cancel(chance, script)
        script.void_payment(authorised)
        return False
    if outcome == "paid in parts":
        half = round_to_payable(Money(script.order.total.amount / 2, script.order.total.currency))
        script.take_payment(script.request_payment("web shop", "voucher", half))
    requested = script.request_payment("web shop", method)
    _wait(chance, script, 1, 3)
    script.take_payment(requested)
    if outcome == "paid and cancelled":
        script.refund(_cancel(chance, script))
        return False
    return True


def _play_delivery(chance: Random, script: OrderScript, outcome: str) -> None:
    order_id, authorised = script.order_id, script.authorised
    _wait(chance, script, 120, 2_880)
    tracking = f"{chance.randrange(10**9, 10**10)}"
    script.send("warehouse", ShipOrder(order_id, carrier=chance.choice(shop.CARRIERS), tracking=tracking))
    if authorised:
        script.take_payment(authorised)
    _wait(chance, script, 1_000, 6_000)
    script.send("carrier", DeliverOrder(order_id, received_by=chance.choice(("", "customer", "neighbour"))))
    delivered_at = script.now
    if outcome in ("returned", "return declined"):
        _play_return(chance, script, accepted=outcome == "returned")
    script.now = max(script.now, delivered_at + RETURN_WINDOW)
    script.send("return window", CloseReturnWindow(order_id))


def _play_return(chance: Random, script: OrderScript, *, accepted: bool) -> None:
    """A return of some units of one line; one in five returns everything."""
    _wait(chance, script, 1_000, 9_000)
    kept, reference = script.order.lines_kept, script.order.reference.replace("ES", "RET")
    everything = chance.random() < 0.2
    lines = tuple(
        ReturnLine(line.line, line.quantity if everything else chance.randint(1, line.quantity))
        for line in (kept if everything else (chance.choice(kept),))
    )
    script.request_return("web shop", reference, lines, chance.choice(shop.RETURN_REASONS))
    _wait(chance, script, 30, 600)
    if accepted:
        script.receive_return(reference, lines, damaged=chance.random() < 0.3)
    else:
        script.send("customer service", DeclineReturn(script.order_id, reference, "used"))


def _play_observed(chance: Random, script: OrderScript) -> None:
    """A marketplace's order: it was shipped before it was paid."""
    _wait(chance, script, 60, 600)
    script.send("importer", RecordObservedShipment(script.order_id, chance.choice(shop.CARRIERS)))
    _wait(chance, script, 600, 3_000)
    script.send("importer", RecordObservedPayment(script.order_id, script.order.total, "invoice"))


def _cancel(chance: Random, script: OrderScript) -> list[OrderEvent]:
    _wait(chance, script, 20, 90)
    return script.send("customer service", CancelOrder(script.order_id, chance.choice(shop.CANCELLATION_REASONS)))


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


def _random_time(chance: Random, now: datetime) -> datetime:
    """A time in the last two months: more often a recent one, seldom at night."""
    time = now - timedelta(days=DAYS * chance.random() ** 1.4)
    return time - timedelta(hours=8) if time.hour < 7 and chance.random() < 0.9 else time


def _wait(chance: Random, script: OrderScript, least_min: int, most_min: int) -> None:
    script.wait(timedelta(seconds=chance.randint(least_min * 60, most_min * 60)))


def _pounds(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


def _country_of(customer: int) -> str:
    """The country of a customer: the same on every call."""
    return Random(customer).choices(list(shop.COUNTRY_WEIGHTS), list(shop.COUNTRY_WEIGHTS.values()))[0]  # noqa: S311
