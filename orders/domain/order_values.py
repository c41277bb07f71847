"""The values that the commands and events of orders are made of."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from eventshop.core.messages import NonEmptyText, Text, UniqueValue, VerbatimText
from eventshop.core.money import Money
from eventshop.core.personal_fields import NotPersonal, Personal, Redacted
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

#: A means of payment in an event; one of an earlier release may be any text.
StoredMethod: TypeAlias = Annotated[NonEmptyText, NotPersonal("the name of a means of payment")]
#: The number of an order, return, delivery note or payment. Customers choose none.
Reference: TypeAlias = Annotated[NonEmptyText, NotPersonal("the number of a document")]
Sku: TypeAlias = Annotated[NonEmptyText, NotPersonal("the code of a product")]
Country: TypeAlias = Annotated[Text, NotPersonal("the name of a country")]

#: The delivery name and address. For a guest, who has no customer id, they are encrypted under the order's own key.
DELIVERY: Final = Personal(of="customer_id", purpose="delivery")
#: The person who accepted the parcel may not be the customer, so the name is encrypted under the order's key.
RECEIVER: Final = Personal(of="order_id", purpose="delivery", since=2)
#: Why somebody wants to return goods, and why the shop declines it, in their own words: under the customer's key.
RETURN_REASON: Final = Personal(of="customer_id", purpose="returns", free_text=True)
#: What another system calls the customer: it identifies them as their name does.
CUSTOMER_NUMBER: Final = Personal(of="customer_id", purpose="contact")


def note(since: int = 1) -> Personal:
    """The mark of a text in anybody's own words about an order: under the order's key, apart from other data."""
    return Personal(of="order_id", purpose="notes", since=since, free_text=True)


def parcel(since: int = 1) -> Personal:
    """The mark of what leads to a parcel and so to its receiver: under the order's key, as `RECEIVER`."""
    return Personal(of="order_id", purpose="delivery", since=since, free_text=True)


#: A note, and the same after its erasure.
Note: TypeAlias = NonEmptyText | Redacted

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

    sku: Sku
    description: Annotated[
        VerbatimText, NotPersonal("what a product is called")
    ]  # as the price list or the file has it
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
    sku: Sku
    quantity: Quantity
    amount: Money
    kind: LineKind = "product"
