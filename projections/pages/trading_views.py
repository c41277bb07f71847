"""A trader's positions, and what other apps look up in the read models of trading."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.decimal_math import ZERO, add
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer_required
from projections.models import MarketMinute, Position, TradingAccount
from projections.position_result import MARK_PRICE, PositionResult, position_result
from trading.application.last_price_port import LastPrices
from trading.domain.cost_basis import CostMethod


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


class HeldPosition(NamedTuple):
    """A position with the name of its account, and its result by the account's method."""

    row: Position
    account: str
    result: PositionResult
    #: The length of its bar in the chart, in percent of the longest one in its currency.
    share: Decimal


class Total(NamedTuple):
    """The sums of the positions whose results are in one currency. Positions without a mark price have no value."""

    currency: str
    cost: Decimal
    value: Decimal
    realised: Decimal
    fees: Decimal
    net: Decimal
    unrealised: Decimal
    held: list[HeldPosition]


@require_safe
@customer_required
def positions(request: HttpRequest, person: UUID) -> HttpResponse:
    """The positions of the person's accounts, with a chart and totals; results by the method of each account."""
    current = read_your_writes.wait_for_last_write(request, "position")
    accounts = {account.account_id: account for account in TradingAccount.objects.filter(owner_id=person)}
    rows = Position.objects.filter(account_id__in=accounts).annotate(mark_price=MARK_PRICE)
    held = [
        HeldPosition(row, account.reference, result, ZERO)
        for row in rows.order_by("instrument", "account_id")
        for account in [accounts[row.account_id]]
        for result in [position_result(row, CostMethod(account.cost_method), row.mark_price)]
    ]
    held.sort(key=lambda one: (one.row.instrument, one.account))  # ids are random: nobody expects their order
    currencies = sorted({one.row.currency for one in held})
    totals = [_total(currency, [one for one in held if one.row.currency == currency]) for currency in currencies]
    return render(
        request, "trading/positions.html", {"held": held, "totals": totals, "current": current, "accounts": accounts}
    )


def _total(currency: str, held: list[HeldPosition]) -> Total:
    longest = max(abs(one.result.value or ZERO) for one in held)
    drawn = [one._replace(share=_percent(one.result.value, longest)) for one in held]
    return Total(
        currency,
        reduce(add, (one.result.open_cost for one in held)),
        reduce(add, (one.result.value or ZERO for one in held)),
        reduce(add, (one.result.realised for one in held)),
        reduce(add, (one.result.fees for one in held)),
        reduce(add, (one.result.net for one in held)),
        reduce(add, (one.result.unrealised or ZERO for one in held)),
        drawn,
    )


def _percent(value: Decimal | None, longest: Decimal) -> Decimal:
    """For drawing only."""
    return round(100 * abs(value or ZERO) / longest, 1) if longest else ZERO
