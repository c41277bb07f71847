"""The streams of a person, for the access log: orders, trading accounts and trades."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from projections.models import OrderSummary, TradeBlotter, TradingAccount

#: Of each kind the newest ones.
MAX_STREAMS: Final = 1_000


def streams_of(person: UUID) -> Collection[UUID]:
    """The newest streams of a person, by three indexed queries."""
    orders = OrderSummary.objects.filter(customer_id=person).order_by("-created_at")
    accounts = list(TradingAccount.objects.filter(owner_id=person).values_list("pk", flat=True)[:MAX_STREAMS])
    trades = TradeBlotter.objects.filter(account_id__in=accounts).order_by("-submitted_at")
    return [
        *orders.values_list("pk", flat=True)[:MAX_STREAMS],
        *accounts,
        *trades.values_list("pk", flat=True)[:MAX_STREAMS],
    ]
