"""What can happen to an order and to a stock item."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import Event, Name, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import Personal, Redacted

#: Pieces of one product; more than any shop ships in one line.
Quantity: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
#: Lines are counted from 1, in the order the customer saw them.
LineNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


#: Where a parcel goes, and who took it in: a guest's, who is no customer, under the order's own key.
DELIVERY: Final = Personal(of="customer_id", purpose="delivery")
#: Whoever took the parcel in need not be the customer.
RECEIVER: Final = Personal(of="order_id", purpose="delivery", since=2)
#: Several lines of text without other control characters.
Lines: TypeAlias = Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*\Z")]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """Some pieces of one product at the price the customer was shown."""

    sku: Name
    description: Text
    quantity: Quantity
    price: Money

    @property
    def amount(self) -> Money:
        return self.price * self.quantity


class LineAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces of one order line, and what they cost together."""

    line: LineNumber
    sku: Name
    quantity: Quantity
    amount: Money


class OrderCreated(Event, frozen=True):
    """A customer asked for goods at the prices they were shown. `customer_id` is empty for an anonymous sale."""

    schema_version = 2

    order_id: UUID
    reference: Name  # what people call it: the invoice number
    customer_id: UUID | None
    country: Text
    lines: tuple[Line, ...]
    total: Money
    delivery_name: Annotated[Text | Redacted, DELIVERY] = ""
    delivery_address: Annotated[Lines | Redacted, DELIVERY] = ""


class PaymentRequested(Event, frozen=True):
    """The customer was asked to pay what is due."""

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    method: Name


class PaymentProcessed(Event, frozen=True):
    """The order was paid in full; its lines count as sold from now on."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    amount: Money
    method: Name
    lines: tuple[LineAmount, ...]


class PaymentDeclined(Event, frozen=True):
    """A payment did not go through; the order still waits for one."""

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    reason: Name


class OrderShipped(Event, frozen=True):
    """The parcel left the warehouse."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    carrier: Name
    tracking: Text
    service: Text = ""  # the carrier's name for how fast and how; empty: nothing was said


class OrderDelivered(Event, frozen=True):
    """The parcel arrived."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    received_by: Annotated[Text | Redacted, RECEIVER]


class OrderCancelled(Event, frozen=True):
    """The order will not be fulfilled. `lines` is what was sold and not returned: none if it was never paid."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    reason: Name
    lines: tuple[LineAmount, ...]


class ItemsReturned(Event, frozen=True):
    """Goods came back, in whole or in part."""

    order_id: UUID
    reference: Name  # of the return, e.g. the cancellation invoice
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    reason: Name


class PaymentRefunded(Event, frozen=True):
    """Money went back to the customer, for a return or a cancelled order."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    amount: Money
    reason: Name


class CreditNoteIssued(Event, frozen=True):
    """Money was credited without an order of ours that it belongs to."""

    order_id: UUID
    reference: Name
    customer_id: UUID | None
    country: Text
    lines: tuple[Line, ...]
    total: Money
    reason: Name


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
    """Pieces came into the warehouse: bought, or back from a customer. The first ones begin the count."""

    sku: Name
    quantity: Quantity
    reference: Name  # the delivery note, or the return


class InventoryReserved(Event, frozen=True):
    """Pieces on hand were set aside for an order."""

    sku: Name
    order_id: UUID
    quantity: Quantity


class InventoryRefused(Event, frozen=True):
    """There were not enough pieces on hand for an order; none was set aside."""

    sku: Name
    order_id: UUID
    quantity: Quantity
    available: Annotated[int, msgspec.Meta(ge=0)]
    reason: Name


class InventoryReleased(Event, frozen=True):
    """Pieces set aside for an order are on hand again."""

    sku: Name
    order_id: UUID
    quantity: Quantity


class InventoryDispatched(Event, frozen=True):
    """Pieces set aside for an order left the warehouse."""

    sku: Name
    order_id: UUID
    quantity: Quantity


class StockWrittenOff(Event, frozen=True):
    """Pieces were lost, broken, or found missing at a count."""

    sku: Name
    quantity: Quantity
    reason: Name
    reference: Name


StockEvent: TypeAlias = (
    StockReceived | InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched | StockWrittenOff
)
