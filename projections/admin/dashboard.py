"""The first page: the shop's day, its last two weeks, and how far the projections are behind."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from eventshop.admin_console.formatting import amount, when
from eventshop.admin_console.list_filters import midnight
from eventshop.operations.saga_health import watch
from eventshop.projections.models import DeadLetter
from projections.admin.projection_lag import progress
from projections.admin.sales import net_sales
from projections.models import ActivityTimeline, DailySales, OrderSummary

DAYS: Final = 14
NEWEST: Final = 10


class Figure(NamedTuple):
    """One number of the day beside the same number of the day before."""

    name: str
    value: str
    before: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What `templates/admin/index.html` shows; each part only to those who may see its list."""
    may = request.user.has_perm
    if may("process.view_saga"):
        found_sagas = watch()
        context |= {
            "sagas": found_sagas,
            "stuck_since": when(found_sagas.since),
            "unheard": when(found_sagas.unheard_since),
        }
    if may("projections.view_dailysales"):
        context |= _sales()
    if may("projections.view_ordersummary"):
        statuses = OrderSummary.objects.order_by().values_list("status").annotate(of_them=Count("*"))
        context["statuses"] = [(status, OrderSummary.Status(status).label, count) for status, count in sorted(statuses)]
    if may("projections.view_activitytimeline"):
        newest = ActivityTimeline.objects.order_by("-position")[:NEWEST]
        context["activity"] = [(row, when(row.at)) for row in newest]
    if may("projection_engine.view_checkpoint"):
        found = progress()
        context |= {"progress": found.by_projection(), "progress_problem": found.problem}
        context["parked"] = DeadLetter.objects.count()
    return context


def _sales() -> dict[str, Any]:
    latest = DailySales.objects.order_by("-day").values_list("day", flat=True).first()
    if latest is None:
        return {"empty": True}
    today = timezone.localdate()
    shown = today if DailySales.objects.filter(day=today).exists() else latest
    since = shown - timedelta(days=DAYS - 1)
    rows = list(DailySales.objects.filter(day__gte=since, day__lte=shown).order_by("day"))
    currencies = sorted({row.currency for row in rows})
    return {
        "day": shown,
        "is_today": shown == today,
        "blocks": [
            _block(currency, [row for row in rows if row.currency == currency], shown) for currency in currencies
        ],
    }


def _block(currency: str, rows: list[DailySales], shown: date) -> dict[str, Any]:
    """The figures and the chart of one currency; amounts in two are never added."""
    by_day = {row.day: row for row in rows}
    days = [shown - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    filled = [(day, by_day.get(day) or DailySales(day=day, currency=currency)) for day in days]
    return {
        "currency": currency,
        "figures": _figures(filled[-1][1], filled[-2][1]),
        "chart": net_sales([row for _, row in filled], currency),
        "days": [
            (day, row.orders, *(amount(value, currency) for value in (row.gross, row.refunded, row.net)))
            for day, row in reversed(filled)
        ],
    }


def _figures(now: DailySales, before: DailySales) -> list[Figure]:
    currency = now.currency

    def money(name: str, of: Any) -> Figure:
        return Figure(name, amount(of(now), currency), amount(of(before), currency))

    return [
        Figure("Orders placed", *(f"{_placed(row):,}" for row in (now, before))),
        Figure("Orders paid", f"{now.orders:,}", f"{before.orders:,}"),
        money("Revenue", lambda row: row.gross),
        money("Refunds", lambda row: row.refunded),
        money(
            "Average order",
            lambda row: (row.gross / row.orders).quantize(Decimal("0.01")) if row.orders else Decimal(0),
        ),
    ]


def _placed(row: DailySales) -> int:
    begins, ends = midnight(row.day), midnight(row.day + timedelta(days=1))
    return OrderSummary.objects.filter(
        created_at__gte=begins, created_at__lt=ends, kind=OrderSummary.Kind.ORDER, currency=row.currency
    ).count()
