"""The shopping basket. It is stored in the session, so that visitors without an account have one too."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest

from eventshop.core.money import Money, total
from orders.domain.events import Line
from orders.models import Product

_BASKET: Final = "basket"
#: Limits of one order in the web shop and in the API.
MAX_QUANTITY: Final = 99
MAX_LINES: Final = 50


class Item(NamedTuple):
    """A quantity of a product that is on sale now."""

    product: Product
    quantity: int

    @property
    def amount(self) -> Money:
        return self.product.money * self.quantity

    @property
    def line(self) -> Line:
        return Line(self.product.sku, self.product.name, self.quantity, self.product.money)


class Basket(NamedTuple):
    """All items, at current prices."""

    items: tuple[Item, ...]

    @property
    def total(self) -> Money | None:
        if not self.items:
            return None
        return total((item.amount for item in self.items), currency=self.items[0].product.currency)


def load_basket(request: HttpRequest) -> Basket:
    """The visitor's basket, without products that are no longer on sale."""
    quantities: dict[str, int] = request.session.get(_BASKET, {})
    products = Product.objects.filter(sku__in=quantities, on_sale=True).order_by("name") if quantities else ()
    return Basket(tuple(Item(product, quantities[product.sku]) for product in products))


def set_quantity(request: HttpRequest, sku: str, quantity: int) -> None:
    """Set a product's quantity, at most `MAX_QUANTITY`; 0 removes the product."""
    quantities: dict[str, int] = dict(request.session.get(_BASKET, {}))
    quantities.pop(sku, None)
    if quantity > 0 and len(quantities) < MAX_LINES:
        quantities[sku] = min(quantity, MAX_QUANTITY)
    request.session[_BASKET] = quantities


def quantity_of(request: HttpRequest, sku: str) -> int:
    """The quantity of a product in the visitor's basket."""
    quantities: dict[str, int] = request.session.get(_BASKET, {})
    return quantities.get(sku, 0)


def clear_basket(request: HttpRequest) -> None:
    request.session.pop(_BASKET, None)
