"""The commands of orders and stock items. Payments, returns, stock and observed facts have a module each."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, MultilineText, NonEmptyText, OptionalName, Text
from eventshop.core.money import Money
from orders.domain.events import CUSTOMER_NUMBER, DELIVERY, RECEIVER, ExternalId
from orders.domain.line_rules import PRICE_DECIMALS, OrderLines, check_lines, order_total
from orders.domain.observed_commands import (
    ObservedCommand,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    ReverseObservedReturn,
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
)

__all__ = [
    "PRICE_DECIMALS",
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
    "RecordObservedLines",
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
    "ReverseCreditNote",
    "ReverseObservedReturn",
    "ShipOrder",
    "StockCommand",
    "WriteOffStock",
    "check_lines",
    "order_total",
]

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


class ReverseCreditNote(Command, frozen=True):
    """Declare a credit note void. It can be issued anew."""

    order_id: UUID


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
    | ReverseCreditNote
    | ObservedCommand
)


def check_external_ids(external_ids: tuple[ExternalId, ...]) -> None:
    """Raise `InvalidMessage` for two external ids of one source."""
    sources = [external_id.source for external_id in external_ids]
    if len(set(sources)) != len(sources):
        raise InvalidMessage("each source has one identifier for an order", sources=", ".join(sources))
