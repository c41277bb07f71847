"""The API resources of trades, positions, market minutes and trading accounts."""

from __future__ import annotations

from typing import Final

from projections.api.resource import ParentRow, Resource
from projections.models import MarketMinute, Position, TradeBlotter, TradingAccount

_OWNED: Final = ParentRow("account_id", TradingAccount, owner="owner_id")

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
)
MINUTES: Final = Resource(
    MarketMinute, "market-minute", "trades:read", "-minute", ("minute", "instrument"), ("instrument",), time="minute"
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
)
