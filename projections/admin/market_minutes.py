"""Market minutes, with charts of price and volume."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from eventshop.admin_console.formatting import EMPTY_VALUE
from eventshop.admin_console.list_filters import ValuesFilter
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.core.decimal_math import format_plain
from projections.admin.base import RowAdmin
from projections.admin.charts import chart_data
from projections.admin.filters import DaysFilter
from projections.models import MarketMinute

#: Minutes on the charts of one instrument.
MINUTES_PER_CHART = 60
#: Instruments with charts above the list; the filter shows the charts of others.
MAX_INSTRUMENTS = 6


class InstrumentFilter(ValuesFilter):
    title = "instrument"
    parameter_name = "instrument"
    values_model = MarketMinute


def format_exact(value: Decimal | None) -> str:
    """The number with all its digits and no trailing zeros. A dash for None."""
    return EMPTY_VALUE if value is None else f"{Decimal(format_plain(value)):,f}"


@admin.register(MarketMinute)
class MarketMinuteAdmin(RowAdmin):
    empty_message = "No trade was executed yet."
    list_display = (
        "instrument",
        "minute",
        "trades",
        "volume_text",
        "notional_text",
        "vwap_text",
        "low_text",
        "high_text",
        "currency",
    )
    list_filter = (InstrumentFilter, ("minute", DaysFilter))
    list_filter_submit = True
    sortable_by = ("minute",)
    ordering = ("-minute", "instrument")
    change_list_template = "projections/list.html"
    list_before_template = "projections/market.html"
    fieldsets = (
        section("Minute", "instrument", "minute", "trades", "volume_text", "notional_text"),
        section("Prices", "vwap_text", "low_text", "high_text", "currency"),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context |= {"markets": market_charts(context["cl"].queryset)}
        return response

    @display(description="volume")
    def volume_text(self, row: MarketMinute) -> str:
        return format_exact(row.volume)

    @display(description="notional")
    def notional_text(self, row: MarketMinute) -> str:
        return format_exact(row.notional)

    @display(description="VWAP")
    def vwap_text(self, row: MarketMinute) -> str:
        return format_exact(row.vwap)

    @display(description="low")
    def low_text(self, row: MarketMinute) -> str:
        return format_exact(row.low)

    @display(description="high")
    def high_text(self, row: MarketMinute) -> str:
        return format_exact(row.high)


def market_charts(minutes: QuerySet[MarketMinute]) -> list[dict[str, str]]:
    """Charts of price and volume for each listed instrument, oldest minute first."""
    by_instrument: dict[str, list[MarketMinute]] = {}
    for row in minutes.order_by("-minute")[: MINUTES_PER_CHART * MAX_INSTRUMENTS]:
        by_instrument.setdefault(row.instrument, []).insert(0, row)
    return [
        {
            "instrument": instrument,
            "price": _chart(f"VWAP, {rows[0].currency}", [(row, row.vwap) for row in rows[-MINUTES_PER_CHART:]]),
            "volume": _chart("Volume", [(row, row.volume) for row in rows[-MINUTES_PER_CHART:]]),
        }
        for instrument, rows in sorted(by_instrument.items())[:MAX_INSTRUMENTS]
    ]


def _chart(label: str, points: list[tuple[MarketMinute, Decimal | None]]) -> str:
    return chart_data(label, [(f"{timezone.localtime(row.minute):%H:%M %Z}", value) for row, value in points])
