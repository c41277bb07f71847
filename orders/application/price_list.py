"""The state of the price list: what is made of it, and of the stock beside it, is cached under it."""

from __future__ import annotations

from django.db.models import Count, Sum

from eventshop.operations.row_state import digest, read_row_state
from orders.application.stock_level_port import stock_projection
from orders.models import Category, Product


def read_price_list_state() -> str:
    """A short text that changes with each product, each shelf and the stock; three statements that read no product."""
    marks = [model._default_manager.aggregate(Count("pk"), Sum("change_mark")) for model in (Product, Category)]
    return digest(read_row_state([stock_projection.get()]), *marks)
