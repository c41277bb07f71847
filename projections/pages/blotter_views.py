"""A trader's blotter: all trades of their accounts, filtered, sorted, followed live, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Collection
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.decimal_math import ZERO, format_plain, multiply, subtract
from eventshop.operations.completeness import missing_from
from eventshop.runtime.csv_cells import safe_cell
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer_required, is_person
from eventshop.web.shared.incomplete_files import name_file
from projections.models import TradeBlotter, TradingAccount
from projections.position_result import MARK_PRICE
from trading.application.instruments import displayed_listings
from trading.domain.events import Side

PAGE_SIZE: Final = 20
#: Query parameters that filter the blotter, one value each.
FILTERS: Final = ("status", "side", "type", "instrument", "account")
#: The headings that sort, with their columns.
SORTS: Final = {
    "submitted_at": "Placed",
    "instrument": "Instrument",
    "side": "Side",
    "type": "Type",
    "limit_price": "Limit",
    "quantity": "Quantity",
    "executed": "Filled",
    "average_price": "Average",
    "fees": "Fees",
    "status": "State",
}
CSV_COLUMNS: Final = (
    *("trade", "placed", "account", "instrument", "side", "type", "limit_price", "quantity", "filled", "remaining"),
    *("average_price", "unrealised", "fees", "fee_currency", "currency", "state"),
)
_OPEN: Final = (TradeBlotter.Status.OPEN, TradeBlotter.Status.PARTLY_FILLED)


class BlotterRow(NamedTuple):
    """A trade with what can still be filled, and what its fills would bring if they were closed now."""

    trade: TradeBlotter
    remaining: Decimal
    unrealised: Decimal | None
    unrealised_currency: str


class Heading(NamedTuple):
    """A column that sorts: the link that does so, and how the rows are sorted by it now."""

    label: str
    query: str
    order: str


def blotter_marks(people: Collection[UUID]) -> dict[UUID, int]:
    """A number per person that grows with every change to a trade of one of their accounts."""
    trades = TradeBlotter.objects.filter(account_id=OuterRef("account_id")).order_by().values("account_id")
    changes = Subquery(trades.annotate(mark=Sum("last_version")).values("mark"))
    accounts = TradingAccount.objects.filter(owner_id__in=people).annotate(mark=changes)
    marks: dict[UUID, int] = {}
    for person, mark in accounts.values_list("owner_id", "mark"):
        if person:
            marks[person] = marks.get(person, 0) + (mark or 0)
    return marks


#: Live updates of a person's blotter.
blotter_updates: Final = LiveSource("blotter", is_person, blotter_marks)


@require_safe
@customer_required
def blotter(request: HttpRequest, person: UUID) -> HttpResponse:
    """All trades of the person's accounts, newest first; waits for the projection (read your writes)."""
    current = read_your_writes.wait_for_last_write(request, "trade-blotter")
    mark = blotter_marks([person]).get(person, 0)  # read before the rows: a change in between is then reported again
    accounts = list(TradingAccount.objects.filter(owner_id=person).order_by("reference", "account_id"))
    selection = {name: value for name in FILTERS if (value := request.GET.get(name, "").replace("\0", "")[:100])}
    own = TradeBlotter.objects.filter(account_id__in=[account.account_id for account in accounts])
    sort = request.GET.get("sort", "")
    sort = sort if sort.removeprefix("-") in SORTS else "-submitted_at"
    trades = _filter_trades(own, selection, accounts).annotate(mark_price=MARK_PRICE)
    trades = trades.order_by(sort, "-submitted_at", "-trade_id")
    if request.GET.get("format") == "csv":
        return _csv(trades, {account.account_id: account.reference for account in accounts})
    page = Paginator(trades, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_to_row(trade) for trade in page],
        "current": current,
        "person": person,
        "mark": mark,
        "accounts": accounts,
        "chosen": selection,
        "query": _query(selection, sort),
        "headings": _headings(selection, sort),
        "statuses": TradeBlotter.Status.choices,
        "instruments": sorted(set(own.order_by().values_list("instrument", flat=True))),
    }
    return render(request, "trading/blotter.html", context)


def _query(selection: dict[str, str], sort: str) -> str:
    query = QueryDict(mutable=True)
    query.update({**selection, "sort": sort})
    return query.urlencode()


def _headings(selection: dict[str, str], sort: str) -> dict[str, Heading]:
    """By column: the first click on a heading sorts upwards, the next one downwards."""
    column, is_downwards = sort.removeprefix("-"), sort.startswith("-")
    return {
        name: Heading(
            label,
            _query(selection, f"-{name}" if name == column and not is_downwards else name),
            ("descending" if is_downwards else "ascending") if name == column else "",
        )
        for name, label in SORTS.items()
    }


def _filter_trades(
    trades: QuerySet[TradeBlotter], filters: dict[str, str], accounts: list[TradingAccount]
) -> QuerySet[TradeBlotter]:
    for name in ("status", "side", "type", "instrument"):
        if name in filters:
            trades = trades.filter(**{name: filters[name]})
    if "account" in filters:
        # Another person's account matches nothing.
        trades = trades.filter(
            account_id__in=[account.pk for account in accounts if str(account.pk) == filters["account"]]
        )
    return trades


def _to_row(trade: TradeBlotter) -> BlotterRow:
    remaining = max(subtract(trade.quantity, trade.executed), ZERO) if trade.status in _OPEN else ZERO
    mark_price: Decimal | None = trade.mark_price  # type: ignore[attr-defined]
    listing = displayed_listings().get(trade.instrument)
    contract = listing.instrument.contract if listing else None
    currency = contract.currency if contract else trade.currency
    if mark_price is None or not trade.executed or (contract and contract.inverse):
        return BlotterRow(trade, remaining, None, currency)  # the result of a contract paid in coin is its position's
    gain = subtract(multiply(mark_price, trade.executed), trade.notional)
    gain = gain if trade.side == Side.BUY else subtract(ZERO, gain)
    return BlotterRow(trade, remaining, multiply(gain, contract.multiplier) if contract else gain, currency)


def _csv(trades: QuerySet[TradeBlotter], accounts: dict[UUID, str]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name_file(response, "blotter.csv", missing_from(["trade-blotter", "trading-account"]))
    table = csv.writer(response, lineterminator="\n")
    table.writerow(CSV_COLUMNS)
    for row in map(_to_row, trades.iterator()):
        trade = row.trade
        numbers = (
            trade.limit_price,
            trade.quantity,
            trade.executed,
            row.remaining,
            trade.average_price,
            row.unrealised,
            trade.fees,
        )
        cells = (
            *(trade.reference, trade.submitted_at.isoformat(), accounts[trade.account_id], trade.instrument),
            *(trade.side, trade.type, *("" if number is None else format_plain(number) for number in numbers)),
            *(trade.fee_currency, trade.currency, trade.status),
        )
        table.writerow(tuple(map(safe_cell, cells)))
    return response
