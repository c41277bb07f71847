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


def balance_of(order: Order) -> Balance:
    """The balance of an order."""
    currency, returned = order.total.currency, value_returned(order)
    price, due = order.total.amount - returned, payable(order.total).amount - payable(Money(returned, currency)).amount
    if order.status is Status.CANCELLED:
        price = due = ZERO
    requested = sum((refund.amount.amount for refund in order.refunds if not refund.is_done), ZERO)
    return Balance(
        currency=currency,
        price=max(ZERO, price),
        due=max(ZERO, due),
        paid=amount_taken(order) - order.refunded - requested,
        authorised=sum((payment.authorised.amount for payment in order.payments), ZERO),
        has_payment=any(payment.status in ("taken", "authorised") for payment in order.payments),
    )


def payment_state_of(order: Order) -> PaymentStateName:
    """How far an order is paid."""
    balance = order.balance
    if balance.is_overpaid:
        return PaymentStateName.OVERPAID
    if order.status is Status.CANCELLED or not balance.has_payment:
        return PaymentStateName.UNPAID
    if balance.is_paid:
        return PaymentStateName.PAID
    if balance.is_covered:
        return PaymentStateName.AUTHORISED
    return PaymentStateName.PARTLY_PAID if balance.paid + balance.authorised > 0 else PaymentStateName.UNPAID


def amount_taken(order: Order) -> Decimal:
    """What all payments took."""
    return sum((payment.taken.amount for payment in order.payments), ZERO)


def value_returned(order: Order) -> Decimal:
    """The exact price of what came back, at most of what was ordered."""
    return sum((line.price.amount * min(line.returned, line.quantity) for line in order.lines), ZERO)


def owed_for_returns(order: Order) -> Decimal:
    """The price of what came back, rounded, less what was requested or given back for it."""
    return payable(Money(value_returned(order), order.total.currency)).amount - order.owed_for_returns
