"""What somebody wants to buy, before they order: in their session, so that strangers can fill one too."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest

from eventshop.core.money import Money, total
from orders.domain.events import Line
from orders.models import Product

_BASKET: Final = "basket"
#: More of one thing, or more things, are an order by letter.
MOST_PIECES: Final = 99
MOST_LINES: Final = 50


class Item(NamedTuple):
    """Some pieces of a product that is on sale now."""

    product: Product
    quantity: int

    @property
    def amount(self) -> Money:
        return self.product.money * self.quantity

    @property
    def line(self) -> Line:
        return Line(self.product.sku, self.product.name, self.quantity, self.product.money)


class Basket(NamedTuple):
    """All items at today's prices."""

    items: tuple[Item, ...]

    @property
    def pieces(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def total(self) -> Money | None:
        if not self.items:
            return None
        return total((item.amount for item in self.items), currency=self.items[0].product.currency)


def basket(request: HttpRequest) -> Basket:
    """What lies in the visitor's basket; a product that is not sold any more is not in it."""
    wanted: dict[str, int] = request.session.get(_BASKET, {})
    products = Product.objects.filter(sku__in=wanted, on_sale=True).order_by("name") if wanted else ()
    return Basket(tuple(Item(product, wanted[product.sku]) for product in products))


def put(request: HttpRequest, sku: str, quantity: int) -> None:
    """Have so many pieces in the basket; none takes the product out."""
    wanted: dict[str, int] = dict(request.session.get(_BASKET, {}))
    wanted.pop(sku, None)
    if quantity > 0 and len(wanted) < MOST_LINES:
        wanted[sku] = min(quantity, MOST_PIECES)
    request.session[_BASKET] = wanted


def held(request: HttpRequest, sku: str) -> int:
    """How many pieces of a product are in it already."""
    wanted: dict[str, int] = request.session.get(_BASKET, {})
    return wanted.get(sku, 0)


def empty(request: HttpRequest) -> None:
    request.session.pop(_BASKET, None)
