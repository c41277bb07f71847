"""Admin pages of orders and their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.formatting import NOTHING, amount, when
from eventshop.admin_console.registry import Link, add_naming, add_row_page
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, RangeNumericFilter, display
from orders.admin.orders import OrderActions
from projections.admin import people
from projections.admin.filters import CountryFilter, CurrencyFilter, DaysFilter
from projections.admin.search import FoundByReference
from projections.models import OrderLine, OrderSummary
from projections.timeline import story

_COLOURS = {
    "Created": "info",
    "Paid": "primary",
    "Shipped": "warning",
    "Delivered": "success",
    "Cancelled": "danger",
}


@admin.register(OrderSummary)
class OrderSummaryAdmin(OrderActions, FoundByReference):
    when_empty = "Nobody has ordered yet."
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

    def page(self, request: HttpRequest, obj: OrderSummary) -> dict[str, Any]:
        told = story(obj.order_id)
        lines = OrderLine.objects.filter(order_id=obj.order_id).order_by("line")
        return {
            "order": obj,
            "title": f"{obj.get_kind_display()} {obj.reference}",
            "subtitle": obj.get_status_display(),
            "money": [
                (text, amount(value, obj.currency))
                for text, value in (("Total", obj.total), ("Paid", obj.paid), ("Refunded", obj.refunded))
            ],
            "times": [
                (text, when(moment))
                for text, moment in (
                    ("Created", obj.created_at),
                    ("Paid", obj.paid_at),
                    ("Shipped", obj.shipped_at),
                    ("Delivered", obj.delivered_at),
                    ("Cancelled", obj.cancelled_at),
                )
                if moment is not None
            ],
            "lines": [(line, amount(line.price, line.currency), amount(line.amount, line.currency)) for line in lines],
            "customer": people.customer_link(obj.customer_id, obj.currency),
            "story": told,
            "behind": max(0, (told[-1].version if told else 0) - obj.last_version),
        }

    @display(description="status", label=_COLOURS)
    def state(self, order: OrderSummary) -> str:
        return order.get_status_display()

    @display(description="ordered", ordering="-created_at")
    def ordered(self, order: OrderSummary) -> str | SafeString:
        return when(order.created_at)

    @display(description="customer")
    def customer(self, order: OrderSummary) -> str | SafeString:
        return people.customer_link(order.customer_id, order.currency)

    @display(description="total")
    def worth(self, order: OrderSummary) -> str:
        return amount(order.total, order.currency)

    @display(description="refunded")
    def given_back(self, order: OrderSummary) -> str:
        return amount(order.refunded, order.currency) if order.refunded else NOTHING


@add_row_page
def order_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """From the stream of an order to its row."""
    if aggregate_type != "Order":
        return None
    order = OrderSummary.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_ordersummary_change", args=(aggregate_id,))
    return Link(f"Order {order.reference}", url) if order else None


@add_naming
def orders_called(reference: str) -> list[UUID]:
    return list(OrderSummary.objects.filter(reference=reference).values_list("pk", flat=True)[:50])
