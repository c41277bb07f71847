"""The example order of these tests: six lanterns and two mugs for Ada."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from eventshop.core.money import Money
from orders.domain.commands import (
    CancelOrder,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    ProcessPayment,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
)
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    Line,
    LineAmount,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
)

ORDER = UUID("00000000-0000-4000-8000-000000000001")
ADA = UUID("00000000-0000-4000-8000-0000000000ad")


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


LINES = (
    Line(sku="71053", description="WHITE METAL LANTERN", quantity=6, price=gbp("3.39")),
    Line(sku="21212", description="MUG", quantity=2, price=gbp("1.125")),
)
TOTAL = gbp("22.590")

create = CreateOrder(order_id=ORDER, reference="536365", customer_id=ADA, lines=LINES, country="France")
request = RequestPayment(order_id=ORDER, method="card")
pay = ProcessPayment(order_id=ORDER, amount=TOTAL, method="card")
decline = DeclinePayment(order_id=ORDER, reason="card expired")
ship = ShipOrder(order_id=ORDER, carrier="Royal Mail", tracking="RM1")
deliver = DeliverOrder(order_id=ORDER, received_by="Ada")
cancel = CancelOrder(order_id=ORDER, reason="changed her mind")
credit = CreateCreditNote(
    order_id=ORDER, reference="C536379", customer_id=ADA, lines=LINES[:1], reason="goodwill", country="France"
)


def take_back(*pieces: tuple[int, int], reference: str = "C1") -> ReturnItems:
    lines = tuple(ReturnLine(line=line, quantity=quantity) for line, quantity in pieces)
    return ReturnItems(order_id=ORDER, reference=reference, lines=lines, reason="chipped")


created = OrderCreated(order_id=ORDER, reference="536365", customer_id=ADA, country="France", lines=LINES, total=TOTAL)
requested = PaymentRequested(order_id=ORDER, customer_id=ADA, amount=TOTAL, method="card")
declined = PaymentDeclined(order_id=ORDER, customer_id=ADA, amount=TOTAL, reason="card expired")
SIX_LANTERNS = LineAmount(line=1, sku="71053", quantity=6, amount=gbp("20.34"))
TWO_MUGS = LineAmount(line=2, sku="21212", quantity=2, amount=gbp("2.250"))
paid = PaymentProcessed(
    order_id=ORDER,
    reference="536365",
    customer_id=ADA,
    amount=TOTAL,
    method="card",
    lines=(SIX_LANTERNS, TWO_MUGS),
)
shipped = OrderShipped(order_id=ORDER, customer_id=ADA, carrier="Royal Mail", tracking="RM1")
delivered = OrderDelivered(order_id=ORDER, customer_id=ADA, received_by="Ada")


def cancelled(*sold: LineAmount) -> OrderCancelled:
    return OrderCancelled(order_id=ORDER, reference="536365", customer_id=ADA, reason="changed her mind", lines=sold)


def came_back(*lines: LineAmount, reference: str = "C1") -> ItemsReturned:
    return ItemsReturned(order_id=ORDER, reference=reference, customer_id=ADA, lines=lines, reason="chipped")


def refunded(amount: str, *, reference: str = "C1", reason: str = "chipped") -> PaymentRefunded:
    return PaymentRefunded(order_id=ORDER, reference=reference, customer_id=ADA, amount=gbp(amount), reason=reason)


credited = CreditNoteIssued(
    order_id=ORDER,
    reference="C536379",
    customer_id=ADA,
    country="France",
    lines=LINES[:1],
    total=gbp("20.34"),
    reason="goodwill",
)
