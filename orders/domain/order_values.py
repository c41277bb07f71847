"""The values that the commands and events of orders are made of."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from eventshop.core.messages import NonEmptyText, UniqueValue, VerbatimText
from eventshop.core.money import Money
from eventshop.core.personal_fields import Personal
from orders.domain.errors import ExternalIdTaken

#: Units of one product. The limit is above what any shop ships in one line.
Quantity: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
#: Lines are numbered from 1, in the order in which the customer saw them.
LineNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
#: Only lines of products are reserved, shipped, returned and counted in units; every line counts in the total.
LineKind: TypeAlias = Literal["product", "freight", "discount", "tax"]
#: A means of payment, as gateways name them: `card`, `bank_transfer`, or a test card of the local gateway.
PaymentMethod: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
#: A card from the hosted card page; empty for other means of payment.
CardToken: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^(tok_[a-z0-9_]{1,60})?\Z")]

#: The delivery name and address. For a guest, who has no customer id, they are encrypted under the order's own key.
DELIVERY: Final = Personal(of="customer_id", purpose="delivery")
#: The person who accepted the parcel may not be the customer, so the name is encrypted under the order's key.
RECEIVER: Final = Personal(of="order_id", purpose="delivery", since=2)
#: Why somebody wants to return goods, and why the shop declines it, in their own words: under the customer's key.
RETURN_REASON: Final = Personal(of="customer_id", purpose="returns")
#: What another system calls the customer: it identifies them as their name does.
CUSTOMER_NUMBER: Final = Personal(of="customer_id", purpose="contact")

_SOURCE: Final = r"[a-z0-9][a-z0-9_.-]{0,39}"
_VALUE: Final = r"[A-Za-z0-9#][A-Za-z0-9 ._/:#+-]{0,79}"  # no e-mail address
#: A customer's external id in an event, `source:value`, or empty. A text, because only texts can be erased.
CustomerNumber: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^({_SOURCE}:{_VALUE})?\Z")]


class ExternalId(Struct, frozen=True, forbid_unknown_fields=True):
    """The identifier that another system (`source`) uses: a marketplace's order number, a customer number."""

    source: Annotated[str, msgspec.Meta(pattern=rf"^{_SOURCE}\Z")]
    value: Annotated[str, msgspec.Meta(pattern=rf"^{_VALUE}\Z")]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"


def order_ids(external_ids: tuple[ExternalId, ...]) -> tuple[UniqueValue, ...]:
    """The external ids of an order as unique values: each source gives an id to one order."""
    return tuple(
        # As hexadecimal digits, because upper and lower case are different ids.
        UniqueValue(f"order {external_id.source}", external_id.value.encode().hex(), ExternalIdTaken(id=external_id))
        for external_id in external_ids
    )


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one product at the price that the customer was shown; or freight, a discount, a tax."""

    sku: NonEmptyText
    description: VerbatimText  # as the price list or the file has it
    quantity: Quantity
    price: Money  # negative for a discount only
    kind: LineKind = "product"
    external_ids: tuple[ExternalId, ...] = ()

    @property
    def amount(self) -> Money:
        return self.price * self.quantity


class LineAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one order line and its price in total."""

    line: LineNumber
    sku: NonEmptyText
    quantity: Quantity
    amount: Money
    kind: LineKind = "product"
