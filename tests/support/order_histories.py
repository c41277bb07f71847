"""Random histories of orders: whatever a customer, the shop, the gateway and a marketplace may do, in any order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.money import Money
from orders.domain.commands import (
    AcceptReturn,
    AuthorisePayment,
    CancelOrder,
    CloseReturnWindow,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeclineReturn,
    DeliverOrder,
    OrderCommand,
    ProcessPayment,
    ReceivedLine,
    ReceiveReturn,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReturnLine,
    ReverseCreditNote,
    ReverseObservedReturn,
    ShipOrder,
)
from orders.domain.events import ExternalId, Line, OrderEvent
from orders.domain.order import Order, Status
from tests.support.sales import ADA, BOB, Sale

MOMENT: Final = datetime(2026, 1, 30, 12, tzinfo=UTC)
#: Commands of one history, refused ones included.
MAX_STEPS: Final = 12


class OrderHistory(NamedTuple):
    """The events of one order."""

    order_id: UUID
    events: list[OrderEvent]


def random_order_history(chance: Random, number: int) -> OrderHistory:
    """A random history of an order. There are few customers and products, so that many orders share their rows."""
    sale = Sale(number, _random_lines(chance), chance.choice([ADA, BOB, None]))
    order, events = Order(), list[OrderEvent]()
    command: OrderCommand = _first_command(chance, sale)
    for _ in range(chance.randint(1, MAX_STEPS)):
        try:
            new_events = order.decide(command)
        except EventShopError:
            new_events = []
        order = order.evolve_all(new_events)
        events += new_events
        command = _random_command(chance, order, sale)
    return OrderHistory(sale.order_id, events)


def _random_lines(chance: Random) -> tuple[Line, ...]:
    currency = chance.choice(["GBP", "GBP", "EUR"])
    products = tuple(
        Line(
            sku=chance.choice(["71053", "21212", "a:GBP"]),
            description=chance.choice(["", "LANTERN", "MUG"]),
            quantity=chance.randint(1, 5),
            price=Money(Decimal(chance.choice(["0", "0.125", "3.39"])), currency),
            external_ids=chance.choice([(), (ExternalId("supplier", "L-1"),)]),
        )
        for _ in range(chance.randint(1, 3))
    )
    freight = Line("POST", "Parcel", 1, Money(Decimal("2.50"), currency), kind="freight")
    discount = Line("71053", "Welcome", 1, Money(Decimal("-1.00"), currency), kind="discount")
    return products + chance.choice([(), (), (freight,), (freight, discount)])


def _first_command(chance: Random, sale: Sale) -> OrderCommand:
    if chance.random() < 0.2:
        return CreateCreditNote(sale.order_id, sale.reference, sale.customer_id, sale.lines, "goodwill")
    return CreateOrder(
        sale.order_id,
        sale.reference,
        sale.customer_id,
        sale.lines,
        external_ids=chance.choice([(), (ExternalId("marketplace", f"M-{sale.number}"),)]),
        customer_external_id=chance.choice([None, ExternalId("marketplace", "C-1")]),
    )


def _random_command(chance: Random, order: Order, sale: Sale) -> OrderCommand:
    if order.status in (Status.CREDITED, Status.REVERSED):
        if chance.random() < 0.5:
            return ReverseCreditNote(sale.order_id)
        return CreateCreditNote(sale.order_id, sale.reference, sale.customer_id, sale.lines[:1], "goodwill")
    family = chance.choices([_payment, _delivery, _return, _observed], weights=[8, 4, 6, 2])[0]
    return family(chance, order, sale)


def _payment(chance: Random, order: Order, sale: Sale) -> OrderCommand:
    order_id, amount = sale.order_id, None
    for payment in order.payments:
        if payment.status in ("requested", "authorised") and chance.random() < 0.9:
            charge = derive_id("test-charge", payment.payment_id)
            asked, method, payment_id = payment.requested, payment.method, payment.payment_id
            answers: list[OrderCommand] = [
                ProcessPayment(order_id, asked, method, payment_id, charge, MOMENT),
                AuthorisePayment(order_id, asked, method, payment_id, charge, MOMENT),
                DeclinePayment(order_id, "expired", payment_id, method),
                RecordVoid(order_id, payment_id, asked, charge),
            ]
            return chance.choice(answers)
    for refund in order.refunds:
        if not refund.is_done and chance.random() < 0.7:
            return RecordRefund(order_id, refund.refund_id, refund.amount, MOMENT)
    if order.payments or chance.random() < 0.3:
        amount = Money(Decimal("1.25"), sale.total.currency)
    return RequestPayment(order_id, chance.choice(["card", "voucher"]), chance.choice([None, amount]))


def _delivery(chance: Random, order: Order, sale: Sale) -> OrderCommand:
    commands: list[OrderCommand] = [
        ShipOrder(sale.order_id, "post"),
        DeliverOrder(sale.order_id),
        DeliverOrder(sale.order_id),
        CancelOrder(sale.order_id, "no"),
        CloseReturnWindow(sale.order_id),
    ]
    return chance.choice(commands)


def _return(chance: Random, order: Order, sale: Sale) -> OrderCommand:
    order_id, reference = sale.order_id, f"R{chance.randint(1, 2)}"
    received = ReceivedLine(1, 1, chance.choice(["resellable", "damaged"]))
    commands: list[OrderCommand] = [
        RequestReturn(order_id, reference, (ReturnLine(1, chance.randint(1, 2)),), "chipped"),
        AcceptReturn(order_id, reference),
        AcceptReturn(order_id, reference),
        DeclineReturn(order_id, reference, "used"),
        ReceiveReturn(order_id, reference, (received,)),
        ReceiveReturn(order_id, reference, (received,)),
    ]
    return chance.choice(commands)


def _observed(chance: Random, order: Order, sale: Sale) -> OrderCommand:
    order_id, amount = sale.order_id, Money(Decimal(chance.choice(["1.25", "40"])), sale.total.currency)
    facts: list[Callable[[], OrderCommand]] = [
        lambda: RecordObservedPayment(order_id, chance.choice([amount, sale.total]), "invoice"),
        lambda: RecordObservedShipment(order_id, "post"),
        lambda: RecordObservedDelivery(order_id),
        lambda: RecordObservedCancellation(order_id, "marketplace"),
        lambda: RecordObservedReturn(order_id, "C1", (ReturnLine(1, 1),), "back", chance.choice([True, False])),
        lambda: RecordObservedRefund(order_id, "F1", amount, "goodwill"),
        lambda: RecordObservedLines(order_id, len(order.lines) + 1, sale.lines),
        lambda: ReverseObservedReturn(order_id, "C1", (ReturnLine(1, 1),)),
    ]
    return chance.choice(facts)()
