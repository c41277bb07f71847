"""The API resources of orders, sales, stock and people."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from eventshop.web.api.resource import ParentRow, Resource
from orders.api.contents import CONTENTS
from projections.api.order_filters import BrokenRuleFilter, ExternalIdFilter, ToReviewFilter
from projections.models import (
    ActivityTimeline,
    ConsentRegister,
    CustomerSummary,
    DailySales,
    ExternalId,
    OrderLine,
    OrderSummary,
    ProductSales,
    StockLevel,
    UserProfile,
)

_PERSON: Final = (("user_id", "person_id"),)


def _ids(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    return rows.order_by().values_list("pk", flat=True)


ORDERS: Final = Resource(
    OrderSummary,
    "order-summary",
    "orders:read",
    ordering="-created_at",
    orderings=("created_at", "updated_at", "total"),
    moving=("updated_at", "total"),
    filters=("status", "payment_state", "kind", "reference", "customer_id", "country", "currency", "observed"),
    more_filters=(
        ("external_id", ExternalIdFilter(ExternalId.Kind.ORDER, "pk")),
        ("customer_external_id", ExternalIdFilter(ExternalId.Kind.CUSTOMER, "customer_id")),
        ("review", BrokenRuleFilter()),
        ("to_review", ToReviewFilter()),
    ),
    time="created_at",
    owner="customer_id",
    one_stream=True,
    names=(("lines", "line_count"),),
    hidden=("authorisations",),
    search=("reference",),
    contents=CONTENTS,
)
ORDER_LINES: Final = Resource(
    OrderLine,
    "order-lines",
    "orders:read",
    ordering="key",
    orderings=("key", "sku", "amount", "quantity"),
    moving=("sku", "amount", "quantity"),
    filters=("order_id", "sku", "kind", "currency"),
    parent=ParentRow("order_id", OrderSummary, owner="customer_id", time="created_at"),
    names=(("key", "id"),),
    search=("sku",),
    stream="order_id",
)
CUSTOMERS: Final = Resource(
    CustomerSummary,
    "customer-summary",
    "orders:read",
    ordering="-lifetime_value",
    orderings=("lifetime_value", "orders", "spent"),
    moving=("lifetime_value", "orders", "spent"),
    filters=("customer_id", "currency"),
    more_filters=(("external_id", ExternalIdFilter(ExternalId.Kind.CUSTOMER, "customer_id")),),
    time="last_order_at",
    owner="customer_id",
    names=(("key", "id"),),
    streams=lambda rows: OrderSummary.objects.filter(customer_id__in=rows.values("customer_id")).values_list(
        "pk", flat=True
    ),
)
ACTIVITY: Final = Resource(
    ActivityTimeline,
    "activity-timeline",
    "orders:read",
    ordering="-at",
    orderings=("at", "recorded_at", "position"),
    filters=("aggregate_id", "aggregate_type", "event_type", "customer_id", "reference", "correlation_id"),
    time="at",
    search=("reference",),
)
DAILY_SALES: Final = Resource(
    DailySales,
    "daily-sales",
    "sales:read",
    ordering="-day",
    orderings=("day", "net", "gross", "orders"),
    moving=("net", "gross", "orders"),
    filters=("currency",),
    time="day",
    names=(("key", "id"),),
)
PRODUCT_SALES: Final = Resource(
    ProductSales,
    "product-sales",
    "sales:read",
    ordering="-net",
    orderings=("net", "gross", "units_net", "sku"),
    moving=("net", "gross", "units_net"),
    filters=("sku", "currency"),
    names=(("key", "id"),),
    search=("sku", "description"),
    more_filters=(("external_id", ExternalIdFilter(ExternalId.Kind.PRODUCT, "sku")),),
)
STOCK: Final = Resource(
    StockLevel,
    "stock-level",
    "stock:read",
    ordering="sku",
    orderings=("sku", "on_hand", "updated_at"),
    moving=("on_hand", "updated_at"),
    filters=("sku",),
    more_filters=(("external_id", ExternalIdFilter(ExternalId.Kind.PRODUCT, "sku")),),
    time="updated_at",
    one_stream=True,
    stream="stock_item_id",
    search=("sku",),
)
PEOPLE: Final = Resource(
    UserProfile,
    "user",
    "people:read",
    ordering="-created_at",
    orderings=("created_at", "updated_at"),
    moving=("updated_at",),
    filters=("status", "restricted", "source"),
    time="created_at",
    owner="user_id",
    one_stream=True,
    names=_PERSON,
)
CONSENTS: Final = Resource(
    ConsentRegister,
    "consent",
    "people:read",
    ordering="key",
    orderings=("key", "purpose"),
    filters=("user_id", "purpose", "status"),
    time="given_at",
    owner="user_id",
    stream="user_id",
    names=(("key", "id"), *_PERSON),
)
