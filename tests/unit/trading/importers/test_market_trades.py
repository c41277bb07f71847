"""Parsing a file of public trades, grouping it into executions, and building the import commands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from eventshop.cli.importing.errors import UnreadableFile, WrongHeader
from eventshop.cli.importing.importer import CommandToSend
from tests.support.read_file import ReadFile, read_file
from tests.support.trade_files import TRADED_AT_MS, trade_line, write_trade_file
from tests.unit.trading.domain.examples import LISTINGS
from trading.domain.commands import ExecuteTrade, SubmitTrade
from trading.domain.events import MAX_FILLS, Side
from trading.importers.market_trades.commands import taker_account_id, trade_commands
from trading.importers.market_trades.importer import MarketTradesImporter


def read(path: Path) -> ReadFile:
    return read_file(MarketTradesImporter(LISTINGS), path)


def groups_of(file: ReadFile) -> list[list[str]]:
    return [[row.fill.venue_trade_id for row in unit.rows] for unit in file.complete]


def commands_of(path: Path) -> list[CommandToSend]:
    file = read(path)
    assert file.refused == {}
    executions = [list(unit.rows) for unit in file.units]
    return [
        command
        for rows in executions
        for command in trade_commands(rows, LISTINGS[rows[0].code].instrument, is_second=rows[0].is_other_side)
    ]


def test_a_row_is_kept_to_the_last_zero(tmp_path: Path) -> None:
    [row] = read(write_trade_file(tmp_path, trade_line(), name="trades.csv.gz")).rows
    assert (row.line, row.side, row.code) == (2, Side.SELL, "BINANCE_SPOT/BTCUSDT")
    assert (str(row.fill.price), str(row.fill.quantity)) == ("61837.63000000", "0.02000000")
    assert row.fill.at == datetime(2024, 8, 8, 23, 54, 15, 342_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,2,3", "3 columns instead of 9"),
        (trade_line(market="BINANCE"), "'BINANCE/BTCUSDT'"),
        (trade_line(trade_id="x"), "trade_id 'x'"),
        (trade_line(price="1e5"), "price '1e5'"),
        (trade_line(price="0"), "must be above 0"),
        (trade_line(price="61837.631"), "tick 0.01"),
        (trade_line(quantity="0.000001"), "lot 0.00001"),
        (trade_line(quantity="-1"), "quantity must be above 0"),
        (trade_line(side="sell"), "taker_side 'sell'"),
        (trade_line(at="now"), "traded_at_ms 'now'"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = read(write_trade_file(tmp_path, trade_line("0"), line))
    assert (len(file.rows), list(file.refused)) == (1, [3])
    assert words in file.refused[3]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongHeader, match=r"trades\.csv:1: .*\breceived_ns\b"):
        read(write_trade_file(tmp_path, trade_line(), header="id,price"))
    with pytest.raises(UnreadableFile, match=r"trades\.csv: "):
        read(write_trade_file(tmp_path))


SWEEPS = [
    trade_line("1"),
    trade_line("7", market="BINANCE_USDM", price="61837.6", quantity="0.002"),
    trade_line("2", price="61837.62"),
    trade_line("3", side="BUY"),
    trade_line("4", at=TRADED_AT_MS + 1, side="BUY"),
    trade_line("5", at=TRADED_AT_MS, side="BUY"),
]


def test_what_one_taker_was_filled_at_once_is_one_execution_in_whatever_order_the_rows_stand(tmp_path: Path) -> None:
    for lines in (SWEEPS, SWEEPS[::-1], SWEEPS[::2] + SWEEPS[1::2]):
        assert groups_of(read(write_trade_file(tmp_path, *lines))) == [["1", "2"], ["3"], ["4"], ["5"], ["7"]]


def test_an_execution_fits_into_an_event(tmp_path: Path) -> None:
    file = read(write_trade_file(tmp_path, *(trade_line(str(number)) for number in range(MAX_FILLS + 1))))
    assert [len(unit.rows) for unit in file.units] == [MAX_FILLS, 1]


@pytest.mark.parametrize(
    ("broken", "kept"),
    [
        (trade_line("2", price="oops"), [["3"], ["4"], ["5"], ["7"]]),
        (trade_line("2", price="oops", side="BUY"), [["1"], ["4"], ["5"], ["7"]]),  # it may begin the purchase of 3
        (trade_line("2", price="oops", at=TRADED_AT_MS + 9), [["1"], ["3"], ["4"], ["5"], ["7"]]),
        (trade_line("2")[:-20], [["4"], ["5"], ["7"]]),  # a misshapen line may be part of two
        (trade_line("2", market="B\udcff"), [["3"], ["4"], ["5"]]),  # of some market
        (trade_line("x"), [["3"], ["4"], ["5"], ["7"]]),  # it follows 1 in the file
    ],
)
def test_an_execution_that_a_broken_row_may_belong_to_is_held_back(
    tmp_path: Path, broken: str, kept: list[list[str]]
) -> None:
    lines = [*SWEEPS[:2], broken, *SWEEPS[3:]]
    path = write_trade_file(tmp_path, *lines)
    file = read(path)
    assert list(file.refused) == [4]
    assert groups_of(file) == kept
    assert set(file.held_back) == {row.line for row in file.rows} - {
        row.line for unit in file.complete for row in unit.rows
    }


def test_the_same_trade_again_is_a_duplicate_and_with_other_contents_an_error(tmp_path: Path) -> None:
    file = read(write_trade_file(tmp_path, trade_line("1"), trade_line("2"), trade_line("1")))
    assert (groups_of(file), file.units[0].duplicates) == ([["1", "2"]], 1)
    changed = read(write_trade_file(tmp_path, trade_line("1"), trade_line("2"), trade_line("1", quantity="0.03")))
    assert (groups_of(changed), sorted(changed.held_back)) == ([], [2, 3, 4])
    assert "trade_id 1 has other contents in line 2 and 4" in changed.held_back[2]


def test_both_sides_of_a_trade_may_be_ours(tmp_path: Path) -> None:
    lines = [trade_line("1"), trade_line("2"), trade_line("2", side="BUY"), trade_line("2", side="BUY")]
    file = read(write_trade_file(tmp_path, *lines))
    assert (groups_of(file), [unit.duplicates for unit in file.units]) == ([["1", "2"], ["2"]], [0, 1])
    commands = [command for command, _ in commands_of(write_trade_file(tmp_path, *lines))]
    submitted = [(command.side, command.quantity) for command in commands if isinstance(command, SubmitTrade)]
    assert submitted == [(Side.SELL, Decimal("0.04")), (Side.BUY, Decimal("0.02"))]
    executed = [command for command in commands if isinstance(command, ExecuteTrade)]
    assert [[fill.venue_trade_id for fill in command.fills] for command in executed] == [["1", "2"], ["2"]]
    assert len({command.trade_id for command in executed}) == 2


def test_an_other_side_with_other_contents_is_an_error(tmp_path: Path) -> None:
    changed = read(write_trade_file(tmp_path, trade_line("1"), trade_line("1", side="BUY", price="61837.64")))
    assert (groups_of(changed), sorted(changed.held_back)) == ([], [2, 3])


def test_an_execution_is_a_market_order_of_its_markets_taker(tmp_path: Path) -> None:
    (submit, _), (execute, envelope) = commands_of(
        write_trade_file(tmp_path, trade_line("1"), trade_line("2", quantity="0.01"))
    )
    assert isinstance(submit, SubmitTrade) and isinstance(execute, ExecuteTrade)
    assert submit.account_id == taker_account_id("BINANCE_SPOT")
    assert (submit.quantity, submit.side, submit.reference) == (Decimal("0.03"), Side.SELL, "BINANCE_SPOT/BTCUSDT 1")
    assert [fill.venue_trade_id for fill in execute.fills] == ["1", "2"]
    assert envelope.metadata == {"line": "2"}


def test_the_same_symbol_on_another_market_is_another_trade(tmp_path: Path) -> None:
    commands = commands_of(
        write_trade_file(tmp_path, trade_line("1"), trade_line("1", market="BINANCE_USDM", price="61837.6"))
    )
    submitted = [command for command, _ in commands if isinstance(command, SubmitTrade)]
    assert len({command.trade_id for command in submitted}) == len({command.account_id for command in submitted}) == 2


def test_the_same_file_leads_to_the_same_commands(tmp_path: Path) -> None:
    path = write_trade_file(tmp_path, trade_line("1"), trade_line("2", side="BUY"))
    assert commands_of(path) == commands_of(path)
    assert len({envelope.command_id for _, envelope in commands_of(path)}) == 4
