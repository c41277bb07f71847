"""What each product sold and how much of it came back."""

from __future__ import annotations

from collections.abc import Iterable

from eventshop.core.message import Meta
from eventshop.core.money import Money
from orders.events import (
    CreditNoteIssued,
    ItemsReturned,
    Line,
    LineAmount,
    OrderCancelled,
    OrderCreated,
    PaymentProcessed,
)
from projections.engine.projection import Projection, catalogue
from projections.models import ProductSales

product_sales = Projection(ProductSales, topic="product-sales-projection", version=1)
catalogue.add(product_sales)


def _products(lines: Iterable[LineAmount]) -> list[tuple[str, str]]:
    return [(line.sku, line.amount.currency) for line in lines]


def _priced(lines: Iterable[Line]) -> list[tuple[str, str]]:
    return [(line.sku, line.price.currency) for line in lines]


@product_sales.on(OrderCreated, key=lambda event: _priced(event.lines))
def described(row: ProductSales, event: OrderCreated, meta: Meta) -> None:
    """The newest order's words win; of two at the same time, the later in the alphabet: never the later to arrive."""
    text = max(line.description for line in event.lines if line.sku == row.sku)
    known = (row.described_at, row.description) if row.described_at else None
    if text and (known is None or (meta.occurred_at, text) > known):
        row.described_at, row.description = meta.occurred_at, text


@product_sales.on(PaymentProcessed, key=lambda event: _products(event.lines))
def sold(row: ProductSales, event: PaymentProcessed, meta: Meta) -> None:
    for line in event.lines:
        if line.sku == row.sku:
            row.units_sold += line.quantity
            row.units_net += line.quantity
            row.gross += line.amount.amount
            row.net += line.amount.amount


@product_sales.on(ItemsReturned, key=lambda event: _products(event.lines))
@product_sales.on(OrderCancelled, key=lambda event: _products(event.lines))
def returned(row: ProductSales, event: ItemsReturned | OrderCancelled, meta: Meta) -> None:
    for line in event.lines:
        if line.sku == row.sku:
            _came_back(row, line.quantity, line.amount)


@product_sales.on(CreditNoteIssued, key=lambda event: _priced(event.lines))
def credited(row: ProductSales, event: CreditNoteIssued, meta: Meta) -> None:
    for line in event.lines:
        if line.sku == row.sku:
            _came_back(row, line.quantity, line.amount)


def _came_back(row: ProductSales, units: int, amount: Money) -> None:
    row.units_returned += units
    row.units_net -= units
    row.refunded += amount.amount
    row.net -= amount.amount
