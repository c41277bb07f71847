"""The events of orders and stock items; import all from here.

Payments, returns, corrections and stock have a module each.

`observed=True` marks what was reported from elsewhere instead of decided here. Fields with defaults are missing in
events of earlier schema versions.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, MultilineText, NonEmptyText, Text, UniqueValue
from eventshop.core.money import Money
from eventshop.core.personal_fields import NotPersonal, Redacted
from orders.domain.correction_events import CreditNoteReversed, LinesAdded, ReturnReversed
from orders.domain.order_values import (
    CUSTOMER_NUMBER,
    DELIVERY,
    RECEIVER,
    Country,
    CustomerNumber,
    ExternalId,
    Line,
    LineAmount,
    LineKind,
    LineNumber,
    Note,
    Quantity,
    Reference,
    note,
    order_ids,
    parcel,
)
from orders.domain.payment_events import (
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
)
from orders.domain.return_events import (
    ItemsReturned,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnWindowClosed,
)
from orders.domain.stock_events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    StockEvent,
    StockReceived,
    StockWrittenOff,
)

__all__ = [
    "CUSTOMER_NUMBER",
    "DELIVERY",
    "RECEIVER",
    "CreditNoteIssued",
    "CreditNoteReversed",
    "ExternalId",
    "InventoryDispatched",
    "InventoryRefused",
    "InventoryReleased",
    "InventoryReserved",
    "ItemsReturned",
    "Line",
    "LineAmount",
    "LineKind",
    "LineNumber",
    "LinesAdded",
    "OrderCancelled",
    "OrderCreated",
    "OrderDelivered",
    "OrderEvent",
    "OrderShipped",
    "PaymentAuthorised",
    "PaymentDeclined",
    "PaymentProcessed",
    "PaymentRefunded",
    "PaymentRequested",
    "PaymentVoided",
    "Quantity",
    "RefundRequested",
    "ReturnAccepted",
    "ReturnDeclined",
    "ReturnRequested",
    "ReturnReversed",
    "ReturnWindowClosed",
    "RuleBroken",
    "StockEvent",
    "StockReceived",
    "StockWrittenOff",
]


class OrderCreated(Event, frozen=True):
    """A customer ordered goods at the prices that they were shown. `customer_id` is None for an anonymous sale."""

    schema_version = 3

    order_id: UUID
    reference: Reference  # the number that people use: the invoice number
    customer_id: UUID | None
    country: Country
    lines: tuple[Line, ...]
    total: Money
    delivery_name: Annotated[Text | Redacted, DELIVERY] = ""
    delivery_address: Annotated[MultilineText | Redacted, DELIVERY] = ""
    external_ids: tuple[ExternalId, ...] = ()
    customer_external_id: Annotated[CustomerNumber | Redacted, CUSTOMER_NUMBER] = ""

    def unique_values(self) -> tuple[UniqueValue, ...]:
        return order_ids(self.external_ids)


class OrderShipped(Event, frozen=True):
    """The parcel left the warehouse."""

    schema_version = 4

    order_id: UUID
    customer_id: UUID | None
    carrier: Annotated[NonEmptyText | Redacted, parcel(4)]
    tracking: Annotated[Text | Redacted, parcel(4)]
    service: Annotated[Text | Redacted, parcel(4)] = ""  # of the carrier, such as `Tracked 48`
    observed: bool = False


class OrderDelivered(Event, frozen=True):
    """The parcel arrived."""

    schema_version = 3

    order_id: UUID
    customer_id: UUID | None
    received_by: Annotated[Text | Redacted, RECEIVER]
    observed: bool = False


class OrderCancelled(Event, frozen=True):
    """The order will not be fulfilled. `lines` no longer count as sold: empty if they never did, or were shipped."""

    schema_version = 3

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    reason: Annotated[Note, note(3)]
    lines: tuple[LineAmount, ...]
    observed: bool = False


class CreditNoteIssued(Event, frozen=True):
    """The customer was credited an amount that belongs to no stored order."""

    schema_version = 3

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    country: Country
    lines: tuple[Line, ...]
    total: Money
    reason: Annotated[Note, note(3)]
    external_ids: tuple[ExternalId, ...] = ()
    customer_external_id: Annotated[CustomerNumber | Redacted, CUSTOMER_NUMBER] = ""

    def unique_values(self) -> tuple[UniqueValue, ...]:
        return order_ids(self.external_ids)


class RuleBroken(Event, frozen=True):
    """An observed fact breaks a rule of the shop; a person must look at it. `rule` is a code: see `observed_facts`."""

    order_id: UUID
    customer_id: UUID | None
    rule: Annotated[NonEmptyText, NotPersonal("a code")]
    detail: Annotated[NonEmptyText, NotPersonal("made of numbers and states, never of people's texts")]


OrderEvent: TypeAlias = (
    OrderCreated
    | PaymentRequested
    | PaymentAuthorised
    | PaymentProcessed
    | PaymentDeclined
    | PaymentVoided
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | ReturnRequested
    | ReturnAccepted
    | ReturnDeclined
    | ItemsReturned
    | ReturnWindowClosed
    | RefundRequested
    | PaymentRefunded
    | CreditNoteIssued
    | CreditNoteReversed
    | LinesAdded
    | ReturnReversed
    | RuleBroken
)
