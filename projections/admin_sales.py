"""Days and products in the admin, with totals and a chart."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse

from eventshop.ops.console.counting import BoundedPaginator
from eventshop.ops.console.read_only import ReadOnlyAdmin
from eventshop.ops.console.readable import amount
from eventshop.ops.console.skin import display
from projections.admin_filters import CurrencyFilter
from projections.models import DailySales, ProductSales
from projections.prefixes import starting_with

#: Days on the chart above the list.
CHARTED = 60


@admin.register(DailySales)
class DailySalesAdmin(ReadOnlyAdmin):
    list_display = ("day", "currency", "orders", "refunds", "units_sold", "units_returned", "sold", "back", "left")
    list_filter = (CurrencyFilter,)
    sortable_by = ("day",)
    ordering = ("-day", "currency")
    date_hierarchy = "day"
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    list_before_template = "projections/sales.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None) or {}
        if "cl" in context:
            days = context["cl"].queryset
            context |= {"totals": totals(days), "charts": charts(days.order_by("-day")[:CHARTED])}
        return answer

    @display(description="gross")
    def sold(self, day: DailySales) -> str:
        return amount(day.gross, day.currency)

    @display(description="refunded")
    def back(self, day: DailySales) -> str:
        return amount(day.refunded, day.currency)

    @display(description="net")
    def left(self, day: DailySales) -> str:
        return amount(day.net, day.currency)


def totals(days: QuerySet[DailySales]) -> list[dict[str, Any]]:
    """One line per currency: amounts in different currencies are never added."""
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
            **{name: amount(row[f"all_{name}"], row["currency"]) for name in ("gross", "refunded", "net")},
        }
        for row in sums
    ]


def charts(days: Iterable[DailySales]) -> list[dict[str, str]]:
    """One chart per currency, oldest day first, as Unfold's chart component takes it."""
    by_currency: dict[str, list[DailySales]] = {}
    for day in days:
        by_currency.setdefault(day.currency, []).insert(0, day)
    return [
        {"currency": currency, "data": chart_data([(f"{day.day:%-d %b}", day.net) for day in found], currency)}
        for currency, found in sorted(by_currency.items())
    ]


def chart_data(points: list[tuple[str, Any]], currency: str) -> str:
    dataset = {
        "label": f"Net sales, {currency}",
        "data": [float(value) for _, value in points],  # drawn, not counted with
        "backgroundColor": "var(--color-primary-600)",
        "maxBarThickness": 18,
    }
    return json.dumps({"labels": [text for text, _ in points], "datasets": [dataset]})


@admin.register(ProductSales)
class ProductSalesAdmin(ReadOnlyAdmin):
    list_display = ("sku", "description", "units_sold", "units_returned", "units_net", "sold", "back", "left")
    list_filter = (CurrencyFilter,)
    search_fields = ("sku",)
    search_help_text = "Product code"
    sortable_by = ("sku", "units_net", "left")
    ordering = ("-net",)
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(starting_with("sku", text)) if text else queryset), False

    @display(description="gross")
    def sold(self, product: ProductSales) -> str:
        return amount(product.gross, product.currency)

    @display(description="refunded")
    def back(self, product: ProductSales) -> str:
        return amount(product.refunded, product.currency)

    @display(description="net", ordering="net")
    def left(self, product: ProductSales) -> str:
        return amount(product.net, product.currency)
