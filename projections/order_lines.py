"""The lines of orders and credit notes, with the quantities returned of each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    Line,
    LineAmount,
    LinesAdded,
    OrderCreated,
    ReturnReversed,
)
from projections.models import OrderLine

order_lines = Projection(OrderLine, topic="order-lines-projection", version=2, shared_rows=False)


def _line_keys(event: OrderCreated | CreditNoteIssued) -> list[tuple[UUID, int]]:
    return [(event.order_id, number) for number in range(1, len(event.lines) + 1)]


@order_lines.on(OrderCreated, key=_line_keys)
def ordered(row: OrderLine, event: OrderCreated, meta: Meta) -> None:
    _fill_row(row, event.lines[row.line - 1])


@order_lines.on(CreditNoteIssued, key=_line_keys)
def credited(row: OrderLine, event: CreditNoteIssued, meta: Meta) -> None:
    _fill_row(row, event.lines[row.line - 1])


def _added_keys(event: LinesAdded) -> list[tuple[UUID, int]]:
    return [(event.order_id, number) for number in range(event.first_line, event.first_line + len(event.lines))]


@order_lines.on(LinesAdded, key=_added_keys)
def added(row: OrderLine, event: LinesAdded, meta: Meta) -> None:
    _fill_row(row, event.lines[row.line - event.first_line])


def _amount_keys(event: CreditNoteReversed | ReturnReversed | ItemsReturned) -> list[tuple[UUID, int]]:
    return [(event.order_id, line.line) for line in event.lines]


@order_lines.on(CreditNoteReversed, key=_amount_keys)
def credit_reversed(row: OrderLine, event: CreditNoteReversed, meta: Meta) -> None:
    row.quantity = 0
    row.amount = Decimal(0)


@order_lines.on(ReturnReversed, key=_amount_keys)
def return_reversed(row: OrderLine, event: ReturnReversed, meta: Meta) -> None:
    line = _amount_of(row, event.lines)
    row.returned -= line.quantity
    row.refunded -= line.amount.amount


@order_lines.on(ItemsReturned, key=_amount_keys)
def returned(row: OrderLine, event: ItemsReturned, meta: Meta) -> None:
    line = _amount_of(row, event.lines)
    row.returned += line.quantity
    row.damaged += sum(damaged.quantity for damaged in event.damaged if damaged.line == row.line)
    row.refunded += line.amount.amount


def _amount_of(row: OrderLine, lines: Sequence[LineAmount]) -> LineAmount:
    return next(line for line in lines if line.line == row.line)


def _fill_row(row: OrderLine, line: Line) -> None:
    row.kind = OrderLine.Kind(line.kind)
    row.sku = line.sku
    row.description = line.description
    row.quantity = line.quantity
    row.price = line.price.amount
    row.amount = line.amount.amount
    row.currency = line.price.currency
