"""Places an order through the API: checks it against the price list, and answers a repeated request identically.

An order of another system (a marketplace, the books) is imported instead: at the prices and with the identifiers that
it has there, by those who may import facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.currencies import smallest_payment
from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.errors import CommandIdReused, CommandRefused, PersonErased
from eventshop.core.messages import MultilineText, Name, NonEmptyText, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.web.api.command_endpoint import send_command
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import InvalidBody
from orders.application.basket import MAX_LINES, MAX_QUANTITY
from orders.domain.commands import CreateOrder, ExternalIds
from orders.domain.errors import NotOnSale, PriceChanged
from orders.domain.events import ExternalId, Line, LineKind, OrderCreated
from orders.domain.line_rules import MAX_LINES as MAX_IMPORTED_LINES
from orders.domain.order_values import Quantity
from orders.models import Product


class RequestedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of a product, at the unit price that you were shown: at most 99 units of one product.

    Only an imported order has other kinds of lines, larger quantities, a description of its own, and external ids.
    """

    sku: NonEmptyText
    quantity: Quantity
    price: Money
    kind: LineKind = "product"
    description: Text = ""
    external_ids: ExternalIds = ()

    @property
    def is_import(self) -> bool:
        return self.kind != "product" or bool(self.description or self.external_ids)


class Destination(Struct, frozen=True, forbid_unknown_fields=True):
    """The name and address for the delivery."""

    name: Name
    address: Annotated[MultilineText, msgspec.Meta(min_length=1)]


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The order, of at most 50 lines. Without `delivery` it is delivered to the name and address of your account.

    Only those who may import facts send more lines, and the other fields: whose order it is, its number, and the
    identifiers that other systems use for it and for its customer.
    """

    example: ClassVar[dict[str, Any]] = {
        "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
        "delivery": {"name": "Ada Marker", "address": "1 St\nYork"},
    }

    lines: Annotated[tuple[RequestedLine, ...], msgspec.Meta(min_length=1, max_length=MAX_IMPORTED_LINES)]
    delivery: Destination | None = None
    reference: Text = ""
    customer_id: UUID | None = None
    external_ids: ExternalIds = ()
    customer_external_id: ExternalId | None = None

    @property
    def is_import(self) -> bool:
        """Whether it has anything that a customer's own order does not have."""
        named = self.reference or self.customer_id or self.external_ids or self.customer_external_id
        return bool(named) or any(line.is_import for line in self.lines)


class OrderDetails(NamedTuple):
    """What an order copies from other data, which may change later: product names and the delivery address."""

    product_names: Mapping[str, str]
    delivery: Destination


def place_order(new_order: NewOrder, *, person: UUID, command_id: UUID) -> Receipt:
    """Send `CreateOrder`. Raises `PriceChanged`, `NotOnSale`, `InvalidBody` or what `send_command` raises.

    A repeated request returns the first receipt, even if a product or the address has changed since: the details are
    then taken from the order's first event. That event is read only if the order with today's details is refused.
    """
    _check_limits(new_order)
    order_id = derive_id("api-order", command_id)
    try:
        return _send(new_order, _current_details(new_order, person), person, order_id, command_id)
    except (CommandRefused, CommandIdReused, InvalidBody):
        stored = _stored_details(order_id)
        if stored is None:
            raise
        return _send(new_order, stored, person, order_id, command_id)


def _send(new_order: NewOrder, details: OrderDetails, person: UUID, order_id: UUID, command_id: UUID) -> Receipt:
    # With a product name other than the first time this is a different command, which the store refuses.
    names = details.product_names
    lines = tuple(Line(line.sku, names.get(line.sku, ""), line.quantity, line.price) for line in new_order.lines)
    delivery = new_order.delivery or details.delivery
    command = CreateOrder(
        order_id=order_id,
        reference=order_reference(order_id),
        customer_id=person,
        lines=lines,
        delivery_name=delivery.name,
        delivery_address=delivery.address,
    )
    return send_command(command, command_id=command_id, actor=str(person))


def place_imported_order(new_order: NewOrder, *, actor: str, command_id: UUID) -> Receipt:
    """Send `CreateOrder` with the prices and identifiers of another system.

    A customer that only the other system has gets an id by the identifier there, so that their orders are found by it.
    The order of an erased customer is stored without that identifier.
    Raises `UnknownCurrency` or what `send_command` raises.
    """
    for line in new_order.lines:
        smallest_payment(line.price.currency)
    order_id = derive_id("api-order", command_id)
    delivery, customer = new_order.delivery, new_order.customer_id
    if customer is None and new_order.customer_external_id:
        customer = derive_id("external-customer", str(new_order.customer_external_id))
    command = CreateOrder(
        order_id=order_id,
        reference=new_order.reference or order_reference(order_id),
        customer_id=customer,
        lines=tuple(
            Line(line.sku, line.description, line.quantity, line.price, line.kind, line.external_ids)
            for line in new_order.lines
        ),
        delivery_name=delivery.name if delivery else "",
        delivery_address=delivery.address if delivery else "",
        external_ids=new_order.external_ids,
        customer_external_id=new_order.customer_external_id,
    )
    try:
        return send_command(command, command_id=command_id, actor=actor)
    except PersonErased:
        anonymous = replace(command, customer_external_id=None)
        return send_command(anonymous, command_id=command_id, actor=actor)


def _check_limits(new_order: NewOrder) -> None:
    """Raise `InvalidBody` for more than the web shop sells in one order: the basket has the same limits."""
    locations = [
        {"pointer": f"/lines/{number}/quantity", "detail": f"must be a whole number of at most {MAX_QUANTITY}"}
        for number, line in enumerate(new_order.lines)
        if line.quantity > MAX_QUANTITY
    ]
    if len(new_order.lines) > MAX_LINES:
        locations.append({"pointer": "/lines", "detail": f"must be a list with a length of at most {MAX_LINES}"})
    if locations:
        raise InvalidBody(locations[0]["detail"], locations=locations)


def _current_details(new_order: NewOrder, person: UUID) -> OrderDetails:
    """Today's product names and delivery address.

    Raises `NotOnSale`, `UnknownCurrency`, `PriceChanged` or `InvalidBody`.
    """
    skus = {line.sku for line in new_order.lines}
    # Plain SQL: for each order, building the query with the ORM would cost more processor time than running it.
    query = f"SELECT * FROM orders_product WHERE sku IN ({', '.join(['%s'] * len(skus))})"  # noqa: S608  (placeholders)
    products = {product.sku: product for product in Product.objects.raw(query, list(skus))}
    for number, line in enumerate(new_order.lines, start=1):
        product = products.get(line.sku)
        if product is None or not product.on_sale:
            raise NotOnSale(sku=line.sku, line=number)
        smallest_payment(product.currency)  # an order in an unknown currency could never be paid
        if product.money != line.price:
            raise PriceChanged(sku=line.sku, line=number, price=product.money, offered=line.price)
    names = {sku: product.name for sku, product in products.items()}
    return OrderDetails(names, new_order.delivery or _account_address(person))


def _account_address(person: UUID) -> Destination:
    contact = customer_port.current_adapter().contact_of(person)
    if contact is None or not contact.address:
        problem = "your account has no address; send the delivery address in `delivery`"
        raise InvalidBody(problem, locations=[{"pointer": "/delivery", "detail": problem}])
    return Destination(contact.name, contact.address)


def order_reference(order_id: UUID) -> str:
    """The reference of an order in the web shop: the number that people use for it."""
    return short_reference("W", order_id)


def _stored_details(order_id: UUID) -> OrderDetails | None:
    """The details in the order's first event; None if there is no such order, or its address was erased."""
    for recorded in store.get_events(order_id, to_version=1):
        event = recorded.event
        if isinstance(event, OrderCreated) and not isinstance(event.delivery_name, Redacted):
            return OrderDetails(
                {line.sku: line.description for line in event.lines},
                Destination(event.delivery_name, str(event.delivery_address)),
            )
    return None
