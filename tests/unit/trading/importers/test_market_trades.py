"""Parsing a file of public trades, grouping it into executions, and building the import commands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from eventshop.cli.importing.errors import UnreadableFile, WrongHeader
from tests.support.trade_files import TRADED_AT_MS, trade_line, write_trade_file
from trading.domain.commands import ExecuteTrade, OpenAccount, SubmitTrade
from trading.domain.events import MAX_FILLS, Side
from trading.importers.market_trades.commands import ExecutionCommand, import_commands, taker_account_id
from trading.importers.market_trades.executions import group_executions
from trading.importers.market_trades.parsing import parse_file


def commands_of(path: Path) -> list[ExecutionCommand]:
    rows, refused = parse_file(path)
    assert refused == []
    return [command for commands in import_commands(group_executions(rows)) for command in commands]


def test_a_row_is_kept_to_the_last_zero(tmp_path: Path) -> None:
    (row,), refused = parse_file(write_trade_file(tmp_path, trade_line(), name="trades.csv.gz"))
    assert refused == []
    assert (row.line, row.side, row.instrument.code) == (2, Side.SELL, "BINANCE_SPOT/BTCUSDT")
    assert (str(row.fill.price), str(row.fill.quantity)) == ("61837.63000000", "0.02000000")
    assert row.fill.at == datetime(2024, 8, 8, 23, 54, 15, 342_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,2,3", "3 columns instead of 9"),
        (trade_line(market="BINANCE"), "'BINANCE/BTCUSDT'"),
        (trade_line(trade_id="x"), "trade_id 'x'"),
        (trade_line(price="1e5"), "price '1e5'"),
        (trade_line(price="0"), "price must be above 0"),
        (trade_line(price="61837.631"), "tick 0.01"),
        (trade_line(quantity="0.000001"), "lot 0.00001"),
        (trade_line(quantity="-1"), "quantity '-1'"),
        (trade_line(side="sell"), "taker_side 'sell'"),
        (trade_line(at="now"), "traded_at_ms 'now'"),
        (trade_line("0"), "trade_id 0 is already in line 2"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, line: str, words: str) -> None:
    rows, (refusal,) = parse_file(write_trade_file(tmp_path, trade_line("0"), line))
    assert (len(rows), refusal.line) == (1, 3)
    assert words in refusal.reason


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongHeader, match=r"trades\.csv:1: .*\breceived_ns\b"):
        parse_file(write_trade_file(tmp_path, trade_line(), header="id,price"))
    with pytest.raises(UnreadableFile, match=r"trades\.csv: "):
        parse_file(write_trade_file(tmp_path))


def test_what_one_taker_was_filled_at_once_is_one_execution(tmp_path: Path) -> None:
    rows, _ = parse_file(
        write_trade_file(
            tmp_path,
            trade_line("1"),
            trade_line("7", market="BINANCE_USDM", price="61837.6", quantity="0.002"),
            trade_line("2", price="61837.62"),
            trade_line("3", side="BUY"),
            trade_line("4", at=TRADED_AT_MS + 1, side="BUY"),
            trade_line("5", at=TRADED_AT_MS, side="BUY"),
        )
    )
    groups = [[row.fill.venue_trade_id for row in execution] for execution in group_executions(rows)]
    assert groups == [["1", "2"], ["7"], ["3"], ["4"], ["5"]]


def test_an_execution_fits_into_an_event(tmp_path: Path) -> None:
    rows, _ = parse_file(write_trade_file(tmp_path, *(trade_line(str(number)) for number in range(MAX_FILLS + 1))))
    assert [len(execution) for execution in group_executions(rows)] == [MAX_FILLS, 1]


def test_an_execution_is_a_market_order_of_its_markets_taker(tmp_path: Path) -> None:
    opening, submitting, executing = commands_of(
        write_trade_file(tmp_path, trade_line("1"), trade_line("2", quantity="0.01"))
    )
    submit, execute = submitting.command, executing.command
    assert isinstance(opening.command, OpenAccount)
    assert isinstance(submit, SubmitTrade) and isinstance(execute, ExecuteTrade)
    assert submit.account_id == opening.command.account_id == taker_account_id("BINANCE_SPOT")
    assert (submit.quantity, submit.side, submit.reference) == (Decimal("0.03"), Side.SELL, "BINANCE_SPOT/BTCUSDT 1")
    assert [fill.venue_trade_id for fill in execute.fills] == ["1", "2"]
    assert executing.envelope.metadata == {"line": "2"}


def test_the_same_symbol_on_another_market_is_another_trade(tmp_path: Path) -> None:
    commands = commands_of(
        write_trade_file(tmp_path, trade_line("1"), trade_line("1", market="BINANCE_USDM", price="61837.6"))
    )
    ids = {item.command.trade_id for item in commands if isinstance(item.command, SubmitTrade)}
    accounts = {item.command.account_id for item in commands if isinstance(item.command, OpenAccount)}
    assert (len(ids), len(accounts)) == (2, 2)


def test_the_same_file_leads_to_the_same_commands(tmp_path: Path) -> None:
    path = write_trade_file(tmp_path, trade_line("1"), trade_line("2", side="BUY"))
    assert commands_of(path) == commands_of(path)
    assert len({item.envelope.command_id for item in commands_of(path)}) == 5
