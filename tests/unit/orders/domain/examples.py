"""The example order of these tests: six lanterns and two mugs for Ada."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
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
    ProcessPayment,
    ReceivedLine,
    ReceiveReturn,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReturnLine,
    ReverseCreditNote,
    ShipOrder,
)
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    Line,
    LineAmount,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnWindowClosed,
)
from orders.domain.payments import payment_id_of

ORDER = UUID("00000000-0000-4000-8000-000000000001")
ADA = UUID("00000000-0000-4000-8000-0000000000ad")
#: The first and the second payment that are requested, and what the gateway calls its charge.
PAYMENT, SECOND_PAYMENT = payment_id_of(ORDER, 1), payment_id_of(ORDER, 2)
CHARGE = UUID("00000000-0000-4000-8000-0000000000c1")
SECOND_CHARGE = UUID("00000000-0000-4000-8000-0000000000c2")
#: When the gateway did what it did.
THEN: Final = datetime(2026, 1, 31, 9, tzinfo=UTC)


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


LINES = (
    Line(sku="71053", description="WHITE METAL LANTERN", quantity=6, price=gbp("3.39")),
    Line(sku="21212", description="MUG", quantity=2, price=gbp("1.125")),
)
TOTAL = gbp("22.590")
#: The total as it can be paid.
DUE = gbp("22.59")
SIX_LANTERNS = LineAmount(line=1, sku="71053", quantity=6, amount=gbp("20.34"))
TWO_LANTERNS = LineAmount(line=1, sku="71053", quantity=2, amount=gbp("6.78"))
TWO_MUGS = LineAmount(line=2, sku="21212", quantity=2, amount=gbp("2.250"))
ONE_MUG = LineAmount(line=2, sku="21212", quantity=1, amount=gbp("1.125"))

# --- commands -----------------------------------------------------------------------------------------------------

create = CreateOrder(order_id=ORDER, reference="536365", customer_id=ADA, lines=LINES, country="France")
request = RequestPayment(order_id=ORDER, method="card")
pay = ProcessPayment(ORDER, DUE, "card", PAYMENT, CHARGE, THEN)
authorise = AuthorisePayment(ORDER, DUE, "card", PAYMENT, CHARGE, THEN)
void = RecordVoid(ORDER, PAYMENT, DUE, CHARGE)
decline = DeclinePayment(ORDER, "card expired", PAYMENT, "card")
ship = ShipOrder(order_id=ORDER, carrier="Royal Mail", tracking="RM1")
deliver = DeliverOrder(order_id=ORDER, received_by="Ada")
cancel = CancelOrder(order_id=ORDER, reason="changed her mind")
accept = AcceptReturn(ORDER, "R1")
decline_return = DeclineReturn(ORDER, "R1", "worn")
close_window = CloseReturnWindow(ORDER)
credit = CreateCreditNote(
    order_id=ORDER, reference="C536379", customer_id=ADA, lines=LINES[:1], reason="goodwill", country="France"
)

reverse_credit = ReverseCreditNote(ORDER)


def ask_return(*pieces: tuple[int, int], reference: str = "R1") -> RequestReturn:
    return RequestReturn(ORDER, reference, tuple(ReturnLine(*piece) for piece in pieces), "chipped")


def receive(*pieces: tuple[int, int] | tuple[int, int, str], reference: str = "R1") -> ReceiveReturn:
    lines = tuple(ReceivedLine(*piece) for piece in pieces)
    return ReceiveReturn(ORDER, reference, lines)


def record_refund(amount: str, number: int = 1) -> RecordRefund:
    return RecordRefund(ORDER, refund_id(number), gbp(amount), THEN)


# --- events -------------------------------------------------------------------------------------------------------

created = OrderCreated(order_id=ORDER, reference="536365", customer_id=ADA, country="France", lines=LINES, total=TOTAL)
requested = PaymentRequested(ORDER, ADA, DUE, "card", PAYMENT)
declined = PaymentDeclined(ORDER, ADA, DUE, "card expired", PAYMENT, "card")
authorised = PaymentAuthorised(ORDER, "536365", ADA, PAYMENT, DUE, "card", CHARGE, THEN)
voided = PaymentVoided(ORDER, ADA, PAYMENT, DUE, CHARGE)
paid = PaymentProcessed(ORDER, "536365", ADA, DUE, "card", (SIX_LANTERNS, TWO_MUGS), PAYMENT, CHARGE, THEN)
shipped = OrderShipped(order_id=ORDER, customer_id=ADA, carrier="Royal Mail", tracking="RM1")
delivered = OrderDelivered(order_id=ORDER, customer_id=ADA, received_by="Ada")
accepted = ReturnAccepted(ORDER, "R1", ADA)
return_declined = ReturnDeclined(ORDER, "R1", ADA, "worn")
window_closed = ReturnWindowClosed(ORDER, ADA)
credited = CreditNoteIssued(
    order_id=ORDER,
    reference="C536379",
    customer_id=ADA,
    country="France",
    lines=LINES[:1],
    total=gbp("20.34"),
    reason="goodwill",
)
credit_reversed = CreditNoteReversed(ORDER, "C536379", ADA, (SIX_LANTERNS,), gbp("20.34"))
#: An order that is with its customer.
SOLD = (created, requested, paid, shipped)


def refund_id(number: int = 1) -> UUID:
    return derive_id("refund", ORDER, number)


def cancelled(*sold: LineAmount) -> OrderCancelled:
    return OrderCancelled(order_id=ORDER, reference="536365", customer_id=ADA, reason="changed her mind", lines=sold)


def return_asked(*lines: LineAmount, reference: str = "R1") -> ReturnRequested:
    return ReturnRequested(ORDER, reference, ADA, lines, "chipped", "customer")


def came_back(*lines: LineAmount, reference: str = "R1", damaged: tuple[LineAmount, ...] = ()) -> ItemsReturned:
    return ItemsReturned(ORDER, reference, ADA, lines, "returned to the shop", damaged)


def owed(amount: str, *, number: int = 1, reference: str = "R1", payment: UUID = PAYMENT) -> RefundRequested:
    reason = "order cancelled" if reference == "536365" else f"return {reference}"
    return RefundRequested(ORDER, reference, ADA, refund_id(number), payment, gbp(amount), reason)


def refunded(amount: str, *, number: int = 1, reference: str = "R1", payment: UUID = PAYMENT) -> PaymentRefunded:
    reason = "order cancelled" if reference == "536365" else f"return {reference}"
    return PaymentRefunded(ORDER, reference, ADA, gbp(amount), reason, refund_id(number), payment, THEN)
