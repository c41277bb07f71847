"""The commands of orders and stock items."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.errors import CurrencyMismatch, InvalidMessage
from eventshop.core.messages import Command, NonEmptyText, Text
from eventshop.core.money import Money
from orders.domain.events import DELIVERY, RECEIVER, Line, LineNumber, Quantity
from orders.domain.events import MultilineText as AddressLines

#: A tenth of a penny: unit prices of small goods are quoted with three decimals.
PRICE_DECIMALS = 3
#: The largest order the codec's 256 KiB can hold with long descriptions.
OrderLines: TypeAlias = Annotated[tuple[Line, ...], msgspec.Meta(max_length=1_500)]


class CreateOrder(Command, frozen=True):
    """Create an order. `reference` is the number that people use for it."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    lines: OrderLines
    country: Text = ""
    delivery_name: Annotated[Text, DELIVERY] = ""
    delivery_address: Annotated[AddressLines, DELIVERY] = ""

    def __post_init__(self) -> None:
        check_lines(self.lines)

    @property
    def total(self) -> Money:
        return order_total(self.lines)


class RequestPayment(Command, frozen=True):
    order_id: UUID
    method: NonEmptyText


class ProcessPayment(Command, frozen=True):
    order_id: UUID
    amount: Money
    method: NonEmptyText


class DeclinePayment(Command, frozen=True):
    order_id: UUID
    reason: NonEmptyText


class ShipOrder(Command, frozen=True):
    order_id: UUID
    carrier: NonEmptyText
    tracking: Text = ""


class DeliverOrder(Command, frozen=True):
    order_id: UUID
    received_by: Annotated[Text, RECEIVER] = ""


class CancelOrder(Command, frozen=True):
    order_id: UUID
    reason: NonEmptyText


class ReturnLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one order line to return."""

    line: LineNumber
    quantity: Quantity


class ReturnItems(Command, frozen=True):
    """Return goods and refund them. `reference` identifies the return."""

    order_id: UUID
    reference: NonEmptyText
    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(max_length=1_500)]
    reason: NonEmptyText

    def __post_init__(self) -> None:
        if not self.lines:
            raise InvalidMessage("a return needs at least one line")
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise InvalidMessage("a return must name each line only once", lines=numbers)
        for line in self.lines:
            if line.quantity < 1:
                raise InvalidMessage(f"line {line.line}: quantity must be at least 1, not {line.quantity}")


class CreateCreditNote(Command, frozen=True):
    """Credit goods that belong to no stored order."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    lines: OrderLines
    reason: NonEmptyText
    country: Text = ""

    def __post_init__(self) -> None:
        check_lines(self.lines)

    @property
    def total(self) -> Money:
        return order_total(self.lines)


OrderCommand: TypeAlias = (
    CreateOrder
    | RequestPayment
    | ProcessPayment
    | DeclinePayment
    | ShipOrder
    | DeliverOrder
    | CancelOrder
    | ReturnItems
    | CreateCreditNote
)


class ReceiveStock(Command, frozen=True):
    """Add units to the stock. `reference` is the delivery note or the return."""

    sku: NonEmptyText
    quantity: Quantity
    reference: NonEmptyText

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReserveInventory(Command, frozen=True):
    """Reserve units for an order: all of them or none."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReleaseInventory(Command, frozen=True):
    """Release units that were reserved for an order."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class DispatchInventory(Command, frozen=True):
    """Remove units that were reserved for an order from the warehouse."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class WriteOffStock(Command, frozen=True):
    """Remove units from the stock that were lost, broken or not found."""

    sku: NonEmptyText
    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


StockCommand: TypeAlias = ReceiveStock | ReserveInventory | ReleaseInventory | DispatchInventory | WriteOffStock


def check_quantity(sku: str, quantity: int) -> None:
    """Raise `InvalidMessage` for a quantity below 1."""
    if quantity < 1:
        raise InvalidMessage(f"{sku}: quantity must be at least 1, not {quantity}")


def order_total(lines: tuple[Line, ...]) -> Money:
    """The sum of price × quantity over at least one line."""
    # One `Money` at the end: the import sums 42,000 lines, and `check_lines` refuses mixed currencies.
    return Money(sum((line.price.amount * line.quantity for line in lines), Decimal(0)), lines[0].price.currency)


def check_lines(lines: tuple[Line, ...]) -> None:
    """Validate the lines of an order or credit note.

    Raises `InvalidMessage` for no lines, a quantity below 1, a negative price or too many decimals; `CurrencyMismatch`
    for mixed currencies; `InvalidMoney` for a total that is too large.
    """
    if not lines:
        raise InvalidMessage("an order needs at least one line")
    currency = lines[0].price.currency
    for line in lines:
        check_quantity(line.sku, line.quantity)
        if line.price.amount < 0:
            raise InvalidMessage(f"{line.sku}: the price must not be negative, but is {line.price}")
        if line.price.decimals > PRICE_DECIMALS:
            raise InvalidMessage(f"{line.sku}: the price {line.price} has more than {PRICE_DECIMALS} decimals")
        if line.price.currency != currency:
            raise CurrencyMismatch(f"{line.sku}: the price {line.price} is not in the order's {currency}", sku=line.sku)
    order_total(lines)
