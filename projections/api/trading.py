"""The API resources of trades, positions, market minutes and trading accounts."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from eventshop.web.api.resource import ParentRow, Resource
from projections.models import MarketMinute, Position, TradeBlotter, TradingAccount

_OWNED: Final = ParentRow("account_id", TradingAccount, owner="owner_id")


def _in_currency(*columns: str) -> tuple[tuple[str, str], ...]:
    """These columns are amounts in the row's currency."""
    return tuple((column, "currency") for column in columns)


def _trades_of(accounts: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    return TradeBlotter.objects.filter(account_id__in=accounts).order_by().values_list("pk", flat=True)


TRADES: Final = Resource(
    TradeBlotter,
    "trade-blotter",
    "trades:read",
    ordering="-submitted_at",
    orderings=("submitted_at", "updated_at"),
    moving=("updated_at",),
    filters=("account_id", "instrument", "status", "side", "reference", "needs_review"),
    time="submitted_at",
    parent=_OWNED,
    one_stream=True,
    search=("reference", "instrument"),
    amounts=(*_in_currency("limit_price", "notional", "average_price"), ("fees", "fee_currency")),
)
POSITIONS: Final = Resource(
    Position,
    "position",
    "trades:read",
    ordering="instrument",
    orderings=("instrument", "id"),
    filters=("account_id", "instrument"),
    time="updated_at",
    parent=_OWNED,
    search=("instrument",),
    streams=lambda rows: TradeBlotter.objects.filter(account_id__in=rows.values("account_id")).values_list(
        "pk", flat=True
    ),
    amounts=(
        *_in_currency("open_cost", "realised", "fifo_open_cost", "fifo_realised", "bought_notional", "sold_notional"),
        *_in_currency("fees", "net_realised", "fifo_net_realised"),
        ("average_cost", "price_currency"),
        ("fifo_average_cost", "price_currency"),
    ),
)
MINUTES: Final = Resource(
    MarketMinute,
    "market-minute",
    "trades:read",
    "-minute",
    ("minute", "instrument"),
    ("instrument",),
    time="minute",
    amounts=_in_currency("notional", "vwap", "low", "high"),
)
ACCOUNTS: Final = Resource(
    TradingAccount,
    "trading-account",
    "trades:read",
    ordering="-opened_at",
    orderings=("opened_at", "updated_at", "reference"),
    moving=("updated_at",),
    filters=("owner_id", "currency", "reference"),
    time="opened_at",
    owner="owner_id",
    one_stream=True,
    search=("reference",),
    amounts=_in_currency("gross_limit", "frozen"),
)
