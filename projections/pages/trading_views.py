"""A trader's blotter and positions, limited to their own accounts."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer_required
from projections.models import MarketMinute, Position, TradeBlotter, TradingAccount
from projections.position_result import MARK_PRICE, position_result
from trading.application.last_price_port import LastPrices
from trading.domain.cost_basis import CostMethod

PAGE_SIZE: Final = 20
#: Query parameters that filter the blotter, one value each.
FILTERS: Final = ("status", "side", "instrument", "account")


def last_prices_of(code: str) -> LastPrices | None:
    """The lowest and the highest price in the latest minute with a trade in this instrument; None before the first."""
    newest = MarketMinute.objects.filter(instrument=code, high__isnull=False).order_by("-minute")
    for low, high, minute in newest.values_list("low", "high", "minute")[:1]:
        if low is not None and high is not None:  # always so: the query asks for it
            return LastPrices(low, high, minute)
    return None


def account_ids(person: UUID) -> list[UUID]:
    """The ids of a person's accounts, ordered by reference."""
    rows = TradingAccount.objects.filter(owner_id=person).order_by("reference", "account_id")
    return list(rows.values_list("account_id", flat=True))


@require_safe
@customer_required
def blotter(request: HttpRequest, person: UUID) -> HttpResponse:
    """All trades of the person's accounts, newest first; waits for the projection (read your writes)."""
    current = read_your_writes.wait_for_last_write(request, "trade-blotter")
    accounts = list(TradingAccount.objects.filter(owner_id=person).order_by("reference", "account_id"))
    selection = {name: value for name in FILTERS if (value := request.GET.get(name, "").replace("\0", "")[:100])}
    trades = TradeBlotter.objects.filter(account_id__in=[account.account_id for account in accounts])
    page = Paginator(_filter_trades(trades, selection, accounts), PAGE_SIZE).get_page(request.GET.get("page"))
    query = QueryDict(mutable=True)
    query.update(selection)
    context = {
        "page": page,
        "current": current,
        "accounts": accounts,
        "chosen": selection,
        "query": query.urlencode(),
        "statuses": TradeBlotter.Status.choices,
        "instruments": sorted(set(trades.order_by().values_list("instrument", flat=True))),
    }
    return render(request, "trading/blotter.html", context)


def _filter_trades(
    trades: QuerySet[TradeBlotter], filters: dict[str, str], accounts: list[TradingAccount]
) -> QuerySet[TradeBlotter]:
    for name in ("status", "side", "instrument"):
        if name in filters:
            trades = trades.filter(**{name: filters[name]})
    if "account" in filters:
        # Another person's account matches nothing.
        trades = trades.filter(
            account_id__in=[account.pk for account in accounts if str(account.pk) == filters["account"]]
        )
    return trades.order_by("-submitted_at", "-trade_id")


@require_safe
@customer_required
def positions(request: HttpRequest, person: UUID) -> HttpResponse:
    """The positions of the person's accounts: quantity, cost and results by the method of each account."""
    current = read_your_writes.wait_for_last_write(request, "position")
    accounts = {account.account_id: account for account in TradingAccount.objects.filter(owner_id=person)}
    rows = Position.objects.filter(account_id__in=accounts).annotate(mark_price=MARK_PRICE)
    held = [
        (row, account.reference, position_result(row, CostMethod(account.cost_method), row.mark_price))
        for row in rows.order_by("instrument", "account_id")
        for account in [accounts[row.account_id]]
    ]
    return render(request, "trading/positions.html", {"held": held, "current": current, "accounts": accounts})
