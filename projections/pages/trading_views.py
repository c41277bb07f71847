"""A trader's lists: the blotter and the positions, of their own accounts only."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer
from projections.models import MarketMinute, Position, TradeBlotter, TradingAccount

ON_A_PAGE: Final = 20
#: The blotter is narrowed by these, each one value.
FILTERS: Final = ("status", "side", "instrument", "account")


def last_price(code: str) -> Decimal | None:
    """The highest price of the latest minute in which this instrument was traded."""
    newest = MarketMinute.objects.filter(instrument=code, high__isnull=False).order_by("-minute")
    return newest.values_list("high", flat=True).first()


def accounts_of(person: UUID) -> list[UUID]:
    rows = TradingAccount.objects.filter(owner_id=person).order_by("reference", "account_id")
    return list(rows.values_list("account_id", flat=True))


@require_safe
@customer
def blotter(request: HttpRequest, person: UUID) -> HttpResponse:
    """Every trade of one's accounts, the newest first; it waits for what has just been done."""
    current = read_your_writes.caught_up(request, "trade-blotter")
    accounts = list(TradingAccount.objects.filter(owner_id=person).order_by("reference", "account_id"))
    chosen = {name: value for name in FILTERS if (value := request.GET.get(name, "").replace("\0", "")[:100])}
    trades = TradeBlotter.objects.filter(account_id__in=[it.account_id for it in accounts])
    page = Paginator(_narrowed(trades, chosen, accounts), ON_A_PAGE).get_page(request.GET.get("page"))
    query = QueryDict(mutable=True)
    query.update(chosen)
    context = {
        "page": page,
        "current": current,
        "accounts": accounts,
        "chosen": chosen,
        "query": query.urlencode(),
        "statuses": TradeBlotter.Status.choices,
        "instruments": sorted(set(trades.order_by().values_list("instrument", flat=True))),
    }
    return render(request, "trading/blotter.html", context)


def _narrowed(
    trades: QuerySet[TradeBlotter], chosen: dict[str, str], accounts: list[TradingAccount]
) -> QuerySet[TradeBlotter]:
    for name in ("status", "side", "instrument"):
        if name in chosen:
            trades = trades.filter(**{name: chosen[name]})
    if "account" in chosen:
        # An account that is not one's own is none.
        trades = trades.filter(account_id__in=[it.pk for it in accounts if str(it.pk) == chosen["account"]])
    return trades.order_by("-submitted_at", "-trade_id")


@require_safe
@customer
def positions(request: HttpRequest, person: UUID) -> HttpResponse:
    """What one's accounts hold, at which cost, and what that has earned."""
    current = read_your_writes.caught_up(request, "position")
    names = dict(TradingAccount.objects.filter(owner_id=person).values_list("account_id", "reference"))
    rows = Position.objects.filter(account_id__in=names).order_by("instrument", "account_id")
    held = [(row, names[row.account_id]) for row in rows]
    return render(request, "trading/positions.html", {"held": held, "current": current, "accounts": names})
