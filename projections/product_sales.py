"""What each product sold and how much of it came back."""

from __future__ import annotations

from collections.abc import Iterable

from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, catalogue
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    Line,
    LineAmount,
    OrderCancelled,
    OrderCreated,
    PaymentProcessed,
)
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
def returned(row: ProductSales, event: ItemsReturned, meta: Meta) -> None:
    _came_back(row, event.lines)


@product_sales.on(OrderCancelled, key=lambda event: _products(event.lines))
def cancelled(row: ProductSales, event: OrderCancelled, meta: Meta) -> None:
    _came_back(row, event.lines)


@product_sales.on(CreditNoteIssued, key=lambda event: _priced(event.lines))
def credited(row: ProductSales, event: CreditNoteIssued, meta: Meta) -> None:
    _came_back(row, event.lines)


def _came_back(row: ProductSales, lines: Iterable[Line | LineAmount]) -> None:
    for line in lines:
        if line.sku == row.sku:
            row.units_returned += line.quantity
            row.units_net -= line.quantity
            row.refunded += line.amount.amount
            row.net -= line.amount.amount
