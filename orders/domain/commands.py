"""The commands of orders and stock items. Payments, returns, stock and observed facts have a module each."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from eventshop.core.errors import CurrencyMismatch, InvalidMessage
from eventshop.core.messages import Command, MultilineText, NonEmptyText, OptionalName, Text
from eventshop.core.money import Money
from orders.domain.events import CUSTOMER_NUMBER, DELIVERY, RECEIVER, ExternalId, Line
from orders.domain.observed_commands import (
    ObservedCommand,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
)
from orders.domain.order_values import Country, Reference, note, parcel
from orders.domain.payment_commands import (
    AuthorisePayment,
    DeclinePayment,
    ProcessPayment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
)
from orders.domain.payments import payable
from orders.domain.return_commands import (
    AcceptReturn,
    CloseReturnWindow,
    DeclineReturn,
    ReceivedLine,
    ReceiveReturn,
    RequestReturn,
    ReturnLine,
)
from orders.domain.stock_commands import (
    DispatchInventory,
    ReceiveStock,
    ReleaseInventory,
    ReserveInventory,
    StockCommand,
    WriteOffStock,
    check_quantity,
)

__all__ = [
    "AcceptReturn",
    "AuthorisePayment",
    "CancelOrder",
    "CloseReturnWindow",
    "CreateCreditNote",
    "CreateOrder",
    "DeclinePayment",
    "DeclineReturn",
    "DeliverOrder",
    "DispatchInventory",
    "ObservedCommand",
    "OrderCommand",
    "ProcessPayment",
    "ReceiveReturn",
    "ReceiveStock",
    "ReceivedLine",
    "RecordObservedCancellation",
    "RecordObservedDelivery",
    "RecordObservedPayment",
    "RecordObservedRefund",
    "RecordObservedReturn",
    "RecordObservedShipment",
    "RecordRefund",
    "RecordVoid",
    "ReleaseInventory",
    "RequestPayment",
    "RequestReturn",
    "ReserveInventory",
    "ReturnLine",
    "ShipOrder",
    "StockCommand",
    "WriteOffStock",
    "check_lines",
    "order_total",
]

#: A tenth of a penny: unit prices of small goods are quoted with three decimals.
PRICE_DECIMALS = 3
#: The largest order the codec's 256 KiB can hold with long descriptions.
OrderLines: TypeAlias = Annotated[tuple[Line, ...], msgspec.Meta(max_length=1_500)]
ExternalIds: TypeAlias = Annotated[tuple[ExternalId, ...], msgspec.Meta(max_length=10)]


class CreateOrder(Command, frozen=True):
    """Create an order. `reference` is the number that people use for it; `external_ids` are those of other systems."""

    added_fields = ("external_ids", "customer_external_id", "lines.kind", "lines.external_ids")

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    lines: OrderLines
    country: Country = ""
    delivery_name: Annotated[OptionalName, DELIVERY] = ""
    delivery_address: Annotated[MultilineText, DELIVERY] = ""
    external_ids: ExternalIds = ()
    customer_external_id: Annotated[ExternalId | None, CUSTOMER_NUMBER] = None

    def __post_init__(self) -> None:
        check_lines(self.lines)
        check_external_ids(self.external_ids)

    @property
    def total(self) -> Money:
        return order_total(self.lines)


class ShipOrder(Command, frozen=True):
    order_id: UUID
    carrier: Annotated[NonEmptyText, parcel(2)]
    tracking: Annotated[Text, parcel(2)] = ""


class DeliverOrder(Command, frozen=True):
    order_id: UUID
    received_by: Annotated[OptionalName, RECEIVER] = ""


class CancelOrder(Command, frozen=True):
    order_id: UUID
    reason: Annotated[NonEmptyText, note(2)]


class CreateCreditNote(Command, frozen=True):
    """Credit goods that belong to no stored order."""

    added_fields = ("external_ids", "customer_external_id", "lines.kind", "lines.external_ids")

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    lines: OrderLines
    reason: Annotated[NonEmptyText, note(2)]
    country: Country = ""
    external_ids: ExternalIds = ()
    customer_external_id: Annotated[ExternalId | None, CUSTOMER_NUMBER] = None

    def __post_init__(self) -> None:
        check_lines(self.lines)
        check_external_ids(self.external_ids)

    @property
    def total(self) -> Money:
        return order_total(self.lines)


OrderCommand: TypeAlias = (
    CreateOrder
    | RequestPayment
    | AuthorisePayment
    | ProcessPayment
    | DeclinePayment
    | RecordVoid
    | ShipOrder
    | DeliverOrder
    | CancelOrder
    | RequestReturn
    | AcceptReturn
    | DeclineReturn
    | ReceiveReturn
    | CloseReturnWindow
    | RecordRefund
    | CreateCreditNote
    | ObservedCommand
)


def order_total(lines: tuple[Line, ...]) -> Money:
    """The sum of price × quantity over at least one line."""
    # One `Money` at the end: the import sums 42,000 lines, and `check_lines` refuses mixed currencies.
    return Money(sum((line.price.amount * line.quantity for line in lines), Decimal(0)), lines[0].price.currency)


def check_lines(lines: tuple[Line, ...]) -> None:
    """Validate the lines of an order or credit note.

    Raises `InvalidMessage` for no lines, a quantity below 1, too many decimals, a discount above zero, another price or
    a total below zero; `CurrencyMismatch` for mixed currencies; `InvalidMoney` for a total that is too large.
    """
    if not lines:
        raise InvalidMessage("an order needs at least one line")
    currency = lines[0].price.currency
    for line in lines:
        check_quantity(line.sku, line.quantity)
        _check_price(line)
        if line.price.currency != currency:
            raise CurrencyMismatch(f"{line.sku}: the price {line.price} is not in the order's {currency}", sku=line.sku)
    total = order_total(lines)
    if total.amount < 0:
        raise InvalidMessage(f"the discounts are larger than the order: its total would be {total}")
    payable(total)  # InvalidMoney: too large once it is rounded


def check_external_ids(external_ids: tuple[ExternalId, ...]) -> None:
    """Raise `InvalidMessage` for two external ids of one source."""
    sources = [external_id.source for external_id in external_ids]
    if len(set(sources)) != len(sources):
        raise InvalidMessage("each source has one identifier for an order", sources=", ".join(sources))


def _check_price(line: Line) -> None:
    if line.kind == "discount" and line.price.amount > 0:
        raise InvalidMessage(f"{line.sku}: a discount must not be above zero, but is {line.price}")
    if line.kind != "discount" and line.price.amount < 0:
        raise InvalidMessage(f"{line.sku}: the price must not be negative, but is {line.price}")
    if line.price.decimals > PRICE_DECIMALS:
        raise InvalidMessage(f"{line.sku}: the price {line.price} has more than {PRICE_DECIMALS} decimals")
