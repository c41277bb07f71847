"""The values that order fulfilment is made of: its stages, the shop's terms, payments on their way."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Meta, NonEmptyText
from eventshop.core.money import Money
from orders.domain.events import PaymentRequested
from orders.domain.order_values import CardToken
from orders.domain.payments import named_payment, payable

#: An order that was recorded so long after it occurred is history (an import, a demo) and was fulfilled already.
HISTORY_AFTER: Final = timedelta(hours=1)
#: The timer of the payment deadline; earlier releases gave this name to the time-out of a charge.
PAYMENT_TIMER: Final = "payment"
SHIPPING_TIMER: Final = "shipping"


class Stage(StrEnum):
    """The stages of fulfilment."""

    NEW = "NEW"
    RESERVING = "RESERVING"
    PAYING = "PAYING"  # every line is reserved; the order waits for its payment
    SHIPPING = "SHIPPING"  # covered by payments, and every line reserved
    SHIPPED = "SHIPPED"
    FAILING = "FAILING"  # CancelOrder was sent
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"  # shipped, delivered or cancelled elsewhere


class FulfilmentTerms(NamedTuple):
    """The shop's terms: how long goods wait for a payment, and the parcel for its shipping; who pays on shipping."""

    payment_deadline: timedelta = timedelta(minutes=30)
    shipping_delay: timedelta = timedelta(minutes=5)
    captured_on_shipping: frozenset[str] = frozenset()  # methods of payment


class RequestedPayment(Struct, frozen=True):
    """A payment that was requested."""

    payment_id: UUID
    amount: Money
    method: NonEmptyText
    token: CardToken = ""


class Authorisation(Struct, frozen=True):
    """What is set aside on a card."""

    charge: UUID
    amount: Money


def is_history(meta: Meta) -> bool:
    """Whether an event was recorded long after it occurred."""
    return meta.recorded_at - meta.occurred_at >= HISTORY_AFTER


def requested_payment(event: PaymentRequested) -> RequestedPayment:
    """The payment that an event requests."""
    payment_id = named_payment(event.payment_id, event.order_id)
    return RequestedPayment(payment_id, payable(event.amount), event.method, event.token)


def undoing_refund(charge: UUID) -> UUID:
    """The id of the refund that undoes a charge which the order did not accept."""
    return derive_id("undoing-refund", charge)
