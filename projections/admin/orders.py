"""Admin pages of orders and their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.formatting import EMPTY_VALUE, format_amount, datetime_html
from eventshop.admin_console.registry import Link, register_row_page_finder, register_stream_finder
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, RangeNumericFilter, display
from orders.admin.orders import OrderActions
from projections.admin import people
from projections.admin.filters import CountryFilter, CurrencyFilter, DaysFilter
from projections.admin.search import SearchByReference
from projections.models import OrderLine, OrderSummary
from projections.timeline import event_timeline

_COLOURS = {
    "Created": "info",
    "Paid": "primary",
    "Shipped": "warning",
    "Delivered": "success",
    "Cancelled": "danger",
}


@admin.register(OrderSummary)
class OrderSummaryAdmin(OrderActions, SearchByReference):
    empty_message = "Nobody has ordered yet."
    list_display = (
        "reference",
        "state",
        "ordered",
        "customer",
        "country",
        "units",
        "worth",
        "given_back",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        CountryFilter,
        CurrencyFilter,
        ("created_at", DaysFilter),
        ("total", RangeNumericFilter),
    )
    list_filter_submit = True
    owner_column = "customer_id"
    search_help_text = "Order number, order id or customer id"
    sortable_by = ("ordered", "reference")
    ordering = ("-created_at", "-order_id")
    date_hierarchy = "created_at"
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    change_form_template = "projections/order.html"

    def detail_context(self, request: HttpRequest, obj: OrderSummary) -> dict[str, Any]:
        timeline = event_timeline(obj.order_id)
        lines = OrderLine.objects.filter(order_id=obj.order_id).order_by("line")
        return {
            "order": obj,
            "title": f"{obj.get_kind_display()} {obj.reference}",
            "subtitle": obj.get_status_display(),
            "money": [
                (text, format_amount(value, obj.currency))
                for text, value in (("Total", obj.total), ("Paid", obj.paid), ("Refunded", obj.refunded))
            ],
            "times": [
                (text, datetime_html(moment))
                for text, moment in (
                    ("Created", obj.created_at),
                    ("Paid", obj.paid_at),
                    ("Shipped", obj.shipped_at),
                    ("Delivered", obj.delivered_at),
                    ("Cancelled", obj.cancelled_at),
                )
                if moment is not None
            ],
            "lines": [
                (line, format_amount(line.price, line.currency), format_amount(line.amount, line.currency))
                for line in lines
            ],
            "customer": people.customer_link(obj.customer_id, obj.currency),
            "story": timeline,
            "behind": max(0, (timeline[-1].version if timeline else 0) - obj.last_version),
        }

    @display(description="status", label=_COLOURS)
    def state(self, order: OrderSummary) -> str:
        return order.get_status_display()

    @display(description="ordered", ordering="-created_at")
    def ordered(self, order: OrderSummary) -> str | SafeString:
        return datetime_html(order.created_at)

    @display(description="customer")
    def customer(self, order: OrderSummary) -> str | SafeString:
        return people.customer_link(order.customer_id, order.currency)

    @display(description="total")
    def worth(self, order: OrderSummary) -> str:
        return format_amount(order.total, order.currency)

    @display(description="refunded")
    def given_back(self, order: OrderSummary) -> str:
        return format_amount(order.refunded, order.currency) if order.refunded else EMPTY_VALUE


@register_row_page_finder
def find_order_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """From the stream of an order to its row."""
    if aggregate_type != "Order":
        return None
    order = OrderSummary.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_ordersummary_change", args=(aggregate_id,))
    return Link(f"Order {order.reference}", url) if order else None


@register_stream_finder
def find_orders(reference: str) -> list[UUID]:
    return list(OrderSummary.objects.filter(reference=reference).values_list("pk", flat=True)[:50])
