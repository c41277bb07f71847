"""The events of orders and stock items."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import Event, NonEmptyText, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import Personal, Redacted

#: Units of one product. The limit is above what any shop ships in one line.
Quantity: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
#: Lines are numbered from 1, in the order in which the customer saw them.
LineNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


#: The delivery name and address. For a guest, who has no customer id, they are encrypted under the order's own key.
DELIVERY: Final = Personal(of="customer_id", purpose="delivery")
#: The person who accepted the parcel may not be the customer, so the name is encrypted under the order's key.
RECEIVER: Final = Personal(of="order_id", purpose="delivery", since=2)
#: Text of several lines, without control characters other than the line feed.
MultilineText: TypeAlias = Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*\Z")]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one product at the price that the customer was shown."""

    sku: NonEmptyText
    description: Text
    quantity: Quantity
    price: Money

    @property
    def amount(self) -> Money:
        return self.price * self.quantity


class LineAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one order line and its price in total."""

    line: LineNumber
    sku: NonEmptyText
    quantity: Quantity
    amount: Money


class OrderCreated(Event, frozen=True):
    """A customer ordered goods at the prices that they were shown. `customer_id` is None for an anonymous sale."""

    schema_version = 2

    order_id: UUID
    reference: NonEmptyText  # the number that people use: the invoice number
    customer_id: UUID | None
    country: Text
    lines: tuple[Line, ...]
    total: Money
    delivery_name: Annotated[Text | Redacted, DELIVERY] = ""
    delivery_address: Annotated[MultilineText | Redacted, DELIVERY] = ""


class PaymentRequested(Event, frozen=True):
    """The customer was asked to pay the amount due."""

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    method: NonEmptyText


class PaymentProcessed(Event, frozen=True):
    """The order was paid in full. From here on its lines count as sold."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    amount: Money
    method: NonEmptyText
    lines: tuple[LineAmount, ...]


class PaymentDeclined(Event, frozen=True):
    """A payment failed. The order still waits for a payment."""

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    reason: NonEmptyText


class OrderShipped(Event, frozen=True):
    """The parcel left the warehouse."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    carrier: NonEmptyText
    tracking: Text
    service: Text = ""  # the carrier's service, such as `Tracked 48`; empty if none was given


class OrderDelivered(Event, frozen=True):
    """The parcel arrived."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    received_by: Annotated[Text | Redacted, RECEIVER]


class OrderCancelled(Event, frozen=True):
    """The order will not be fulfilled. `lines` is what was sold and not returned: empty if it was never paid."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    reason: NonEmptyText
    lines: tuple[LineAmount, ...]


class ItemsReturned(Event, frozen=True):
    """The customer returned some or all of the goods."""

    order_id: UUID
    reference: NonEmptyText  # of the return, such as the cancellation invoice
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    reason: NonEmptyText


class PaymentRefunded(Event, frozen=True):
    """The customer was refunded for a return or a cancelled order."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    amount: Money
    reason: NonEmptyText


class CreditNoteIssued(Event, frozen=True):
    """The customer was credited an amount that belongs to no stored order."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    country: Text
    lines: tuple[Line, ...]
    total: Money
    reason: NonEmptyText


OrderEvent: TypeAlias = (
    OrderCreated
    | PaymentRequested
    | PaymentProcessed
    | PaymentDeclined
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | ItemsReturned
    | PaymentRefunded
    | CreditNoteIssued
)


class StockReceived(Event, frozen=True):
    """Units arrived in the warehouse: bought or returned. The first receipt starts the stock count."""

    sku: NonEmptyText
    quantity: Quantity
    reference: NonEmptyText  # the delivery note, or the return


class InventoryReserved(Event, frozen=True):
    """Units on hand were reserved for an order."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class InventoryRefused(Event, frozen=True):
    """There were not enough units on hand for an order; none was reserved."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity
    available: Annotated[int, msgspec.Meta(ge=0)]
    reason: NonEmptyText


class InventoryReleased(Event, frozen=True):
    """Units reserved for an order are on hand again."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class InventoryDispatched(Event, frozen=True):
    """Units reserved for an order left the warehouse."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class StockWrittenOff(Event, frozen=True):
    """Units were lost, broken or missing at a stock count."""

    sku: NonEmptyText
    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText


StockEvent: TypeAlias = (
    StockReceived | InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched | StockWrittenOff
)
