"""Sales to tell stories about, one by one in words; `order_histories` has random ones."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from eventshop.core.money import Money, total
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

ADA = UUID("00000000-0000-4000-8000-0000000000ad")
BOB = UUID("00000000-0000-4000-8000-0000000000b0")


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def line(sku: str, quantity: int, price: Money, description: str = "") -> Line:
    return Line(sku=sku, description=description, quantity=quantity, price=price)


LANTERNS = line("71053", 6, gbp("3.39"), "WHITE METAL LANTERN")
MUGS = line("21212", 2, gbp("1.125"), "MUG")


class Sale(NamedTuple):
    """One order or credit note, and what can be said about it."""

    number: int
    lines: tuple[Line, ...] = (LANTERNS, MUGS)
    customer_id: UUID | None = ADA

    @property
    def order_id(self) -> UUID:
        return UUID(int=self.number, version=4)

    @property
    def reference(self) -> str:
        return f"{self.number:06}"

    @property
    def total(self) -> Money:
        return total((line.amount for line in self.lines), currency=self.lines[0].price.currency)

    @property
    def created(self) -> OrderCreated:
        return OrderCreated(
            order_id=self.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            country="France",
            lines=self.lines,
            total=self.total,
        )

    @property
    def requested(self) -> PaymentRequested:
        return PaymentRequested(order_id=self.order_id, customer_id=self.customer_id, amount=self.total, method="card")

    @property
    def declined(self) -> PaymentDeclined:
        return PaymentDeclined(
            order_id=self.order_id, customer_id=self.customer_id, amount=self.total, reason="card expired"
        )

    @property
    def paid(self) -> PaymentProcessed:
        return PaymentProcessed(
            order_id=self.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            amount=self.total,
            method="card",
            lines=self.all_amounts(),
        )

    @property
    def shipped(self) -> OrderShipped:
        return OrderShipped(order_id=self.order_id, customer_id=self.customer_id, carrier="Royal Mail", tracking="RM1")

    @property
    def delivered(self) -> OrderDelivered:
        return OrderDelivered(order_id=self.order_id, customer_id=self.customer_id, received_by="Ada")

    @property
    def credited(self) -> CreditNoteIssued:
        return CreditNoteIssued(
            order_id=self.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            country="France",
            lines=self.lines,
            total=self.total,
            reason="goodwill",
        )

    def cancelled(self, *sold: LineAmount) -> OrderCancelled:
        return OrderCancelled(
            order_id=self.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            reason="changed her mind",
            lines=sold,
        )

    def returned(self, *back: tuple[int, int]) -> ItemsReturned:
        """A return of (line, quantity) pairs."""
        return ItemsReturned(
            order_id=self.order_id,
            reference=f"C{self.reference}",
            customer_id=self.customer_id,
            lines=tuple(self._amount_of(number, quantity) for number, quantity in back),
            reason="chipped",
        )

    def refunded(self, amount: Money) -> PaymentRefunded:
        return PaymentRefunded(
            order_id=self.order_id,
            reference=f"C{self.reference}",
            customer_id=self.customer_id,
            amount=amount,
            reason="chipped",
        )

    def all_amounts(self) -> tuple[LineAmount, ...]:
        """Everything that was ordered."""
        return tuple(self._amount_of(number, line.quantity) for number, line in enumerate(self.lines, start=1))

    def _amount_of(self, number: int, quantity: int) -> LineAmount:
        line = self.lines[number - 1]
        return LineAmount(line=number, sku=line.sku, quantity=quantity, amount=line.price * quantity)
