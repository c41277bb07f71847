"""The control totals of a month of sales, computed from the read models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet, Sum

from eventshop.core.deterministic_ids import derive_id
from projections.daily_sales import shop_day
from projections.models import (
    ActivityTimeline,
    CustomerSummary,
    DailySales,
    ExternalId,
    OrderSummary,
    ProductSales,
    StockLevel,
)
from projections.reconciliation.control_totals import digest, rank

CURRENCY: Final = "GBP"
#: The source of the external ids of imported customers.
SOURCE: Final = "online-retail"
#: Event types of cancellation invoices, and those of all invoices.
CANCELLATION_EVENTS: Final = ("ItemsReturned", "CreditNoteIssued")
DOCUMENT_EVENTS: Final = ("OrderCreated", "CreditNoteIssued", "StockWrittenOff")


def sales_totals(customers: Iterable[str]) -> dict[str, Any]:
    """Every total that the read models have. `customers` are the customer numbers of the file."""
    return _money_totals() | _invoice_totals() | _customer_totals(_customer_numbers(customers)) | _product_totals()


def period_totals(length: int) -> dict[str, list[Any]]:
    """Per day (10) or month (7): sale invoices, cancel invoices, gross, refunds, net."""
    cancels = defaultdict[str, set[str]](set)
    for occurred_at, reference in _events(*CANCELLATION_EVENTS).values_list("at", "reference"):
        cancels[shop_day(occurred_at).isoformat()[:length]].add(reference)
    periods: dict[str, list[Any]] = {}
    for row in _days():
        period = periods.setdefault(row.day.isoformat()[:length], [0, 0, Decimal(0), Decimal(0), Decimal(0)])
        for place, value in enumerate((row.orders, 0, row.gross, -row.refunded, row.net)):
            period[place] += value
    for key, period in periods.items():
        period[1] = len(cancels[key])
    return periods


def _money_totals() -> dict[str, Any]:
    days = list(_days())
    gross, net = sum((row.gross for row in days), Decimal(0)), sum((row.net for row in days), Decimal(0))
    return {
        "gross_sales": gross,
        "refunds": -sum((row.refunded for row in days), Decimal(0)),
        "net_revenue": net,
        "units_by_kind.sale": sum(row.units_sold for row in days),
        "units_by_kind.cancel": -sum(row.units_returned for row in days),
        "units_by_kind.adjust": -_sum(_events("StockWrittenOff"), "units"),
        "digest_day_gross": digest({row.day.isoformat(): row.gross for row in days}),
        "digest_day_net": digest({row.day.isoformat(): row.net for row in days}),
    }


def _invoice_totals() -> dict[str, Any]:
    orders = OrderSummary.objects.filter(kind=OrderSummary.Kind.ORDER)
    sale, cancel, adjust = (
        orders.count(),
        _count_documents(_events(*CANCELLATION_EVENTS)),
        _count_documents(_events("StockWrittenOff")),
    )
    anonymous = _events(*DOCUMENT_EVENTS).filter(customer_id=None)
    written_off = _sum(_events("StockWrittenOff"), "lines")
    span = ActivityTimeline.objects.aggregate(first=Min("at"), last=Max("at"))
    return {
        "invoices": sale + cancel + adjust,
        "invoices_sale": sale,
        "invoices_cancel": cancel,
        "invoices_adjust": adjust,
        "invoices_without_customer": _count_documents(anonymous),
        "max_lines_in_invoice": OrderSummary.objects.aggregate(most=Max("lines"))["most"],
        "rows_by_kind.sale": _sum(orders, "lines"),
        "rows_by_kind.adjust": written_off,
        # Exact although a return may merge rows: anonymous customers return nothing, and a credit note keeps its rows.
        "rows_without_customer": _sum(OrderSummary.objects.filter(customer_id=None), "lines") + written_off,
        "countries": OrderSummary.objects.aggregate(n=Count("country", distinct=True))["n"],
        "days": len({shop_day(at) for at in ActivityTimeline.objects.values_list("at", flat=True)}),
        "first": _local_time(span["first"]),
        "last": _local_time(span["last"]),
    }


def _customer_totals(names: Mapping[UUID, str]) -> dict[str, Any]:
    rows = {
        names.get(row.customer_id, str(row.customer_id)): row
        for row in CustomerSummary.objects.filter(currency=CURRENCY)
    }
    net = {name: row.lifetime_value for name, row in rows.items()}
    return {
        "customers": len(rows),
        "customers_with_sale_or_cancel": len(rows),
        "net_known_customers": sum(net.values(), Decimal(0)),
        "customers_net_negative": sum(value < 0 for value in net.values()),
        "lowest_net": min(rank(net), key=lambda pair: pair[1], default=[]),
        "top5_net": [[name, value, rows[name].paid_orders] for name, value in rank(net)[:5]],
        "top5_gross": rank({name: row.spent for name, row in rows.items()})[:5],
        "digest_customer_net": digest(net),
    }


def _customer_numbers(of_file: Iterable[str]) -> dict[UUID, str]:
    """The number of each customer: their external id; in sales imported before there were any, by the derived id."""
    derived = {derive_id("retail-customer", number): number for number in of_file}
    known = ExternalId.objects.filter(kind=ExternalId.Kind.CUSTOMER, source=SOURCE).exclude(value="")
    return derived | {customer: number for customer, number in known.values_list("customer_id", "value") if customer}


def _product_totals() -> dict[str, Any]:
    rows = {row.sku: row for row in ProductSales.objects.filter(currency=CURRENCY)}
    lost = StockLevel.objects.filter(written_off__gt=0).values_list("sku", flat=True)
    codes = rows.keys() | set(lost)
    net, units = {sku: row.net for sku, row in rows.items()}, {sku: row.units_net for sku, row in rows.items()}
    return {
        "stock_codes": len(codes),
        "stock_codes_casefolded": len({code.casefold() for code in codes}),
        "products_sold": sum(row.units_sold > 0 for row in rows.values()),
        "products_in_sales_or_cancels": len(rows),
        "top5_product_units_sold": rank({sku: row.units_sold for sku, row in rows.items()})[:5],
        "top5_product_units_net": rank(units)[:5],
        "top5_product_gross": rank({sku: row.gross for sku, row in rows.items()})[:5],
        "top5_product_net": rank(net)[:5],
        "digest_product_net_units": digest(units),
        "digest_product_net_revenue": digest(net),
    }


def _events(*types: str) -> QuerySet[ActivityTimeline]:
    return ActivityTimeline.objects.filter(event_type__in=types)


def _days() -> QuerySet[DailySales]:
    return DailySales.objects.filter(currency=CURRENCY).order_by("day")


def _count_documents(events: QuerySet[ActivityTimeline]) -> int:
    return events.values("reference").distinct().count()


def _sum(rows: QuerySet[Any], column: str) -> int:
    total: int | None = rows.aggregate(n=Sum(column))["n"]
    return total or 0


def _local_time(moment: datetime | None) -> str:
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
