"""What can be asked of an order and of a stock item."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.errors import CurrencyMismatch, InvalidMessage
from eventshop.core.messages import Command, Name, Text
from eventshop.core.money import Money
from orders.domain.events import DELIVERY, RECEIVER, Line, LineNumber, Quantity
from orders.domain.events import Lines as AddressLines

#: A tenth of a penny: unit prices of small goods are quoted with three decimals.
PRICE_DECIMALS = 3
#: The largest order the codec's 256 KiB can hold with long descriptions.
Lines: TypeAlias = Annotated[tuple[Line, ...], msgspec.Meta(max_length=1_500)]


class CreateOrder(Command, frozen=True):
    """Order goods. `reference` is the number people will use for it."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    lines: Lines
    country: Text = ""
    delivery_name: Annotated[Text, DELIVERY] = ""
    delivery_address: Annotated[AddressLines, DELIVERY] = ""

    def __post_init__(self) -> None:
        check_lines(self.lines)

    @property
    def total(self) -> Money:
        return total_of(self.lines)


class RequestPayment(Command, frozen=True):
    order_id: UUID
    method: Name


class ProcessPayment(Command, frozen=True):
    order_id: UUID
    amount: Money
    method: Name


class DeclinePayment(Command, frozen=True):
    order_id: UUID
    reason: Name


class ShipOrder(Command, frozen=True):
    order_id: UUID
    carrier: Name
    tracking: Text = ""


class DeliverOrder(Command, frozen=True):
    order_id: UUID
    received_by: Annotated[Text, RECEIVER] = ""


class CancelOrder(Command, frozen=True):
    order_id: UUID
    reason: Name


class ReturnLine(Struct, frozen=True, forbid_unknown_fields=True):
    """How many pieces of which line come back."""

    line: LineNumber
    quantity: Quantity


class ReturnItems(Command, frozen=True):
    """Take goods back and refund them. `reference` names the return."""

    order_id: UUID
    reference: Name
    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(max_length=1_500)]
    reason: Name

    def __post_init__(self) -> None:
        if not self.lines:
            raise InvalidMessage("a return needs at least one line")
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise InvalidMessage("a return names each line once", lines=numbers)
        for line in self.lines:
            if line.quantity < 1:
                raise InvalidMessage(f"line {line.line}: quantity must be at least 1, not {line.quantity}")


class CreateCreditNote(Command, frozen=True):
    """Credit goods that no order of ours names."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    lines: Lines
    reason: Name
    country: Text = ""

    def __post_init__(self) -> None:
        check_lines(self.lines)

    @property
    def total(self) -> Money:
        return total_of(self.lines)


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
    """Take pieces into stock. `reference` is the delivery note, or the return they came with."""

    sku: Name
    quantity: Quantity
    reference: Name

    def __post_init__(self) -> None:
        check_pieces(self.sku, self.quantity)


class ReserveInventory(Command, frozen=True):
    """Set pieces aside for an order, all of them or none."""

    sku: Name
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_pieces(self.sku, self.quantity)


class ReleaseInventory(Command, frozen=True):
    """Put pieces that were set aside for an order back."""

    sku: Name
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_pieces(self.sku, self.quantity)


class DispatchInventory(Command, frozen=True):
    """Hand over pieces that were set aside for an order."""

    sku: Name
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_pieces(self.sku, self.quantity)


class WriteOffStock(Command, frozen=True):
    """Take pieces out of stock that nobody bought."""

    sku: Name
    quantity: Quantity
    reason: Name
    reference: Name

    def __post_init__(self) -> None:
        check_pieces(self.sku, self.quantity)


StockCommand: TypeAlias = ReceiveStock | ReserveInventory | ReleaseInventory | DispatchInventory | WriteOffStock


def check_pieces(sku: str, quantity: int) -> None:
    if quantity < 1:
        raise InvalidMessage(f"{sku}: quantity must be at least 1, not {quantity}")


def total_of(lines: tuple[Line, ...]) -> Money:
    # One `Money` at the end: the import sums 42,000 lines, and `check_lines` refuses mixed currencies.
    return Money(sum((line.price.amount * line.quantity for line in lines), Decimal(0)), lines[0].price.currency)


def check_lines(lines: tuple[Line, ...]) -> None:
    """Refuse what no order can hold: no line, no pieces, a negative or too fine price, two currencies, too much."""
    if not lines:
        raise InvalidMessage("an order needs at least one line")
    currency = lines[0].price.currency
    for line in lines:
        check_pieces(line.sku, line.quantity)
        if line.price.amount < 0:
            raise InvalidMessage(f"{line.sku}: a price cannot be negative, like {line.price}")
        if line.price.decimals > PRICE_DECIMALS:
            raise InvalidMessage(f"{line.sku}: {line.price} has more than {PRICE_DECIMALS} decimals")
        if line.price.currency != currency:
            raise CurrencyMismatch(f"{line.sku}: {line.price} in an order in {currency}", sku=line.sku)
    total_of(lines)
