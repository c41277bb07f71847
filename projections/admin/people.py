"""Order lines, customers and activities."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label, short_name
from eventshop.admin_console.estimated_pagination import CountedChangeList
from eventshop.admin_console.event_detail import position_link
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, format_amount
from eventshop.admin_console.keyset_pagination import KeysetChangeList
from eventshop.admin_console.row_page import RowLink, link, section
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, DropdownFilter, display
from eventshop.web.api.prefix_filter import prefix_condition
from projections.admin.filters import CurrencyFilter
from projections.admin.person_page import orders_table
from projections.admin.related import may_see, stream_links
from projections.admin.search import SearchableRowAdmin, SearchById
from projections.external_id_lookup import external_ids_of, find_ids
from projections.models import ActivityTimeline, CustomerSummary, ExternalId, OrderLine, OrderSummary, UserProfile
from projections.row_lookup import find_order_ids, ids_of


def customer_link(customer_id: UUID | None, currency: str, request: HttpRequest | None = None) -> str | SafeString:
    """A link to the page of a customer in a currency; only the name for those who may not see customers."""
    if customer_id is None:
        return "anonymous"
    if request is not None and not may_see(request, CustomerSummary):
        return short_name("Customer", customer_id)
    url = reverse("admin:projections_customersummary_change", args=(quote(f"{customer_id}:{currency}"),))
    text = short_name("Customer", customer_id)
    return format_html('<a class="es-link" href="{}" title="{}">{}</a>', url, customer_id, text)


class OrderLineChangeList(CountedChangeList):
    """Adds the order's number to each line."""

    def load_column_data(self, page: list[Any]) -> list[Any]:
        orders = OrderSummary.objects.only("reference").in_bulk({line.order_id for line in page})
        for line in page:
            line.order = orders.get(line.order_id)
        return page


@admin.register(OrderLine)
class OrderLineAdmin(SearchableRowAdmin):
    empty_message = "No order line exists yet."
    list_display = (
        "sku",
        "description",
        "kind",
        "order_column",
        "line",
        "quantity",
        "price_text",
        "amount_text",
        "returned",
    )
    search_fields = ("sku",)
    list_filter = (("kind", ChoicesDropdownFilter),)
    list_filter_submit = True
    search_help_text = "Product code, or number, id or external id of an order"
    sortable_by = ()
    ordering = ("-key",)
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Line of an order", "order_page", "line", "kind", "sku", "description"),
        section("Amounts", "quantity", "price_text", "amount_text", "returned", "damaged"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[OrderLineChangeList]:
        return OrderLineChangeList

    def search_condition(self, text: str) -> Q:
        orders = find_order_ids(text)
        return Q(order_id__in=orders) if orders else prefix_condition("sku", text)

    @display(description="order")
    def order_page(self, line: OrderLine) -> RowLink:
        order = OrderSummary.objects.filter(pk=line.order_id).only("reference").first()
        return RowLink(OrderSummary, line.order_id, order.reference if order else str(line.order_id))

    @display(description="order")
    def order_column(self, line: Any) -> SafeString:
        url = reverse("admin:projections_ordersummary_change", args=(line.order_id,))
        name = line.order.reference if line.order else short_name("Order", line.order_id)
        return format_html('<a class="es-link" href="{}" title="{}">{}</a>', url, line.order_id, name)

    @display(description="price", number=True)
    def price_text(self, line: OrderLine) -> str:
        return format_amount(line.price, line.currency)

    @display(description="amount", number=True)
    def amount_text(self, line: OrderLine) -> str:
        return format_amount(line.amount, line.currency)


@admin.register(CustomerSummary)
class CustomerSummaryAdmin(SearchById):
    empty_message = "No customer has ordered yet."
    list_display = (
        "customer_name",
        "orders",
        "paid_orders",
        "spent_text",
        "refunded_text",
        "lifetime_value_text",
        "last_order_time",
    )
    list_filter = (CurrencyFilter,)
    search_fields = ("customer_id",)
    search_help_text = "Customer id or its end, or external id"
    sortable_by = ("lifetime_value_text", "last_order_time")
    ordering = ("-last_order_at",)
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Customer", "customer_id", "person", "external_ids"),
        section("Money", "lifetime_value_text", "spent_text", "refunded_text", "currency"),
        section("Orders", "orders", "paid_orders", "first_order_at", "last_order_at"),
    )

    def search_condition(self, text: str) -> Q:
        found = [*ids_of(CustomerSummary, "customer_id", text), *find_ids(ExternalId.Kind.CUSTOMER, text)]
        return Q(customer_id__in=found)

    def detail_context(self, request: HttpRequest, obj: CustomerSummary) -> dict[str, Any]:
        return {
            "title": f"{short_name('Customer', obj.customer_id)} in {obj.currency}",
            "stream_links": stream_links(request, obj.customer_id),
            "tables": [orders_table(obj.customer_id, obj.currency)] if may_see(request, OrderSummary) else [],
        }

    @display(description="account")
    def person(self, customer: CustomerSummary) -> str | RowLink:
        if not UserProfile.objects.filter(pk=customer.customer_id).exists():
            return "a guest"
        return RowLink(UserProfile, customer.customer_id, "Person, consents and personal data")

    @display(description="external ids")
    def external_ids(self, customer: CustomerSummary) -> str:
        return ", ".join(external_ids_of(ExternalId.Kind.CUSTOMER, customer.customer_id)) or EMPTY_VALUE

    @display(description="customer")
    def customer_name(self, customer: CustomerSummary) -> str:
        return short_name("Customer", customer.customer_id)

    @display(description="spent", number=True)
    def spent_text(self, customer: CustomerSummary) -> str:
        return format_amount(customer.spent, customer.currency)

    @display(description="refunded", number=True)
    def refunded_text(self, customer: CustomerSummary) -> str:
        return format_amount(customer.refunded, customer.currency)

    @display(description="lifetime value", ordering="lifetime_value", number=True)
    def lifetime_value_text(self, customer: CustomerSummary) -> str:
        return format_amount(customer.lifetime_value, customer.currency)

    @display(description="last order", ordering="last_order_at")
    def last_order_time(self, customer: CustomerSummary) -> str | SafeString:
        return datetime_html(customer.last_order_at)


class LogFilter(DropdownFilter):
    """Selects the activities of a privacy log."""

    title = "log"
    parameter_name = "log"
    logs: Final = {
        "processing": (
            "Processing of personal data",
            ("ProcessingRecorded", "ProcessingRestricted", "ProcessingResumed", "RestrictionLifted"),
        ),
        "access": ("Access to personal data", ("DataAccessed", "DataExported")),
        "erasure": ("Erasures", ("ErasureRequested", "ErasureCancelled", "ErasureBegun", "DataErased")),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.logs.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        log = self.logs.get(self.value() or "")
        return queryset.filter(event_type__in=log[1]) if log else queryset


@admin.register(ActivityTimeline)
class ActivityTimelineAdmin(SearchableRowAdmin):
    empty_message = "No activity was recorded yet."
    list_display = ("summary", "time", "type_badge", "amount_text", "actor_column", "stream_column")
    search_fields = ("aggregate_id",)
    search_help_text = "Order number, or id of an order, customer or event"
    list_filter = (LogFilter,)
    sortable_by = ()
    ordering = ("-position",)
    change_list_template = "console/keyset_list.html"
    fieldsets = (
        section("What happened", "summary", "type_badge", "amount_text", "lines", "units"),
        section("When, and by whom", "at", "recorded_at", "actor_column", "customer"),
        section("The event", "stream_column", "reference", "event_link", "event_id", "correlation"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def search_condition(self, text: str) -> Q:
        identity = parse_uuid(text)
        orders = Q(aggregate_id__in=[identity] if identity else find_order_ids(text))
        return orders | Q(customer_id=identity) | Q(event_id=identity) if identity else orders

    @display(description="happened")
    def time(self, row: ActivityTimeline) -> str | SafeString:
        return datetime_html(row.at)

    @display(description="event", label=True)
    def type_badge(self, row: ActivityTimeline) -> str:
        return row.event_type

    @display(description="by")
    def actor_column(self, row: ActivityTimeline) -> str | SafeString:
        return actor_label(row.actor)

    @display(description="amount", number=True)
    def amount_text(self, row: ActivityTimeline) -> str:
        return EMPTY_VALUE if row.amount is None else format_amount(row.amount, row.currency)

    @display(description="customer")
    def customer(self, row: ActivityTimeline) -> str | RowLink:
        if not (row.customer_id and row.currency):
            return EMPTY_VALUE
        name = short_name("Customer", row.customer_id)
        return RowLink(CustomerSummary, f"{row.customer_id}:{row.currency}", name)

    @display(description="position")
    def event_link(self, row: ActivityTimeline) -> SafeString:
        return position_link(row.position)

    @display(description="correlation")
    def correlation(self, row: ActivityTimeline) -> SafeString:
        return link(reverse("admin:correlation", args=(row.correlation_id,)), str(row.correlation_id))

    @display(description="stream")
    def stream_column(self, row: ActivityTimeline) -> SafeString:
        url = reverse("admin:ops_stream_change", args=(row.aggregate_id,))
        return format_html('<a class="es-link" href="{}">{}, version {}</a>', url, row.aggregate_type, row.version)
