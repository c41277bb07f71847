"""Sales and refunds of each day, per currency."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings

from eventshop.core.messages import Meta
from eventshop.core.money import Money
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    PaymentProcessed,
    PaymentRefunded,
    ReturnReversed,
)
from projections.models import DailySales
from projections.units import count_units

daily_sales = Projection(DailySales, topic="daily-sales-projection", version=2)


def shop_day(moment: datetime) -> date:
    """The date of a moment in the shop's time zone (`TIME_ZONE`)."""
    return moment.astimezone(_shop_zone()).date()


@lru_cache(maxsize=1)
def _shop_zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def _day_key(meta: Meta, amount: Money) -> tuple[date, str]:
    return shop_day(meta.occurred_at), amount.currency


@daily_sales.on(PaymentProcessed, dated_key=lambda event, meta: _day_key(meta, event.amount))
def sold(row: DailySales, event: PaymentProcessed, meta: Meta) -> None:
    row.orders += bool(event.lines)  # only the payment that completes the total has lines
    row.units_sold += count_units(event.lines)
    row.gross += event.amount.amount
    row.net += event.amount.amount


@daily_sales.on(PaymentRefunded, dated_key=lambda event, meta: _day_key(meta, event.amount))
def refunded(row: DailySales, event: PaymentRefunded, meta: Meta) -> None:
    row.refunds += 1
    row.refunded += event.amount.amount
    row.net -= event.amount.amount


@daily_sales.on(CreditNoteIssued, dated_key=lambda event, meta: _day_key(meta, event.total))
def credited(row: DailySales, event: CreditNoteIssued, meta: Meta) -> None:
    row.refunds += 1
    row.units_returned += count_units(event.lines)
    row.refunded += event.total.amount
    row.net -= event.total.amount


@daily_sales.on(ItemsReturned, dated_key=lambda event, meta: _day_key(meta, event.lines[0].amount))
def returned(row: DailySales, event: ItemsReturned, meta: Meta) -> None:
    row.units_returned += count_units(event.lines)


@daily_sales.on(LinesAdded, dated_key=lambda event, meta: _day_key(meta, event.total) if event.sold else None)
def lines_added(row: DailySales, event: LinesAdded, meta: Meta) -> None:
    row.units_sold += count_units(event.sold)


@daily_sales.on(CreditNoteReversed, dated_key=lambda event, meta: _day_key(meta, event.total))
def credit_reversed(row: DailySales, event: CreditNoteReversed, meta: Meta) -> None:
    row.refunds -= 1
    row.units_returned -= count_units(event.lines)
    row.refunded -= event.total.amount
    row.net += event.total.amount


@daily_sales.on(ReturnReversed, dated_key=lambda event, meta: _day_key(meta, event.refunded))
def return_reversed(row: DailySales, event: ReturnReversed, meta: Meta) -> None:
    row.units_returned -= count_units(event.lines)
    row.refunds -= bool(event.refunded.amount)
    row.refunded -= event.refunded.amount
    row.net += event.refunded.amount


@daily_sales.on(
    OrderCancelled, dated_key=lambda event, meta: _day_key(meta, event.lines[0].amount) if event.lines else None
)
def cancelled(row: DailySales, event: OrderCancelled, meta: Meta) -> None:
    row.units_returned += count_units(event.lines)
