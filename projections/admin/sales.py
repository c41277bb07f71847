"""Days and products in the admin, with totals and a chart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.formatting import amount
from eventshop.admin_console.unfold_adapter import display
from projections.admin.base import RowAdmin
from projections.admin.charts import chart_data
from projections.admin.filters import CurrencyFilter
from projections.admin.search import FoundBySku
from projections.models import DailySales, ProductSales

#: Days on the chart above the list.
CHARTED = 60


@admin.register(DailySales)
class DailySalesAdmin(RowAdmin):
    when_empty = "Nothing was sold yet."
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
        {"currency": currency, "data": net_sales(found, currency)} for currency, found in sorted(by_currency.items())
    ]


def net_sales(days: Iterable[DailySales], currency: str) -> str:
    return chart_data(f"Net sales, {currency}", [(f"{row.day:%-d %b}", row.net) for row in days])


@admin.register(ProductSales)
class ProductSalesAdmin(FoundBySku):
    when_empty = "Nothing was sold yet."
    list_display = ("sku", "description", "units_sold", "units_returned", "units_net", "sold", "back", "left")
    list_filter = (CurrencyFilter,)
    sortable_by = ("sku", "units_net", "left")
    ordering = ("-net",)
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"

    @display(description="gross")
    def sold(self, product: ProductSales) -> str:
        return amount(product.gross, product.currency)

    @display(description="refunded")
    def back(self, product: ProductSales) -> str:
        return amount(product.refunded, product.currency)

    @display(description="net", ordering="net")
    def left(self, product: ProductSales) -> str:
        return amount(product.net, product.currency)
