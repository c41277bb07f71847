"""The shopping basket. It is stored in the session, so that visitors without an account have one too."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest

from eventshop.core.currencies import smallest_payment
from eventshop.core.errors import InvalidMessage
from eventshop.core.money import Money, total
from orders.application.stock_level_port import quantities_on_hand
from orders.domain.commands import check_lines
from orders.domain.events import Line
from orders.domain.vat import VatAmount, included_vat
from orders.models import Product

_BASKET: Final = "basket"
#: Limits of one order in the web shop and in the API.
MAX_QUANTITY: Final = 99
MAX_LINES: Final = 50


class Item(NamedTuple):
    """A quantity of a product that is on sale now; `left` are the units on hand, None if they are not known yet."""

    product: Product
    quantity: int
    left: int | None = None

    @property
    def amount(self) -> Money:
        return self.product.money * self.quantity

    @property
    def line(self) -> Line:
        return Line(self.product.sku, self.product.name, self.quantity, self.product.money)

    @property
    def shortage(self) -> str:
        """That there are not as many of it, as a sentence for the customer; empty if there are."""
        if self.left is None or self.quantity <= self.left:
            return ""
        if self.left <= 0:
            return f"{self.product.name} is out of stock. Remove it to order the rest."
        return f"Only {self.left} of {self.product.name} {'is' if self.left == 1 else 'are'} left. Change the quantity."


class Basket(NamedTuple):
    """All items, at current prices."""

    items: tuple[Item, ...]

    @property
    def totals(self) -> tuple[Money, ...]:
        """One total per currency, by currency code."""
        currencies = sorted({item.product.currency for item in self.items})
        return tuple(
            total((item.amount for item in self.items if item.product.currency == currency), currency=currency)
            for currency in currencies
        )

    @property
    def total(self) -> Money | None:
        """What an order of all items costs; None for an empty basket and for one in several currencies."""
        return self.totals[0] if len(self.totals) == 1 else None

    @property
    def vat(self) -> tuple[VatAmount, ...]:
        """The tax that the total includes, by rate; none where there is no total."""
        return included_vat((item.amount, item.product.vat_percent) for item in self.items) if self.total else ()

    @property
    def problem(self) -> str:
        """Why these items cannot be one order, as a sentence for the customer; empty if they can."""
        if len(self.totals) > 1:
            codes = " and ".join(amount.currency for amount in self.totals)
            return f"An order has one currency, but these prices are in {codes}. Order them one after the other."
        if shortages := [item.shortage for item in self.items if item.shortage]:
            return " ".join(shortages)
        try:
            for amount in self.totals:
                smallest_payment(amount.currency)
            check_lines(tuple(item.line for item in self.items))
        except InvalidMessage as error:
            return f"These items cannot be ordered: {error.message}."
        return ""


def load_basket(request: HttpRequest) -> Basket:
    """The visitor's basket, without products that are no longer on sale."""
    quantities: dict[str, int] = request.session.get(_BASKET, {})
    products = Product.objects.filter(sku__in=quantities, on_sale=True).order_by("name") if quantities else ()
    left = quantities_on_hand(list(quantities)) if products else {}
    return Basket(tuple(Item(product, quantities[product.sku], left.get(product.sku)) for product in products))


def set_quantity(request: HttpRequest, sku: str, quantity: int) -> int:
    """Set a product's quantity; 0 removes it. Gives the quantity that is now in the basket.

    That is at most `MAX_QUANTITY`, and 0 for another product than the first `MAX_LINES`.
    """
    quantities: dict[str, int] = dict(request.session.get(_BASKET, {}))
    quantities.pop(sku, None)
    if quantity > 0 and len(quantities) < MAX_LINES:
        quantities[sku] = min(quantity, MAX_QUANTITY)
    request.session[_BASKET] = quantities
    return quantities.get(sku, 0)


def quantity_of(request: HttpRequest, sku: str) -> int:
    """The quantity of a product in the visitor's basket."""
    quantities: dict[str, int] = request.session.get(_BASKET, {})
    return quantities.get(sku, 0)


def count_items(request: HttpRequest) -> int:
    """The units in the visitor's basket; 0 without a session, which is not read then."""
    quantities: dict[str, int] = request.session.get(_BASKET, {})
    return sum(quantities.values())


def clear_basket(request: HttpRequest) -> None:
    request.session.pop(_BASKET, None)
