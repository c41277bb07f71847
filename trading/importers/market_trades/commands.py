"""Builds the commands of an execution; their ids are derived from the file."""

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

#: Public trades name no account, so each market gets an artificial taker account without an effective limit.
NO_LIMIT = Decimal(9_999_999_999)


class ExecutionCommand(Struct, frozen=True):
    """A command ready to be sent, and its rows."""

    rows: Execution
    command: Command
    envelope: Envelope


def import_commands(executions: Iterable[Execution]) -> Iterator[list[ExecutionCommand]]:
    """The commands of one execution after the other; the first execution of a market opens its taker account."""
    opened = set[str]()
    for rows in executions:
        market = rows[0].instrument.code.partition("/")[0]
        opening = [] if market in opened else [_open_account(market, rows)]
        opened.add(market)
        yield [*opening, *_trade_commands(market, rows)]


def taker_account_id(market: str) -> UUID:
    return derive_id("taker-account", market)


def imported_trade_id(code: str, venue_trade_id: str) -> UUID:
    """The id of the trade whose first fill this is; the same symbol is traded on several markets."""
    return derive_id("market-trade", code, venue_trade_id)


def _open_account(market: str, rows: Execution) -> ExecutionCommand:
    currency, account = rows[0].instrument.currency, taker_account_id(market)
    command = OpenAccount(account, f"Takers at {market}", None, currency, NO_LIMIT)
    envelope = Envelope(derive_id("market-account-command", market), actor="import", occurred_at=rows[0].fill.at)
    return ExecutionCommand(rows, command, envelope)


def _trade_commands(market: str, rows: Execution) -> list[ExecutionCommand]:
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
    return [_execution_command(rows, trade, step, command) for step, command in enumerate(commands)]


def _execution_command(rows: Execution, trade: UUID, step: int, command: Command) -> ExecutionCommand:
    envelope = Envelope(
        command_id=derive_id("market-command", trade, step),
        actor="import",
        occurred_at=rows[0].fill.at,
        correlation_id=trade,
        sequence_number=step,
        metadata={"line": str(rows[0].line)},
    )
    return ExecutionCommand(rows, command, envelope)
