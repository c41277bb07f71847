"""Admin pages of orders and their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, format_amount
from eventshop.admin_console.registry import Link
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, RangeNumericFilter, display
from orders.admin.orders import OrderActions
from projections.admin import people
from projections.admin.filters import CountryFilter, CurrencyFilter, DaysFilter, TaskFilter
from projections.admin.order_page import DeliveryReveal, order_sections
from projections.admin.search import SearchableRowAdmin
from projections.external_id_lookup import external_ids_of, find_ids
from projections.models import ExternalId, OrderLine, OrderSummary
from projections.row_lookup import find_order_ids, ids_of
from projections.timeline import event_timeline, follow_stream

_PAYMENT_COLOURS = {
    "Unpaid": "info",
    "Partly paid": "warning",
    "Authorised": "primary",
    "Paid": "success",
    "Overpaid": "danger",
}
_COLOURS = {
    "Created": "info",
    "Paid": "primary",
    "Shipped": "warning",
    "Delivered": "success",
    "Cancelled": "danger",
}


@admin.register(OrderSummary)
class OrderSummaryAdmin(OrderActions, DeliveryReveal, SearchableRowAdmin):
    empty_message = "No order was placed yet."
    list_display = (
        "reference",
        "state",
        "order_time",
        "customer_column",
        "country",
        "payment_badge",
        "units",
        "total_text",
        "refunded_text",
        "marks",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("payment_state", ChoicesDropdownFilter),
        TaskFilter,
        ("kind", ChoicesDropdownFilter),
        CountryFilter,
        CurrencyFilter,
        ("created_at", DaysFilter),
        ("total", RangeNumericFilter),
    )
    list_filter_submit = True
    search_fields = ("reference",)
    search_help_text = "A part of the order number; order or customer id or its end; external id of either"
    sortable_by = ("order_time", "reference")
    ordering = ("-created_at", "-order_id")
    date_hierarchy = "created_at"
    change_list_template = "projections/list.html"
    change_form_template = "projections/order.html"
    actions_detail = (*OrderActions.actions_detail, *DeliveryReveal.actions_detail)

    def search_condition(self, text: str) -> Q:
        customers = [*ids_of(OrderSummary, "customer_id", text), *find_ids(ExternalId.Kind.CUSTOMER, text)]
        condition = Q(pk__in=find_order_ids(text))
        return condition | Q(customer_id__in=customers) if customers else condition

    def detail_context(self, request: HttpRequest, obj: OrderSummary) -> dict[str, Any]:
        timeline = event_timeline(obj.order_id)
        lines = OrderLine.objects.filter(order_id=obj.order_id).order_by("line")
        return order_sections(request, obj) | {
            "order": obj,
            "title": f"{obj.get_kind_display()} {obj.reference}",
            "subtitle": obj.get_status_display(),
            "money": [
                (text, format_amount(value, obj.currency))
                for text, value in (
                    ("Total", obj.total),
                    ("Outstanding", obj.outstanding),
                    ("Set aside on a card", obj.authorised),
                    ("Paid", obj.paid),
                    ("To be refunded", obj.refund_due),
                    ("Refunded", obj.refunded),
                )
                if value or text in ("Total", "Paid")
            ],
            "returns": describe_returns(obj),
            "external_ids": external_ids_of(ExternalId.Kind.ORDER, obj.order_id),
            "times": [
                (text, datetime_html(time))
                for text, time in (
                    ("Created", obj.created_at),
                    ("Paid", obj.paid_at),
                    ("Shipped", obj.shipped_at),
                    ("Delivered", obj.delivered_at),
                    ("Cancelled", obj.cancelled_at),
                    ("Returns closed", obj.returns_closed_at),
                )
                if time is not None
            ],
            "paid_at": datetime_html(obj.paid_at),
            "total": format_amount(obj.total, obj.currency),
            "lines": [
                (line, format_amount(line.price, line.currency), format_amount(line.amount, line.currency))
                for line in lines
            ],
            "customer": people.customer_link(obj.customer_id, obj.currency, request),
            "timeline": timeline,
            **follow_stream(obj.order_id, obj.last_version, obj.status),
        }

    @display(description="status", label=_COLOURS)
    def state(self, order: OrderSummary) -> str:
        return order.get_status_display()

    @display(description="payment", label=_PAYMENT_COLOURS)
    def payment_badge(self, order: OrderSummary) -> str:
        return order.get_payment_state_display()

    @display(description="to do", label={"To review": "danger", "Return to decide": "warning", "Observed": "info"})
    def marks(self, order: OrderSummary) -> str:
        if order.review:
            return "To review"
        if order.returns_to_decide:
            return "Return to decide"
        return "Observed" if order.observed else ""

    @display(description="ordered", ordering="-created_at")
    def order_time(self, order: OrderSummary) -> str | SafeString:
        return datetime_html(order.created_at)

    @display(description="customer")
    def customer_column(self, order: OrderSummary) -> str | SafeString:
        return people.customer_link(order.customer_id, order.currency)

    @display(description="total", number=True)
    def total_text(self, order: OrderSummary) -> str:
        return format_amount(order.total, order.currency)

    @display(description="refunded", number=True)
    def refunded_text(self, order: OrderSummary) -> str:
        return format_amount(order.refunded, order.currency) if order.refunded else EMPTY_VALUE


def find_order_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of an order's row."""
    if aggregate_type != "Order":
        return None
    order = OrderSummary.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_ordersummary_change", args=(aggregate_id,))
    return Link(f"Order {order.reference}", url) if order else None


def describe_returns(order: OrderSummary) -> str:
    """How many returns were asked for, and what became of them; empty if none was."""
    if not order.returns_asked:
        return ""
    waiting = f", {order.returns_to_decide} to decide" if order.returns_to_decide else ""
    return f"{order.returns_asked} asked for, {order.returns_accepted} accepted{waiting}"
