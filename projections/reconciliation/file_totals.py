"""The control totals of a file of sales, computed from its rows alone: counts and sums that need no matching."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from projections.reconciliation.control_totals import digest, rank
from projections.reconciliation.sales_file import SalesRow

#: Kinds of rows that are a sale or take one back.
TRADED: Final = ("sale", "cancel")
ZERO: Final = Decimal(0)


def file_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    """Every total by its name in the control totals."""
    return (
        _row_totals(rows) | _invoice_totals(rows) | _money_totals(rows) | _customer_totals(rows) | _product_totals(rows)
    )


def period_totals(rows: Sequence[SalesRow], length: int) -> dict[str, list[Any]]:
    """Per day (10) or month (7): rows, sale invoices, cancel invoices, gross, refunds, net."""
    by_period = defaultdict[str, list[SalesRow]](list)
    for row in rows:
        by_period[row.at[:length]].append(row)
    return {period: _period(of_period) for period, of_period in by_period.items()}


def _period(rows: Sequence[SalesRow]) -> list[Any]:
    gross, refunds = _sum_of(rows, "sale"), _sum_of(rows, "cancel")
    return [len(rows), len(_invoices(rows, "sale")), len(_invoices(rows, "cancel")), gross, refunds, gross + refunds]


def _row_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    kinds = Counter(row.kind for row in rows)
    return {
        "rows": len(rows),
        **{f"rows_by_kind.{kind}": count for kind, count in kinds.items()},
        "rows_without_customer": sum(not row.customer for row in rows),
        "rows_price_zero": sum(not Decimal(row.cells[5]) for row in rows),
        "rows_blank_description": sum(not row.cells[2].strip() for row in rows),
        "exact_duplicate_rows": len(rows) - len({row.cells for row in rows}),
        "repeat_stockcode_lines_in_invoice": len(rows) - len({row.cells[:2] for row in rows}),
        "cancel_line_matching.no_customer": sum(row.kind == "cancel" and not row.customer for row in rows),
    }


def _invoice_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    kinds, times = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for row in rows:
        kinds[row.invoice].add(row.kind)
        times[row.invoice].add(row.at)
    return {
        "invoices": len(kinds),
        **{f"invoices_{kind}": len(_invoices(rows, kind)) for kind in ("sale", "cancel", "adjust", "baddebt")},
        "invoices_mixed_kind": sum(len(kinds_of_one) > 1 for kinds_of_one in kinds.values()),
        "invoices_two_timestamps": sum(len(times_of_one) > 1 for times_of_one in times.values()),
        "invoices_without_customer": len({row.invoice for row in rows if not row.customer}),
        "max_lines_in_invoice": max(Counter(row.invoice for row in rows).values(), default=0),
        "countries": len({row.country for row in rows}),
        "days": len({row.at[:10] for row in rows}),
        "first": min((row.at for row in rows), default=""),
        "last": max((row.at for row in rows), default=""),
    }


def _money_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    gross, refunds = _sum_of(rows, "sale"), _sum_of(rows, "cancel")
    days = period_totals(rows, 10)
    return {
        "gross_sales": gross,
        "refunds": refunds,
        "net_revenue": gross + refunds,
        "baddebt": _sum_of(rows, "baddebt"),
        "sum_all_rows": sum((row.amount for row in rows), ZERO),
        **{
            f"units_by_kind.{kind}": sum(row.quantity for row in rows if row.kind == kind)
            for kind in ("sale", "cancel", "adjust")
        },
        "digest_day_gross": digest({day: values[3] for day, values in days.items()}),
        "digest_day_net": digest({day: values[5] for day, values in days.items()}),
    }


def _customer_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    known = [row for row in rows if row.customer and row.kind in TRADED]
    net = _sum_by(known, lambda row: row.customer, lambda row: row.amount)
    sales = [row for row in known if row.kind == "sale"]
    gross = dict.fromkeys(net, ZERO) | _sum_by(sales, lambda row: row.customer, lambda row: row.amount)
    invoices = Counter(customer for customer, _ in {(row.customer, row.invoice) for row in sales})
    return {
        "customers": len({row.customer for row in rows} - {""}),
        "customers_with_sale_or_cancel": len(net),
        "net_known_customers": sum(net.values(), ZERO),
        "customers_net_negative": sum(value < 0 for value in net.values()),
        "lowest_net": min(rank(net), key=lambda pair: pair[1], default=[]),
        "top5_net": [[name, value, invoices[name]] for name, value in rank(net)[:5]],
        "top5_gross": rank(gross)[:5],
        "digest_customer_net": digest(net),
    }


def _product_totals(rows: Sequence[SalesRow]) -> dict[str, Any]:
    traded = [row for row in rows if row.kind in TRADED]
    sales = [row for row in rows if row.kind == "sale"]
    units = _sum_by(traded, lambda row: row.stock_code, lambda row: row.quantity)
    net = _sum_by(traded, lambda row: row.stock_code, lambda row: row.amount)
    codes = {row.stock_code for row in rows}
    return {
        "stock_codes": len(codes),
        "stock_codes_casefolded": len({code.casefold() for code in codes}),
        "products_sold": len({row.stock_code for row in sales}),
        "products_in_sales_or_cancels": len(units),
        "top5_product_units_sold": rank(_sum_by(sales, lambda row: row.stock_code, lambda row: row.quantity))[:5],
        "top5_product_units_net": rank(units)[:5],
        "top5_product_gross": rank(_sum_by(sales, lambda row: row.stock_code, lambda row: row.amount))[:5],
        "top5_product_net": rank(net)[:5],
        "digest_product_net_units": digest(units),
        "digest_product_net_revenue": digest(net),
    }


def _invoices(rows: Iterable[SalesRow], kind: str) -> set[str]:
    return {row.invoice for row in rows if row.kind == kind}


def _sum_of(rows: Iterable[SalesRow], kind: str) -> Decimal:
    return sum((row.amount for row in rows if row.kind == kind), ZERO)


def _sum_by(
    rows: Iterable[SalesRow], key: Callable[[SalesRow], str], value: Callable[[SalesRow], Any]
) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    for row in rows:
        sums[key(row)] = sums.get(key(row), 0) + value(row)
    return sums
