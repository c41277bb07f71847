"""An order that a program places: checked against the price list, and built again the same when it is sent again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.errors import CommandIdReused, CommandRefused
from eventshop.core.messages import Name
from eventshop.core.money import Money
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import Receipt
from eventshop.eventstore.event_store import store
from eventshop.web.api.command_endpoint import send
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import InvalidBody
from orders.application.basket import MOST_LINES, MOST_PIECES
from orders.domain.commands import CreateOrder
from orders.domain.errors import NotOnSale, PriceChanged
from orders.domain.events import Line, OrderCreated
from orders.domain.events import Lines as AddressLines
from orders.models import Product
from orders.pages.shop_views import reference


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Some pieces of a product, at the price per piece that you were shown."""

    sku: Name
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MOST_PIECES)]
    price: Money


class Destination(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the parcel goes."""

    name: Name
    address: Annotated[AddressLines, msgspec.Meta(min_length=1)]


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What you order. Without `delivery` it goes to the name and address of your account."""

    example: ClassVar[dict[str, Any]] = {
        "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
        "delivery": {"name": "Ada Marker", "address": "1 St\nYork"},
    }

    lines: Annotated[tuple[Wanted, ...], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    delivery: Destination | None = None


class Around(NamedTuple):
    """What an order takes from elsewhere, which may be otherwise later: names of products, and where it goes."""

    names: Mapping[str, str]
    delivery: Destination


def place(asked: NewOrder, *, person: UUID, command_id: UUID) -> Receipt:
    """Send the order. Raises `PriceChanged`, `NotOnSale`, `InvalidBody` or what `dispatch.send` raises.

    Sent again it gives the first receipt, whatever product or address has become since: what the order took from
    there the first time stands in its first event. Nothing of this is looked up unless something has changed.
    """
    order_id = derived_id("api-order", command_id)
    try:
        return _send(asked, _today(asked, person), person, order_id, command_id)
    except (CommandRefused, CommandIdReused, InvalidBody):
        first = _first(order_id)
        if first is None:
            raise
        return _send(asked, first, person, order_id, command_id)


def _send(asked: NewOrder, around: Around, person: UUID, order_id: UUID, command_id: UUID) -> Receipt:
    # A name that the first order did not have makes it another command, which the store refuses.
    lines = tuple(Line(it.sku, around.names.get(it.sku, ""), it.quantity, it.price) for it in asked.lines)
    delivery = asked.delivery or around.delivery
    command = CreateOrder(
        order_id=order_id,
        reference=reference(order_id),
        customer_id=person,
        lines=lines,
        delivery_name=delivery.name,
        delivery_address=delivery.address,
    )
    return send(command, command_id=command_id, by=str(person))


def _today(asked: NewOrder, person: UUID) -> Around:
    skus = {it.sku for it in asked.lines}
    # As plain SQL: building this query anew would cost each order more processor time than its answer.
    listed = f"SELECT * FROM orders_product WHERE sku IN ({', '.join(['%s'] * len(skus))})"  # noqa: S608  (only places)
    products = {product.sku: product for product in Product.objects.raw(listed, list(skus))}
    for line, it in enumerate(asked.lines, start=1):
        product = products.get(it.sku)
        if product is None or not product.on_sale:
            raise NotOnSale(sku=it.sku, line=line)
        if product.money != it.price:
            raise PriceChanged(sku=it.sku, line=line, price=product.money, offered=it.price)
    names = {sku: product.name for sku, product in products.items()}
    return Around(names, asked.delivery or _home(person))


def _home(person: UUID) -> Destination:
    contact = customer_port.registered().contact(person)
    if contact is None or not contact.address:
        said = "your account has no address; say where the parcel goes"
        raise InvalidBody(said, where=[{"pointer": "/delivery", "detail": said}])
    return Destination(contact.name, contact.address)


def _first(order_id: UUID) -> Around | None:
    """What the order took from elsewhere when it was placed; None if it never was, or that is erased."""
    for recorded in store.get_events(order_id, to_version=1):
        event = recorded.event
        if isinstance(event, OrderCreated) and not isinstance(event.delivery_name, Redacted):
            return Around(
                {line.sku: line.description for line in event.lines},
                Destination(event.delivery_name, str(event.delivery_address)),
            )
    return None
