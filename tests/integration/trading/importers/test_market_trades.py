"""Importing public trades: each exactly once, also after a crash, with totals equal to the control totals."""

from __future__ import annotations

import csv
import gzip
import json
import re
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import transaction
from django.db.models import F

from eventshop.cli.importing.base_command import ROWS_REFUSED, STOPPED_AT_AN_ERROR
from eventshop.eventstore.models import StoredEvent
from projections.models import MarketMinute, Position, TradeBlotter
from tests.conftest import SHARED_DATA
from tests.support.retail_import import (
    CONTROL_TOTALS,
    ImportProcess,
    ImportRun,
    count_events_and_receipts,
    differing_totals,
    imported_history,
    run_projections,
)
from tests.support.trade_files import trade_line, write_trade_file
from tests.unit.trading.domain.test_instruments import GOOD, write
from trading.application.instruments import current_listings, find_listing

pytestmark = pytest.mark.usefixtures("clean_database")

IMPORT: Final = "import_trades"
TRADES: Final = SHARED_DATA / "trades_binance_2024-08-08.csv.gz"
BTC: Final = "BINANCE_SPOT/BTCUSDT"


def test_a_file_becomes_trades_with_their_fills(tmp_path: Path) -> None:
    run = ImportRun(
        write_trade_file(tmp_path, trade_line("1"), trade_line("2"), trade_line("3", side="BUY")), command=IMPORT
    )
    assert (run.code, run.error_lines) == (0, [])
    assert (run.counts, run.rows) == ([3, 2, 5], [3, 3, 0, 0, 0, 0])
    types = sorted(StoredEvent.objects.values_list("event_type", flat=True))
    assert types == ["AccountOpened", *["TradeExecuted"] * 2, *["TradeSubmitted"] * 2]


def test_a_second_run_finds_everything_there_and_a_longer_file_adds_what_is_new(tmp_path: Path) -> None:
    lines = [trade_line("1"), trade_line("2", side="BUY")]
    ImportRun(write_trade_file(tmp_path, *lines), command=IMPORT)
    before = imported_history()
    again = ImportRun(write_trade_file(tmp_path, *lines), command=IMPORT)
    assert (again.code, imported_history()) == (0, before)
    assert (again.counts, again.rows) == ([0, 0, 0], [2, 0, 2, 0, 0, 0])
    longer = ImportRun(write_trade_file(tmp_path, *lines, trade_line("3")), command=IMPORT)
    assert (longer.counts, longer.rows) == ([1, 1, 2], [3, 1, 2, 0, 0, 0])


def test_nothing_of_a_file_with_a_broken_row_is_imported_unless_asked_for(tmp_path: Path) -> None:
    file = write_trade_file(tmp_path, trade_line("1"), trade_line("2", price="oops"), trade_line("3", side="BUY"))
    run = ImportRun(file, command=IMPORT)
    assert (run.code, count_events_and_receipts()) == (STOPPED_AT_AN_ERROR, (0, 0))
    assert list(run.refused) == [3]
    assert "price" in run.refused[3] and "'oops'" in run.refused[3]
    skipping = ImportRun(file, "--on-error", "skip", command=IMPORT)
    assert (skipping.code, skipping.counts) == (ROWS_REFUSED, [1, 1, 3])
    assert skipping.rows == [3, 1, 0, 1, 1, 0]  # 1 and 2 may be one execution


def test_a_trade_that_has_changed_since_is_named_and_what_is_stored_stays(tmp_path: Path) -> None:
    ImportRun(write_trade_file(tmp_path, trade_line("1")), command=IMPORT)
    before = imported_history()
    file = write_trade_file(tmp_path, trade_line("1", quantity="0.03"), trade_line("2", side="BUY"))
    run = ImportRun(file, "--on-error", "skip", command=IMPORT)
    assert (list(run.refused), run.rows) == ([2], [2, 1, 0, 1, 0, 0])
    assert "execution 1: trade 1 " in run.refused[2]
    assert [row for row in imported_history() if row in before] == before
    assert len(imported_history()) == len(before) + 2


def test_a_repeated_trade_shares_the_fate_of_its_execution(tmp_path: Path) -> None:
    lines = [trade_line("1"), trade_line("1"), trade_line("2", side="BUY"), trade_line("2", side="BUY")]
    broken = trade_line("3", price="oops", side="BUY")
    run = ImportRun(write_trade_file(tmp_path, *lines, broken), "--on-error", "skip", command=IMPORT)
    assert (run.code, run.rows) == (ROWS_REFUSED, [5, 1, 1, 1, 2, 0])
    assert "2 rows repeat another row exactly" in run.warnings[0]


@pytest.mark.parametrize("second", [slice(1, 3), slice(0, 2), slice(2, 4), slice(0, 4)])
def test_files_that_overlap_within_an_execution_store_each_trade_once(tmp_path: Path, second: slice) -> None:
    lines = [trade_line(str(number)) for number in range(1, 5)]
    ImportRun(write_trade_file(tmp_path, *lines[:3]), command=IMPORT)
    run = ImportRun(write_trade_file(tmp_path, *lines[second]), command=IMPORT)
    new = len({*lines[second]} - {*lines[:3]})
    assert (run.code, run.rows[1:3]) == (0, [new, len(lines[second]) - new])
    run_projections()
    assert sum(MarketMinute.objects.values_list("trades", flat=True)) == 3 + new


def test_the_other_side_of_stored_trades_is_booked_too_and_each_trade_counts_once(tmp_path: Path) -> None:
    sold = [trade_line(str(number)) for number in range(1, 4)]
    bought = [trade_line(str(number), side="BUY") for number in range(1, 4)]
    ImportRun(write_trade_file(tmp_path, *sold), command=IMPORT)
    for lines, new in ((bought[1:], 2), ([*sold, *bought], 1), ([*bought, *sold], 0)):
        run = ImportRun(write_trade_file(tmp_path, *lines), command=IMPORT)
        assert (run.code, run.rows[1:3]) == (0, [new, len(lines) - new])
    run_projections()
    [minute] = MarketMinute.objects.all()
    assert (minute.trades, minute.volume) == (3, Decimal("0.06"))
    assert Position.objects.get().bought == Position.objects.get().sold == Decimal("0.06")
    changed = write_trade_file(tmp_path, trade_line("1", side="BUY", price="61837.64"))
    run = ImportRun(changed, "--on-error", "skip", command=IMPORT)
    assert "trade 1 was imported before with other contents" in run.refused[2]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"price": "61837.631"}, "multiple of the instrument's tick"),
        ({"quantity": "0.000001"}, "multiple of the instrument's lot"),
        ({"price": "-5"}, "must be above 0"),
        ({"at": 32_472_144_000_000}, "has not come yet"),
        ({"symbol": "NOSUCH"}, "import_instruments"),
    ],
)
def test_what_does_not_fit_the_instrument_is_refused_with_the_rule_and_leaves_nothing(
    tmp_path: Path, change: dict[str, Any], rule: str
) -> None:
    run = ImportRun(write_trade_file(tmp_path, trade_line("1", **change)), command=IMPORT)
    assert (run.code, count_events_and_receipts()) == (STOPPED_AT_AN_ERROR, (0, 0))
    assert re.search(rule, run.refused[2]), run.refused[2]


def first_trades(folder: Path, count: int) -> Path:
    """The first trades of the real file."""
    header, *rows = gzip.decompress(TRADES.read_bytes()).decode().splitlines()
    return write_trade_file(folder, *rows[:count], header=header)


@pytest.mark.data
def test_a_killed_import_goes_on_where_it_was(tmp_path: Path, database_url: str) -> None:
    file = first_trades(tmp_path, 6_000)
    process = ImportProcess(file, database_url, IMPORT)
    process.wait_until_written(1)
    process.wait_for_exit(signal.SIGKILL)
    events, receipts = count_events_and_receipts()
    assert events == receipts > 0
    code, output = ImportProcess(file, database_url, IMPORT).wait_for_exit()
    assert code == 0, output
    assert ImportRun(file, command=IMPORT).counts[2] == 0
    run_projections()
    assert sum(MarketMinute.objects.values_list("trades", flat=True)) == 6_000


#: What is spoilt, and the totals that must tell.
TAMPERING: dict[Callable[[], object], set[str]] = {
    lambda: MarketMinute.objects.filter(instrument=BTC, trades__gt=100).update(trades=F("trades") - 1): {
        "rows",
        f"by_market_symbol.{BTC}.trades",
        "by_symbol.BTCUSDT.trades",
    },
    lambda: MarketMinute.objects.filter(instrument=BTC).update(volume="1.00000001"): {
        "digest_minute_volume",
        *(
            f"{name}.{total}"
            for name in (f"by_market_symbol.{BTC}", "by_symbol.BTCUSDT")
            for total in ("volume", "vwap")
        ),
    },
    lambda: TradeBlotter.objects.filter(instrument=BTC, side="SELL").update(side="BUY"): {
        f"{name}.{total}"
        for name in (f"by_market_symbol.{BTC}", "by_symbol.BTCUSDT")
        for total in ("taker_buy", "taker_sell", "taker_net")
    },
}


def write_totals(folder: Path, file: Path) -> Path:
    """Control totals of a file of trades: its rows, and sums of one instrument."""
    rows = list(csv.DictReader(file.read_text().splitlines()))
    bitcoins = [row for row in rows if f"{row['market']}/{row['symbol']}" == BTC]
    buy, sell = (
        sum(Decimal(row["quantity"]) for row in bitcoins if row["taker_side"] == side) for side in ("BUY", "SELL")
    )
    assert buy and sell
    sums = {"trades": len(bitcoins), "volume": buy + sell}
    sums |= {"taker_buy": buy, "taker_sell": sell, "taker_net": buy - sell}
    totals = folder / "totals.json"
    totals.write_text(json.dumps({"some": {"rows": len(rows), "by_market_symbol": {BTC: sums}}}, default=str))
    return totals


@pytest.mark.data
@pytest.mark.long(on="postgres")
def test_the_first_real_trades_agree_with_the_totals_of_their_file(tmp_path: Path) -> None:
    file = first_trades(tmp_path, 3_000)
    run = ImportRun(file, command=IMPORT)
    assert (run.code, run.rows[:2]) == (0, [3_000, 3_000])
    run_projections()
    totals = write_totals(tmp_path, file)
    names = ("trades", "volume", "taker_buy", "taker_sell", "taker_net")
    known = {"rows", *(f"by_market_symbol.{BTC}.{name}" for name in names)}
    assert not differing_totals(file, totals, "verify_trades") & known
    for spoil, expected in TAMPERING.items():
        with transaction.atomic():
            spoil()
            assert differing_totals(file, totals, "verify_trades") & known == expected & known
            transaction.set_rollback(True)


@pytest.mark.data
@pytest.mark.long
def test_fifty_five_thousand_real_trades_agree_with_every_total_and_both_digests() -> None:
    run = ImportRun(TRADES, command=IMPORT)
    assert (run.code, run.error_lines) == (0, [])
    assert (run.counts, run.rows[:2]) == ([55_270, 15_573, 31_149], [55_270, 55_270])
    run_projections()
    assert differing_totals(TRADES, CONTROL_TOTALS, "verify_trades") == set()
    for spoil, totals in TAMPERING.items():
        with transaction.atomic():
            spoil()
            differing = differing_totals(TRADES, CONTROL_TOTALS, "verify_trades")
            assert {name for name in differing if not name.startswith("by_minute.")} == totals
            transaction.set_rollback(True)
    assert differing_totals(TRADES, CONTROL_TOTALS, "verify_trades") == set()


def test_instruments_that_the_table_lacks_come_from_a_file_of_reference_data(tmp_path: Path) -> None:
    trades = write_trade_file(tmp_path, trade_line("1", market="NYMEX", symbol="CL", price="-37.63", quantity="2"))
    without = ImportRun(trades, command=IMPORT)
    assert without.code == STOPPED_AT_AN_ERROR
    assert "import_instruments" in without.error_lines[0]
    terms = GOOD.replace("2026-01-01,2026-06-30", "2020-01-01,")
    reference = write(tmp_path, terms, terms.replace("CL", "BZ"))
    for options in (("--dry-run",), ()):
        assert "NYMEX/CL" not in current_listings()
        run = ImportRun(trades, "--instruments", str(reference), *options, command=IMPORT)
        assert run.code == 0, run.error_lines
        assert any("NYMEX/CL" in line for line in run.error_lines)
    assert find_listing("NYMEX/CL").instrument.negative_prices
    assert "NYMEX/BZ" not in current_listings()
    off_tick = write_trade_file(tmp_path, trade_line("2", market="NYMEX", symbol="CL", price="-37.635", quantity="2"))
    assert "tick 0.01" in ImportRun(off_tick, command=IMPORT).error_lines[0]
