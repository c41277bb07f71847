"""Daily sales with totals and a chart, and product sales."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.formatting import format_amount
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from projections.admin.base import RowAdmin
from projections.admin.cached_figures import Figures
from projections.admin.charts import chart_data
from projections.admin.filters import CurrencyFilter
from projections.admin.search import SearchBySku
from projections.models import DailySales, ProductSales

#: Days on a chart above the list.
DAYS_PER_CHART = 60


@admin.register(DailySales)
class DailySalesAdmin(RowAdmin):
    empty_message = "No sale was recorded yet."
    list_display = (
        "day",
        "currency",
        "orders",
        "refunds",
        "units_sold",
        "units_returned",
        "gross_text",
        "refunded_text",
        "net_text",
    )
    list_filter = (CurrencyFilter,)
    sortable_by = ("day",)
    ordering = ("-day", "currency")
    date_hierarchy = "day"
    change_list_template = "projections/list.html"
    list_before_template = "projections/sales.html"
    fieldsets = (
        section("Day", "day", "currency", "orders", "refunds", "units_sold", "units_returned"),
        section("Amounts", "gross_text", "refunded_text", "net_text"),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            days = context["cl"].queryset
            context |= Figures(["daily-sales"]).read("daily-sales", lambda: totals_and_charts(days), request.GET)
        return response

    @display(description="gross", number=True)
    def gross_text(self, day: DailySales) -> str:
        return format_amount(day.gross, day.currency)

    @display(description="refunded", number=True)
    def refunded_text(self, day: DailySales) -> str:
        return format_amount(day.refunded, day.currency)

    @display(description="net", number=True)
    def net_text(self, day: DailySales) -> str:
        return format_amount(day.net, day.currency)


def totals_and_charts(days: QuerySet[DailySales]) -> dict[str, Any]:
    """What is shown above the list of these days."""
    return {"totals": sum_by_currency(days), "charts": sales_charts(days.order_by("-day")[:DAYS_PER_CHART])}


def sum_by_currency(days: QuerySet[DailySales]) -> list[dict[str, Any]]:
    """One row per currency: amounts in different currencies are never added."""
    sums: QuerySet[DailySales, Any] = (
        days.order_by("currency")
        .values("currency")
        .annotate(**{f"all_{name}": Sum(name) for name in ("orders", "refunds", "gross", "refunded", "net")})
    )
    return [
        {
            "currency": row["currency"],
            "orders": row["all_orders"],
            "refunds": row["all_refunds"],
            **{name: format_amount(row[f"all_{name}"], row["currency"]) for name in ("gross", "refunded", "net")},
        }
        for row in sums
    ]


def sales_charts(days: Iterable[DailySales]) -> list[dict[str, str]]:
    """One chart of net sales per currency, oldest day first."""
    by_currency: dict[str, list[DailySales]] = {}
    for day in days:
        by_currency.setdefault(day.currency, []).insert(0, day)
    return [
        {"currency": currency, "data": net_sales_chart(rows, currency)}
        for currency, rows in sorted(by_currency.items())
    ]


def net_sales_chart(days: Iterable[DailySales], currency: str) -> str:
    """The chart data of the net sales of these days."""
    return chart_data(f"Net sales, {currency}", [(f"{row.day:%-d %b}", row.net) for row in days])


@admin.register(ProductSales)
class ProductSalesAdmin(SearchBySku):
    empty_message = "No sale was recorded yet."
    list_display = (
        "sku",
        "description",
        "units_sold",
        "units_returned",
        "units_net",
        "gross_text",
        "refunded_text",
        "net_text",
    )
    list_filter = (CurrencyFilter,)
    sortable_by = ("sku", "units_net", "net_text")
    ordering = ("-net",)
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Product", "sku", "description", "units_sold", "units_returned", "units_net"),
        section("Amounts", "gross_text", "refunded_text", "net_text"),
    )

    @display(description="gross", number=True)
    def gross_text(self, product: ProductSales) -> str:
        return format_amount(product.gross, product.currency)

    @display(description="refunded", number=True)
    def refunded_text(self, product: ProductSales) -> str:
        return format_amount(product.refunded, product.currency)

    @display(description="net", ordering="net", number=True)
    def net_text(self, product: ProductSales) -> str:
        return format_amount(product.net, product.currency)
