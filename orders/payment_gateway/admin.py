"""Admin pages of the payment gateway: payments, and the messages that were accepted or refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.event_detail import stream_link
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, format_amount
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import find_row_pages, find_streams
from eventshop.admin_console.row_page import RowLink, link, section
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.core.errors import UnknownCurrency
from eventshop.core.money import from_minor_units
from eventshop.operations.access_log.declarations import Kind, Logged
from orders.models import GatewayMessage, Payment


def _money(minor_units: int | None, currency: str) -> str:
    if minor_units is None:
        return EMPTY_VALUE
    try:
        return format_amount(from_minor_units(minor_units, currency).amount, currency)
    except UnknownCurrency:  # recorded before currencies were checked
        return f"{minor_units} minor units of {currency}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    access = Logged(Kind.ROWS)
    empty_message = "No payment has been requested from the payment gateway yet."
    list_display = ("key", "what", "money", "state", "why", "order", "reference", "requested_time", "ended_time")
    list_display_links = ("key",)
    list_filter = (("status", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter))
    search_fields = ("key",)
    search_help_text = "Key, order id or number; the payment's id; the charge of a capture, void or refund"
    sortable_by = ()
    ordering = ("-asked_at",)
    fieldsets = (
        section("Payment", "what", "money", "method", "state", "why", "captures"),
        section("Times", "requested_time", "ended_time"),
        section("Belongs to", "order_page", "payment_id", "charge_link"),
        section("At the gateway", "key", "reference"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        key = _uuid(search_term)
        if key is None:
            return queryset.filter(order_id__in=find_streams(search_term.strip())[:50]), False
        return queryset.filter(Q(pk=key) | Q(order_id=key) | Q(payment_id=key) | Q(charge=key)), False

    @display(description="what", label=True)
    def what(self, payment: Payment) -> str:
        return payment.get_kind_display()

    @display(description="amount")
    def money(self, payment: Payment) -> str:
        return _money(payment.amount, payment.currency)

    @display(
        description="status",
        label={
            "Succeeded": "success",
            "Declined": "danger",
            "Pending": "warning",
            "Authorised": "info",
            "Requested": "info",
        },
    )
    def state(self, payment: Payment) -> str:
        return payment.get_status_display()

    @display(description="why")
    def why(self, payment: Payment) -> str:
        return payment.reason or payment.trouble or EMPTY_VALUE

    @display(description="order")
    def order(self, payment: Payment) -> str | SafeString:
        if payment.order_id is None:
            return EMPTY_VALUE
        return stream_link(payment.order_id)

    @display(description="order")
    def order_page(self, payment: Payment) -> str | SafeString:
        if payment.order_id is None:
            return EMPTY_VALUE
        pages = find_row_pages("Order", payment.order_id)
        return link(pages[0].url, pages[0].text) if pages else stream_link(payment.order_id)

    @display(description="of the charge")
    def charge_link(self, payment: Payment) -> str | RowLink:
        return RowLink(Payment, payment.charge, str(payment.charge)) if payment.charge else EMPTY_VALUE

    @display(description="requested")
    def requested_time(self, payment: Payment) -> str | SafeString:
        return datetime_html(payment.asked_at)

    @display(description="ended")
    def ended_time(self, payment: Payment) -> str | SafeString:
        return datetime_html(payment.ended_at)


@admin.register(GatewayMessage)
class GatewayMessageAdmin(ReadOnlyAdmin):
    access = Logged(Kind.ROWS)
    empty_message = "The payment gateway has not sent any message yet."
    list_display = ("last", "verdict_label", "source", "code", "why", "about", "payment", "money", "times")
    list_display_links = ("last",)
    list_filter = (("verdict", ChoicesDropdownFilter), ("source", ChoicesDropdownFilter))
    search_fields = ("key",)
    search_help_text = "Payment key or webhook id"
    sortable_by = ()
    ordering = ("-last_at",)
    fieldsets = (
        section("Verdict", "verdict_label", "code", "why"),
        section("Message", "source", "about", "payment", "money", "notice_id", "body_hash", "begins"),
        section("Times", "times", "first", "last"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        key = _uuid(text)
        if key is not None:
            return queryset.filter(key=key), False
        return (queryset.filter(same_as=f"accepted:{text}") if text else queryset), False

    @display(description="verdict", label={"Accepted": "success", "Refused": "danger"})
    def verdict_label(self, message: GatewayMessage) -> str:
        return message.get_verdict_display()

    @display(description="payment")
    def payment(self, message: GatewayMessage) -> str | SafeString:
        if message.key is None:
            return EMPTY_VALUE
        url = f"{reverse('admin:orders_payment_changelist')}?q={message.key}"
        return format_html('<a class="es-link" href="{}">…{}</a>', url, str(message.key)[-8:])

    @display(description="amount named")
    def money(self, message: GatewayMessage) -> str:
        return _money(message.amount, message.currency)

    @display(description="first came")
    def first(self, message: GatewayMessage) -> str | SafeString:
        return datetime_html(message.first_at)

    @display(description="last came")
    def last(self, message: GatewayMessage) -> str | SafeString:
        return datetime_html(message.last_at)
