"""What the store has of some fills, whichever execution they were stored with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import to_recorded_event
from trading.domain.events import MAX_FILLS, Fill, Side, TradeExecuted
from trading.importers.market_trades.commands import ACTOR, imported_trade_id, taker_account_id
from trading.importers.market_trades.parsing import Row

#: By instrument, the venue's number and the side: both sides of a trade may be ours.
StoredFills: TypeAlias = dict[tuple[str, str, Side], Fill]
#: Ids in one statement.
_IDS: Final = 5_000


def load_fills(rows: Sequence[Row], beginnings: Iterable[Row]) -> StoredFills:
    """The stored fills of executions that begin with one of these rows.

    `beginnings` are rows before which the file has none: they may be the rest of an execution that began earlier.
    """
    codes = {trade: row.code for row in rows for trade in _trades_with(row.code, row.fill.venue_trade_id)}
    for row in beginnings:
        earlier = range(max(row.number - MAX_FILLS, 0), row.number)
        codes |= {trade: row.code for number in earlier for trade in _trades_with(row.code, str(number))}
    ids, stored = list(codes), StoredFills()
    for start in range(0, len(ids), _IDS):
        stored |= _fills_of(ids[start : start + _IDS], codes)
    return stored


def find_known_markets(markets: Collection[str]) -> set[str]:
    """Those of some markets of which trades are stored: each has its account. The others need no look at the store."""
    accounts = {taker_account_id(market): market for market in markets}
    opened = StoredEvent.objects.filter(aggregate_id__in=list(accounts), version=1)
    return {accounts[account] for account in opened.values_list("aggregate_id", flat=True)}


def _fills_of(trades: Sequence[UUID], codes: dict[UUID, str]) -> StoredFills:
    placeholders = ", ".join(["%s"] * len(trades))
    rows = backend().select_events(
        f"WHERE aggregate_id IN ({placeholders}) AND event_type = %s AND actor = %s", (*trades, "TradeExecuted", ACTOR)
    )
    fills = StoredFills()
    for row in rows:
        event: TradeExecuted = to_recorded_event(row, registry).event
        code, side = codes[row.aggregate_id], event.deal.side
        fills |= {(code, fill.venue_trade_id, side): fill for fill in event.fills}
    return fills


def _trades_with(code: str, venue_trade_id: str) -> list[UUID]:
    """The trades that may begin with this fill."""
    return [imported_trade_id(code, venue_trade_id, side) for side in (None, *Side)]
