"""The port for stock availability in the shop's catalogue. A read model answers, so it may lag a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from django.db.models import QuerySet

from eventshop.core.port import Port

#: Takes SKUs; gives the units on hand by SKU, without the SKUs that are unknown.
OnHandQuery: TypeAlias = Callable[[Collection[str]], Mapping[str, int]]

#: Gives the SKUs with units on hand, as a query of the shop's database.
InStockQuery: TypeAlias = Callable[[], QuerySet[Any]]

stock_levels: Final = Port[OnHandQuery]("stock levels")


products_in_stock: Final = Port[InStockQuery]("products in stock")

#: The name of the projection that both are read from: what it has set aside is missing from them.
stock_projection: Final = Port[str]("projection of stock levels")


def quantities_on_hand(skus: Collection[str]) -> Mapping[str, int]:
    """The units on hand by SKU."""
    return stock_levels.get()(skus)
