"""Builds the commands of an execution; their ids are derived from the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.cli.importing.importer import CommandToSend
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from trading.domain.commands import ExecuteTrade, OpenAccount, SubmitTrade
from trading.domain.events import Instrument, OrderType, Side, volume
from trading.importers.market_trades.executions import Execution
from trading.importers.market_trades.parsing import Row

ACTOR: Final = "import"
#: Public trades name no account, so each market gets an artificial taker account without an effective limit.
NO_LIMIT: Final = Decimal(9_999_999_999)


def taker_account_id(market: str) -> UUID:
    return derive_id("taker-account", market)


def imported_trade_id(code: str, venue_trade_id: str, side: Side | None = None) -> UUID:
    """The id of the trade whose first fill this is; the same symbol is traded on several markets.

    With a side, it is the second trade with this fill: both sides of a trade may be ours.
    """
    return derive_id("market-trade", code, venue_trade_id, *([] if side is None else [side]))


def market_of(row: Row) -> str:
    return row.code.partition("/")[0]


def open_account(first: Row, instrument: Instrument) -> CommandToSend:
    """Open the taker account of a market; `first` is its first row, in this instrument."""
    market = market_of(first)
    command = OpenAccount(taker_account_id(market), f"Takers at {market}", None, instrument.currency, NO_LIMIT)
    return command, Envelope(derive_id("market-account-command", market), actor=ACTOR, occurred_at=first.at)


def trade_commands(rows: Execution, instrument: Instrument, *, is_second: bool = False) -> list[CommandToSend]:
    """`is_second`: the other side of its first fill is a trade of its own."""
    first = rows[0]
    number = first.fill.venue_trade_id
    trade = imported_trade_id(first.code, number, first.side if is_second else None)
    fills = tuple(row.fill for row in rows)
    submit = SubmitTrade(
        trade_id=trade,
        reference=f"{first.code} {number}",
        account_id=taker_account_id(market_of(first)),
        instrument=instrument,
        side=first.side,
        type=OrderType.MARKET,
        quantity=volume(fills),
    )
    commands: list[Command] = [submit, ExecuteTrade(trade, fills)]
    return [(command, _envelope(first, trade, step)) for step, command in enumerate(commands)]


def _envelope(first: Row, trade: UUID, step: int) -> Envelope:
    return Envelope(
        command_id=derive_id("market-command", trade, step),
        actor=ACTOR,
        occurred_at=first.at,
        correlation_id=trade,
        sequence_number=step,
        metadata={"line": str(first.line)},
    )
