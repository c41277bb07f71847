"""Importing terms of fees: a file as a whole or not at all, each once, and none is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.support.api_clients import ApiClient, problem_of, staff
from tests.support.trader import BTC, open_account
from trading.application.fee_schedules import find_fee_terms
from trading.domain.events import FeeTerms
from trading.models import FeeSchedule

pytestmark = pytest.mark.usefixtures("clean_database")

ALL = ",,0.001,,,2026-12-01T00:00:00Z"
#: The same moment in another zone.
SAME = ",,0.0010,0,0.0,2026-12-01T01:00:00+01:00"
SHARE = ",XETRA/SAP,0.0005,0.01,1.5,2026-12-01T00:00:00Z"


def run(folder: Path, *rows: str, dry_run: bool = False) -> str:
    """Import these rows; gives what the command says, after its errors."""
    file, out, errors = folder / "fees.csv", StringIO(), StringIO()
    file.write_text("\n".join(("account_id,instrument,rate,per_piece,minimum,valid_from", *rows)) + "\n")
    try:
        call_command("import_fee_schedules", file, dry_run=dry_run, stdout=out, stderr=errors)
    except CommandError as error:
        return f"{errors.getvalue()}{error}".replace(f"{folder}/", "")
    return out.getvalue().strip()


def test_terms_are_added_once_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    account = open_account(None)
    own = f"{account},,0,,,2026-12-02T00:00:00Z"
    assert run(tmp_path, ALL, SAME, SHARE, own, dry_run=True) == (
        "3 terms would be added, 0 were there already, 1 rows repeat another one."
    )
    assert not FeeSchedule.objects.exists()
    assert run(tmp_path, ALL, SAME) == "1 terms were added, 0 were there already, 1 rows repeat another one."
    assert run(tmp_path, SAME, SHARE, own) == "2 terms were added, 1 were there already, 0 rows repeat another one."
    assert FeeSchedule.objects.exclude(recorded_by="").count() == 3
    day = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert find_fee_terms(account, "XETRA/SAP", day) == FeeTerms(Decimal("0.0005"), Decimal("0.01"), Decimal("1.5"))
    assert find_fee_terms(account, BTC, day) == FeeTerms(Decimal("0.001"))
    assert find_fee_terms(account, BTC, day.replace(day=3)) == FeeTerms(Decimal(0))
    assert run(tmp_path) == "0 terms were added, 0 were there already, 0 rows repeat another one."


@pytest.mark.parametrize("dry_run", [False, True])
def test_terms_are_never_changed(tmp_path: Path, dry_run: bool) -> None:
    run(tmp_path, ALL)
    changed = run(tmp_path, SHARE, ALL.replace("0.001", "0.002"), dry_run=dry_run)
    assert changed.startswith("fees.csv:3: all accounts, all instruments, from 2026-12-01T00:00:00+00:00: there are")
    assert FeeSchedule.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (SHARE.replace("XETRA/SAP", "XETRA/NONE"), "This instrument is not traded here"),
        (f"00000000-0000-0000-0000-000000000001{ALL}", "There is no such trading account"),
        (f"desk{ALL}", "account_id 'desk' is not the id of an account"),
        (SHARE.replace("0.0005", ""), "rate ''"),
        (SHARE.replace("0.0005", "1.5"), "more than the whole value"),
        (SHARE.replace("0.0005", "5e-4"), "rate '5e-4': must be a decimal"),
        (SHARE.replace("0.0005", "0.000000001"), "more than 8 decimals"),
        (SHARE.replace("1.5", "-1.5"), "must not be below 0"),
        (SHARE.replace("1.5", "9" * 29), "minimum"),
        (SHARE.replace("00Z", "00"), "valid_from '2026-12-01T00:00:00' has no zone"),
        (SHARE.replace("2026-12-01T", ""), "is not a time such as"),
        (SHARE.replace("2026", "1826"), "valid_from must be a time from 1900 to 3000"),
        (ALL.replace("0.001", "0.002"), "has other terms in line 2 already"),
        (f"{SHARE},more", "7 columns instead of 6"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_with_its_line_and_nothing_is_imported(
    tmp_path: Path, row: str, words: str
) -> None:
    answer = run(tmp_path, ALL, row, SHARE)
    assert answer.startswith("fees.csv:3: ") and words in answer
    assert not FeeSchedule.objects.exists()


def test_programs_of_staff_read_the_terms(tmp_path: Path) -> None:
    run(tmp_path, ALL, SHARE)
    program = ApiClient(staff("desk", "view_feeschedule"))
    [row] = program.get("fee-schedules?instrument=XETRA/SAP").json()["results"]
    numbers = [Decimal(row[name]) for name in ("rate", "per_piece", "minimum")]
    assert (row["account_id"], row["instrument"]) == (None, "XETRA/SAP")
    assert numbers == [Decimal("0.0005"), Decimal("0.01"), Decimal("1.5")]
    assert "recorded_by" not in row
    assert len(program.get("fee-schedules").json()["results"]) == 2
    assert problem_of(ApiClient(staff("stranger")).get("fee-schedules"))[0] == 403
