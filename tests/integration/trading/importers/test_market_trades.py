"""Importing public trades: all of them once, whatever happens meanwhile, and every total as computed elsewhere."""

from __future__ import annotations

import gzip
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from django.db import transaction
from django.db.models import F

from eventshop.eventstore.models import StoredEvent
from projections.models import MarketMinute, TradeBlotter
from tests.conftest import SHARED_DATA
from tests.support.retail_import import BOOKS, Process, Run, differing, history, project, stored
from tests.support.trade_files import printed, tape

pytestmark = pytest.mark.usefixtures("clean_database")

IMPORT: Final = "import_trades"
TRADES: Final = SHARED_DATA / "trades_binance_2024-08-08.csv.gz"
BTC: Final = "BINANCE_SPOT/BTCUSDT"


def test_a_file_becomes_trades_with_their_fills(tmp_path: Path) -> None:
    run = Run(tape(tmp_path, printed("1"), printed("2"), printed("3", side="BUY")), command=IMPORT)
    assert (run.code, run.named) == (0, [])
    assert "3 trades imported as 2 executions: 5 events written, 0 commands already there, 0 rows" in run.said
    types = sorted(StoredEvent.objects.values_list("event_type", flat=True))
    assert types == ["AccountOpened", *["TradeExecuted"] * 2, *["TradeSubmitted"] * 2]


def test_a_second_run_finds_everything_there_and_a_longer_file_adds_what_is_new(tmp_path: Path) -> None:
    lines = [printed("1"), printed("2", side="BUY")]
    Run(tape(tmp_path, *lines), command=IMPORT)
    before = history()
    again = Run(tape(tmp_path, *lines), command=IMPORT)
    assert (again.code, history()) == (0, before)
    assert "0 events written, 5 commands already there" in again.said
    longer = Run(tape(tmp_path, *lines, printed("3")), command=IMPORT)
    assert "2 events written, 5 commands already there" in longer.said


def test_nothing_of_a_file_with_a_broken_row_is_imported_unless_asked_for(tmp_path: Path) -> None:
    file = tape(tmp_path, printed("1"), printed("2", price="oops"), printed("3", side="BUY"))
    run = Run(file, command=IMPORT)
    assert (run.code, stored()) == (1, (0, 0))
    assert run.named == [f"{file}:3: price 'oops' is not a number like 61837.63000000"]
    skipping = Run(file, "--on-error", "skip", command=IMPORT)
    assert skipping.code == 1
    assert "2 trades imported as 2 executions: 5 events written, 0 commands already there, 1 rows refused" in (
        skipping.said
    )


def test_a_trade_that_has_changed_since_is_named_and_what_is_stored_stays(tmp_path: Path) -> None:
    Run(tape(tmp_path, printed("1")), command=IMPORT)
    before = history()
    file = tape(tmp_path, printed("1", quantity="0.03"), printed("2", side="BUY"))
    run = Run(file, "--on-error", "skip", command=IMPORT)
    assert run.named == [f"{file}:2: execution 1 was imported before with other contents; what is stored stays"]
    assert [row for row in history() if row in before] == before
    assert len(history()) == len(before) + 2


@pytest.mark.data
def test_a_killed_import_goes_on_where_it_was(tmp_path: Path, database_url: str) -> None:
    header, *rows = gzip.decompress(TRADES.read_bytes()).decode().splitlines()
    file = tape(tmp_path, *rows[:6_000], header=header)
    process = Process(file, database_url, IMPORT)
    process.until_it_has_written(1)
    process.ended(signal.SIGKILL)
    events, receipts = stored()
    assert events == receipts > 0
    code, said = Process(file, database_url, IMPORT).ended()
    assert code == 0, said
    assert f"{receipts:,} commands already there" in said
    assert Run(file, command=IMPORT).said.count("0 events written") == 1
    project()
    assert sum(MarketMinute.objects.values_list("trades", flat=True)) == 6_000


#: What is spoilt, and the totals that must tell.
SPOILED: dict[Callable[[], object], set[str]] = {
    lambda: MarketMinute.objects.filter(instrument=BTC, trades__gt=1_000).update(trades=F("trades") - 1): {
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


@pytest.mark.data
def test_fifty_five_thousand_real_trades_agree_with_every_total_and_both_digests() -> None:
    run = Run(TRADES, command=IMPORT)
    assert (run.code, run.named) == (0, [])
    assert "55,270 trades imported as 15,573 executions: 31,149 events written" in run.said
    project()
    assert differing(TRADES, BOOKS, "verify_trades") == set()
    for spoil, totals in SPOILED.items():
        with transaction.atomic():
            spoil()
            found = differing(TRADES, BOOKS, "verify_trades")
            assert {name for name in found if not name.startswith("by_minute.")} == totals
            transaction.set_rollback(True)
    assert differing(TRADES, BOOKS, "verify_trades") == set()
