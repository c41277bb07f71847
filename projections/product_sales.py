"""Sales and returns of each product, per currency. Lines of freight, discounts and taxes are no products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    Line,
    LineAmount,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    PaymentProcessed,
    ReturnReversed,
)
from projections.models import ProductSales

L = TypeVar("L", Line, LineAmount, Line | LineAmount)

product_sales = Projection(ProductSales, topic="product-sales-projection", version=2)


def _amount_keys(lines: Iterable[LineAmount]) -> list[tuple[str, str]]:
    return [(line.sku, line.amount.currency) for line in lines if line.kind == "product"]


def _line_keys(lines: Iterable[Line]) -> list[tuple[str, str]]:
    return [(line.sku, line.price.currency) for line in lines if line.kind == "product"]


@product_sales.on(OrderCreated, key=lambda event: _line_keys(event.lines))
def described(row: ProductSales, event: OrderCreated, meta: Meta) -> None:
    _describe(row, event.lines, meta)


@product_sales.on(PaymentProcessed, key=lambda event: _amount_keys(event.lines))
def sold(row: ProductSales, event: PaymentProcessed, meta: Meta) -> None:
    _add_sales(row, event.lines)


@product_sales.on(LinesAdded, key=lambda event: _line_keys(event.lines))
def lines_added(row: ProductSales, event: LinesAdded, meta: Meta) -> None:
    _describe(row, event.lines, meta)
    _add_sales(row, event.sold)


@product_sales.on(ItemsReturned, key=lambda event: _amount_keys(event.lines))
def returned(row: ProductSales, event: ItemsReturned, meta: Meta) -> None:
    _subtract_returns(row, event.lines)


@product_sales.on(OrderCancelled, key=lambda event: _amount_keys(event.lines))
def cancelled(row: ProductSales, event: OrderCancelled, meta: Meta) -> None:
    _subtract_returns(row, event.lines)


@product_sales.on(CreditNoteIssued, key=lambda event: _line_keys(event.lines))
def credited(row: ProductSales, event: CreditNoteIssued, meta: Meta) -> None:
    _subtract_returns(row, event.lines)


@product_sales.on(ReturnReversed, key=lambda event: _amount_keys(event.lines))
def return_reversed(row: ProductSales, event: ReturnReversed, meta: Meta) -> None:
    _subtract_returns(row, event.lines, sign=-1)


@product_sales.on(CreditNoteReversed, key=lambda event: _amount_keys(event.lines))
def credit_reversed(row: ProductSales, event: CreditNoteReversed, meta: Meta) -> None:
    _subtract_returns(row, event.lines, sign=-1)


def _describe(row: ProductSales, lines: Iterable[Line], meta: Meta) -> None:
    """The newest order's description wins; at equal times the alphabetically last one. Arrival order plays no part."""
    text = max(line.description for line in _lines_of(row, lines))
    known = (row.described_at, row.description) if row.described_at else None
    if text and (known is None or (meta.occurred_at, text) > known):
        row.described_at, row.description = meta.occurred_at, text


def _add_sales(row: ProductSales, lines: Iterable[LineAmount]) -> None:
    for line in _lines_of(row, lines):
        row.units_sold += line.quantity
        row.units_net += line.quantity
        row.gross += line.amount.amount
        row.net += line.amount.amount


def _subtract_returns(row: ProductSales, lines: Iterable[Line | LineAmount], *, sign: int = 1) -> None:
    for line in _lines_of(row, lines):
        row.units_returned += sign * line.quantity
        row.units_net -= sign * line.quantity
        row.refunded += sign * line.amount.amount
        row.net -= sign * line.amount.amount


def _lines_of(row: ProductSales, lines: Iterable[L]) -> Iterator[L]:
    """The lines of this product; freight, a discount or a tax may have its code."""
    return (line for line in lines if line.sku == row.sku and line.kind == "product")
