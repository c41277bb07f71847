"""Market orders and fills for tests, sent as commands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from trading.application.instruments import get_instrument
from trading.domain.commands import ExecuteTrade, SubmitTrade
from trading.domain.events import Fill, OrderType, Side

ACCOUNT_ID = derive_id("test-account", "desk")
BTC = "BINANCE_SPOT/BTCUSDT"
OCCURRED_AT = datetime(2026, 1, 30, 12, 0, 30, tzinfo=UTC)


def submit_trade(
    reference: str,
    *fills: tuple[str, str],
    side: Side = Side.BUY,
    ordered: str | None = None,
    code: str = BTC,
    account: UUID = ACCOUNT_ID,
) -> UUID:
    """Submit a market order and its fills, each a pair of price and quantity; returns the trade id."""
    trade_id = derive_id("test-trade", reference)
    quantity = Decimal(ordered) if ordered else sum((Decimal(size) for _, size in fills), Decimal(0))
    submit = SubmitTrade(trade_id, reference, account, get_instrument(code), side, OrderType.MARKET, quantity)
    send(submit, envelope=Envelope(new_id(), actor="ada", occurred_at=OCCURRED_AT))
    if fills:
        reported = tuple(
            Fill(f"{reference}-{place}", Decimal(price), Decimal(size), OCCURRED_AT)
            for place, (price, size) in enumerate(fills)
        )
        send(ExecuteTrade(trade_id, reported), envelope=Envelope(new_id(), actor="venue", occurred_at=OCCURRED_AT))
    return trade_id
