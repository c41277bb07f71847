"""What an order costs, what was paid and what is outstanding; computed from its state."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from eventshop.core.money import Money
from orders.domain.order_status import Status
from orders.domain.payments import ZERO, PaymentStateName, payable

if TYPE_CHECKING:
    from orders.domain.order import Order


class Balance(Struct, frozen=True):
    """Amounts in the order's currency. `due` is the rounded total less the rounded price of what came back."""

    currency: str
    price: Decimal  # of what was ordered and not returned, exactly; zero for a cancelled order
    due: Decimal
    paid: Decimal  # taken, and neither given back nor requested to be; below zero if that is more
    authorised: Decimal
    has_payment: bool  # at least one was taken or authorised, even one of zero
    is_cancelled: bool

    @property
    def outstanding(self) -> Money:
        """What can still be asked for: zero if the order is covered."""
        amount = ZERO if self.is_covered else max(ZERO, self.due - self.paid - self.authorised)
        return Money(amount, self.currency)

    @property
    def is_paid(self) -> bool:
        return self.has_payment and self.paid >= min(self.price, self.due)

    @property
    def is_covered(self) -> bool:
        """Whether it is paid by what was taken and what is set aside."""
        return self.has_payment and self.paid + self.authorised >= min(self.price, self.due)

    @property
    def is_overpaid(self) -> bool:
        return self.paid > max(self.price, self.due)

    @property
    def payment_state(self) -> PaymentStateName:
        """How far the order is paid."""
        if self.is_overpaid:
            return PaymentStateName.OVERPAID
        if self.is_cancelled or not self.has_payment:
            return PaymentStateName.UNPAID
        if self.is_paid:
            return PaymentStateName.PAID
        if self.is_covered:
            return PaymentStateName.AUTHORISED
        return PaymentStateName.PARTLY_PAID if self.paid + self.authorised > 0 else PaymentStateName.UNPAID


def balance_of(order: Order) -> Balance:
    """The balance of an order."""
    requested = sum((refund.amount.amount for refund in order.refunds if not refund.is_done), ZERO)
    return compute_balance(
        order.total,
        value_returned(order),
        paid=amount_taken(order) - order.refunded - requested,
        authorised=sum((payment.authorised.amount for payment in order.payments), ZERO),
        has_payment=any(payment.status in ("taken", "authorised") for payment in order.payments),
        is_cancelled=order.status is Status.CANCELLED,
    )


def compute_balance(
    total: Money, returned: Decimal, *, paid: Decimal, authorised: Decimal, has_payment: bool, is_cancelled: bool
) -> Balance:
    """The balance of an order that costs `total`, of which goods for `returned` came back."""
    price = due = ZERO
    if not is_cancelled:
        price = max(ZERO, total.amount - returned)
        due = max(ZERO, payable(total).amount - payable(Money(returned, total.currency)).amount)
    return Balance(
        currency=total.currency,
        price=price,
        due=due,
        paid=paid,
        authorised=authorised,
        has_payment=has_payment,
        is_cancelled=is_cancelled,
    )


def amount_taken(order: Order) -> Decimal:
    """What all payments took."""
    return sum((payment.taken.amount for payment in order.payments), ZERO)


def value_returned(order: Order) -> Decimal:
    """The exact price of what came back, at most of what was ordered."""
    return sum((line.price.amount * min(line.returned, line.quantity) for line in order.lines), ZERO)


def owed_for_returns(order: Order) -> Decimal:
    """The price of what came back, rounded, less what was requested or given back for it."""
    return payable(Money(value_returned(order), order.total.currency)).amount - order.owed_for_returns
