"""Commands that record what happened elsewhere: at a marketplace, in the books, at the carrier.

They are accepted in any state after the order's creation, and stored as facts marked `observed`. A fact that breaks a
rule of the shop is followed by `RuleBroken`. The same fact twice is recorded once.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, NonEmptyText, OptionalName, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import NotPersonal
from orders.domain.line_rules import OrderLines, check_lines, order_total
from orders.domain.order_values import RECEIVER, LineNumber, PaymentMethod, Reference, note, parcel
from orders.domain.return_commands import ReturnLines, check_return_lines


class RecordObservedPayment(Command, frozen=True):
    """A customer paid elsewhere. `reference` is the payment's own there: the same one is the same payment."""

    order_id: UUID
    amount: Money
    method: PaymentMethod
    reference: Annotated[Text, NotPersonal("the number of a payment elsewhere")] = ""

    def __post_init__(self) -> None:
        _check_amount(self.amount)


class RecordObservedShipment(Command, frozen=True):
    order_id: UUID
    carrier: Annotated[NonEmptyText, parcel(2)]
    tracking: Annotated[Text, parcel(2)] = ""


class RecordObservedDelivery(Command, frozen=True):
    order_id: UUID
    received_by: Annotated[OptionalName, RECEIVER] = ""


class RecordObservedCancellation(Command, frozen=True):
    order_id: UUID
    reason: Annotated[NonEmptyText, note(2)]


class RecordObservedReturn(Command, frozen=True):
    """Goods came back; `refunded` says that their price was given back with them."""

    order_id: UUID
    reference: Reference
    lines: ReturnLines
    reason: Annotated[NonEmptyText, note(2)]
    refunded: bool = True

    def __post_init__(self) -> None:
        check_return_lines(self.lines)


class RecordObservedRefund(Command, frozen=True):
    order_id: UUID
    reference: Reference
    amount: Money
    reason: Annotated[NonEmptyText, note(2)]

    def __post_init__(self) -> None:
        _check_amount(self.amount)


class RecordObservedLines(Command, frozen=True):
    """More lines of the order became known. The same lines from the same `first_line` on are recorded once."""

    order_id: UUID
    first_line: LineNumber
    lines: OrderLines

    def __post_init__(self) -> None:
        check_lines(self.lines)

    @property
    def total(self) -> Money:
        return order_total(self.lines)


class ReverseObservedReturn(Command, frozen=True):
    """Take back a `RecordObservedReturn` that turned out to be wrong, with the refund that was recorded with it."""

    order_id: UUID
    reference: Reference
    lines: ReturnLines

    def __post_init__(self) -> None:
        check_return_lines(self.lines)


ObservedCommand: TypeAlias = (
    RecordObservedPayment
    | RecordObservedShipment
    | RecordObservedDelivery
    | RecordObservedCancellation
    | RecordObservedReturn
    | RecordObservedRefund
    | RecordObservedLines
    | ReverseObservedReturn
)


def _check_amount(amount: Money) -> None:
    if amount.amount < 0:
        raise InvalidMessage(f"an amount must not be negative, but is {amount}")
