"""The admin's first page: what needs attention, sales of the day and of two weeks, and the flow of events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from eventshop.admin_console.attention_admin import attention_context
from eventshop.admin_console.formatting import datetime_html, format_amount
from eventshop.admin_console.list_filters import midnight
from eventshop.operations.attention import watch
from eventshop.operations.event_flow import read_flow
from eventshop.runtime.counted_cache import get_recent
from projections.admin.cached_figures import Figures
from projections.admin.filters import TaskFilter
from projections.admin.sales import net_sales_chart
from projections.models import ActivityTimeline, DailySales, OrderSummary

CHART_DAYS: Final = 14
MAX_ACTIVITY_ROWS: Final = 10


class Figure(NamedTuple):
    """A figure of the day with its value on the day before."""

    name: str
    value: str
    before: str


def add_dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the context of `templates/admin/index.html`. Each part needs the view permission of its model."""
    has_perm = request.user.has_perm
    figures = Figures()
    if has_perm("ops.view_attentionitem"):
        watch.compare_if_stale()
        context |= {"may_see_attention": True, **attention_context(request)}
    if has_perm("projections.view_dailysales"):
        context |= figures.read("sales", _sales_context)
    if has_perm("projections.view_ordersummary"):
        context |= figures.read("orders", _orders_context)
    if has_perm("projections.view_activitytimeline"):
        context["activity"] = [(row, datetime_html(row.at)) for row in figures.read("activity", _newest_activity)]
    if has_perm("projection_engine.view_checkpoint"):
        context["flow"] = get_recent("dashboard-health", "flow", read_flow)
    return context


def _newest_activity() -> list[ActivityTimeline]:
    return list(ActivityTimeline.objects.order_by("-position")[:MAX_ACTIVITY_ROWS])


def _orders_context() -> dict[str, Any]:
    statuses = OrderSummary.objects.order_by().values_list("status").annotate(orders=Count("*"))
    labelled = [(status, OrderSummary.Status(status).label, count) for status, count in sorted(statuses)]
    return {"tasks": _open_tasks(), "statuses": labelled}


def _open_tasks() -> list[tuple[str, str, int]]:
    """The orders that wait for a person: the filter's value, its title and how many, where there are any."""
    counts = [
        (name, TaskFilter.tasks[name][0], OrderSummary.objects.filter(TaskFilter.tasks[name][1]).count())
        for name in ("review", "return")
    ]
    return [task for task in counts if task[2]]


def _sales_context() -> dict[str, Any]:
    latest = DailySales.objects.order_by("-day").values_list("day", flat=True).first()
    if latest is None:
        return {"empty": True}
    today = timezone.localdate()
    last_day = today if DailySales.objects.filter(day=today).exists() else latest
    since = last_day - timedelta(days=CHART_DAYS - 1)
    rows = list(DailySales.objects.filter(day__gte=since, day__lte=last_day).order_by("day"))
    currencies = sorted({row.currency for row in rows})
    return {
        "day": last_day,
        "is_today": last_day == today,
        "blocks": [
            _currency_block(currency, [row for row in rows if row.currency == currency], last_day)
            for currency in currencies
        ],
    }


def _currency_block(currency: str, rows: list[DailySales], last_day: date) -> dict[str, Any]:
    """Figures and chart of one currency; amounts in different currencies are never added."""
    by_day = {row.day: row for row in rows}
    days = [last_day - timedelta(days=back) for back in range(CHART_DAYS - 1, -1, -1)]
    filled_rows = [(day, by_day.get(day) or DailySales(day=day, currency=currency)) for day in days]
    return {
        "currency": currency,
        "figures": _day_figures(filled_rows[-1][1], filled_rows[-2][1]),
        "chart": net_sales_chart([row for _, row in filled_rows], currency),
        "days": [
            (day, row.orders, *(format_amount(value, currency) for value in (row.gross, row.refunded, row.net)))
            for day, row in reversed(filled_rows)
        ],
    }


def _day_figures(row: DailySales, previous_row: DailySales) -> list[Figure]:
    currency = row.currency

    def amount_figure(name: str, value_of: Callable[[DailySales], Decimal]) -> Figure:
        return Figure(name, format_amount(value_of(row), currency), format_amount(value_of(previous_row), currency))

    return [
        Figure("Orders placed", *(f"{_count_placed_orders(row):,}" for row in (row, previous_row))),
        Figure("Orders paid", f"{row.orders:,}", f"{previous_row.orders:,}"),
        amount_figure("Revenue", lambda row: row.gross),
        amount_figure("Refunds", lambda row: row.refunded),
        amount_figure(
            "Average order",
            lambda row: (row.gross / row.orders).quantize(Decimal("0.01")) if row.orders else Decimal(0),
        ),
    ]


def _count_placed_orders(row: DailySales) -> int:
    begins, ends = midnight(row.day), midnight(row.day + timedelta(days=1))
    return OrderSummary.objects.filter(
        created_at__gte=begins, created_at__lt=ends, kind=OrderSummary.Kind.ORDER, currency=row.currency
    ).count()
