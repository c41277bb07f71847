"""The commands that an execution leads to, each with an id that follows from the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from trading.domain.commands import ExecuteTrade, OpenAccount, SubmitTrade
from trading.domain.events import OrderType, volume
from trading.importers.market_trades.executions import Execution

#: The accounts are made up, for public trades have none; they never trade themselves.
NO_LIMIT = Decimal(9_999_999_999)


class Letter(Struct, frozen=True):
    """A command ready to be sent, and the rows it comes from."""

    rows: Execution
    command: Command
    envelope: Envelope


def letters(executions: Iterable[Execution]) -> Iterator[list[Letter]]:
    """The letters of one execution after the other; a market's account is opened before its first."""
    opened = set[str]()
    for rows in executions:
        market = rows[0].instrument.code.partition("/")[0]
        found = [] if market in opened else [_open_account(market, rows)]
        opened.add(market)
        yield [*found, *_trade_commands(market, rows)]


def taker_account_id(market: str) -> UUID:
    return derive_id("taker-account", market)


def imported_trade_id(code: str, venue_trade_id: str) -> UUID:
    """Of the execution that begins with this fill; the same symbol trades on several markets."""
    return derive_id("market-trade", code, venue_trade_id)


def _open_account(market: str, rows: Execution) -> Letter:
    currency, account = rows[0].instrument.currency, taker_account_id(market)
    command = OpenAccount(account, f"Takers at {market}", None, currency, NO_LIMIT)
    envelope = Envelope(derive_id("market-account-command", market), actor="import", occurred_at=rows[0].fill.at)
    return Letter(rows, command, envelope)


def _trade_commands(market: str, rows: Execution) -> list[Letter]:
    first = rows[0]
    number = first.fill.venue_trade_id
    trade, fills = imported_trade_id(first.instrument.code, number), tuple(row.fill for row in rows)
    submit = SubmitTrade(
        trade_id=trade,
        reference=f"{first.instrument.code} {number}",
        account_id=taker_account_id(market),
        instrument=first.instrument,
        side=first.side,
        type=OrderType.MARKET,
        quantity=volume(fills),
    )
    commands: list[Command] = [submit, ExecuteTrade(trade, fills)]
    return [_letter(rows, trade, step, command) for step, command in enumerate(commands)]


def _letter(rows: Execution, trade: UUID, step: int, command: Command) -> Letter:
    envelope = Envelope(
        command_id=derive_id("market-command", trade, step),
        actor="import",
        occurred_at=rows[0].fill.at,
        correlation_id=trade,
        sequence_number=step,
        metadata={"line": str(rows[0].line)},
    )
    return Letter(rows, command, envelope)
