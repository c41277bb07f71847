"""Export of the audit trail: complete, ordered, verifiable by a standalone script, and recorded as an event."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from tests.conftest import BASE_DIR
from tests.support.trade_commands import ACCOUNT_ID, submit_trade
from trading.domain.audit_log import AUDIT_LOG_ID
from trading.domain.commands import BustTrade

pytestmark = pytest.mark.usefixtures("clean_database")

CHECKER = BASE_DIR / "docs" / "check_audit_trail.py"


def submit_trades() -> None:
    submit_trade("T-1", ("61837.63", "0.02"), ("61837.64", "0.01"))
    trade = submit_trade("T-2", ("61840.00", "0.03"), ordered="0.05")
    send(BustTrade(trade, "T-2-0", "erroneous print"), envelope=Envelope(new_id(), actor="@ada"))


def export_trail(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("export_trades", str(file), "--reason", "yearly report", *options, stdout=out)
    return out.getvalue()


def run_checker(file: Path) -> tuple[int, str]:
    """Run the checker in an isolated Python; returns exit code and output."""
    run = subprocess.run([sys.executable, "-I", "-S", CHECKER, file], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def numbers_in(output: str) -> list[int]:
    """The counts of a report, in their order: events, then trades."""
    return [int(number) for number in re.findall(r"\b\d+\b", output)]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_third_party_can_check_the_copy(tmp_path: Path, ending: str) -> None:
    submit_trades()
    file = tmp_path / f"trail.{ending}"
    assert numbers_in(export_trail(file))[:2] == [5, 2]
    code, output = run_checker(file)
    assert (code, numbers_in(output)) == (0, [5, 2])
    assert file.stat().st_mode & 0o077 == 0
    assert ending == "jsonl" or ",'@ada," in file.read_text()  # no formula of a spreadsheet


def test_it_tells_who_did_what_when_and_what_became_of_the_trade(tmp_path: Path) -> None:
    submit_trades()
    export_trail(tmp_path / "trail.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [row["event_type"] for row in rows] == [
        *("TradeSubmitted", "TradeExecuted"),
        *("TradeSubmitted", "TradeExecuted", "TradeBusted"),
    ]
    bust = rows[-1]
    assert (bust["actor"], bust["on_behalf_of"]) == ("@ada", str(ACCOUNT_ID))
    assert json.loads(bust["before"])["executed"] == "0.03"
    assert json.loads(bust["after"]) == {
        "status": "OPEN",
        "executed": "0",
        "open": "0.05",
        "notional": "0",
        "average_price": None,
        "on_hold": False,
    }
    assert rows[0]["occurred_at"] == "2026-01-30T12:00:30.000000+00:00" < rows[0]["recorded_at"]


def lower_price(rows: list[dict[str, str]]) -> None:
    rows[1]["payload"] = rows[1]["payload"].replace("61837.63", "61837.62")


def change_actor(rows: list[dict[str, str]]) -> None:
    rows[-1]["actor"] = "bob"


def move_a_day_back(rows: list[dict[str, str]]) -> None:
    rows[0]["occurred_at"] = rows[0]["occurred_at"].replace("-30T", "-29T")


def remove_row(rows: list[dict[str, str]]) -> None:
    del rows[3]


def repeat_row(rows: list[dict[str, str]]) -> None:
    rows.insert(2, rows[1])


@pytest.mark.parametrize("forged", [lower_price, change_actor, move_a_day_back, remove_row, repeat_row])
def test_a_forged_copy_is_found_out(tmp_path: Path, forged: Callable[[list[dict[str, str]]], None]) -> None:
    submit_trades()
    file = tmp_path / "trail.csv"
    export_trail(file)
    with file.open(newline="") as source:
        rows = list(csv.DictReader(source))
    forged(rows)
    with file.open("w", newline="") as out:
        table = csv.DictWriter(out, rows[0])
        table.writeheader()
        table.writerows(rows)
    code, output = run_checker(file)
    assert code == 1
    assert output.startswith("ValueError: ") and "Trade" in output


def test_taking_a_copy_is_on_record(tmp_path: Path) -> None:
    submit_trades()
    output = export_trail(tmp_path / "trail.csv")
    (record,) = store.get_events(AUDIT_LOG_ID)
    assert (record.event.reason, record.event.trades, record.event.events) == ("yearly report", 2, 5)
    assert record.event.sha256 in output
    assert record.meta.actor


def test_one_account_gets_its_own_trades_only(tmp_path: Path) -> None:
    submit_trades()
    export_trail(tmp_path / "mine.csv", "--account", str(ACCOUNT_ID))
    export_trail(tmp_path / "none.csv", "--account", str(uuid4()))
    checked = [run_checker(tmp_path / name) for name in ("mine.csv", "none.csv")]
    assert [(code, numbers_in(output)) for code, output in checked] == [(0, [5, 2]), (0, [0, 0])]


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    submit_trades()
    export_trail(tmp_path / "trail.csv")
    for name, reason in (("trail.csv", "again"), ("trail.txt", "wrong ending"), ("other.csv", "x" * 201)):
        with pytest.raises(CommandError):
            call_command("export_trades", str(tmp_path / name), "--reason", reason)
    assert [path.name for path in tmp_path.iterdir()] == ["trail.csv"]
    assert len(store.get_events(AUDIT_LOG_ID)) == 1
