"""Importing exchange rates: a file as a whole or not at all, each rate once, and none is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from trading.application.exchange_rates import convert
from trading.models import ExchangeRate

pytestmark = pytest.mark.usefixtures("clean_database")

NOON = "EUR,USD,1.0832,2026-11-30T12:00:00Z"
#: The same moment in another zone, and a later rate.
SAME, LATER = "EUR,USD,1.08320,2026-11-30T13:00:00+01:00", "EUR,USD,1.09,2026-11-30T15:00:00Z"


def run(folder: Path, *rows: str, dry_run: bool = False) -> str:
    """Import these rows; gives what the command says, after its errors."""
    file, out, errors = folder / "rates.csv", StringIO(), StringIO()
    file.write_text("\n".join(("base,quote,rate,at", *rows)) + "\n")
    try:
        call_command("import_exchange_rates", file, dry_run=dry_run, stdout=out, stderr=errors)
    except CommandError as error:
        return f"{errors.getvalue()}{error}".replace(f"{folder}/", "")
    return out.getvalue().strip()


def stored() -> list[tuple[str, Decimal, int]]:
    return [(row.base, row.rate, row.at.hour) for row in ExchangeRate.objects.order_by("at")]


def test_rates_are_added_once_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, NOON, SAME, LATER, dry_run=True) == (
        "2 rates would be added, 0 were there already, 1 rows repeat another one."
    )
    assert stored() == []
    assert run(tmp_path, NOON, SAME) == "1 rates were added, 0 were there already, 1 rows repeat another one."
    assert run(tmp_path, SAME, LATER) == "1 rates were added, 1 were there already, 0 rows repeat another one."
    assert stored() == [("EUR", Decimal("1.0832"), 12), ("EUR", Decimal("1.09"), 15)]
    assert ExchangeRate.objects.exclude(recorded_by="").count() == 2
    assert convert(Decimal(100), "EUR", "USD", datetime(2026, 11, 30, 13, tzinfo=UTC)) == Decimal("108.32")
    assert run(tmp_path) == "0 rates were added, 0 were there already, 0 rows repeat another one."


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_rate_is_never_changed(tmp_path: Path, dry_run: bool) -> None:
    run(tmp_path, NOON)
    changed = run(tmp_path, LATER, NOON.replace("1.0832", "1.0833"), dry_run=dry_run)
    assert changed.startswith(
        "rates.csv:3: EUR/USD of 2026-11-30T12:00:00+00:00 has the rate 1.0832 already, not 1.0833"
    )
    assert changed.endswith("Nothing was imported: 1 rows are invalid.")
    assert len(stored()) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (NOON.replace("EUR", "euro"), "base 'euro' is not a currency"),
        (NOON.replace("USD", ""), "quote '' is not a currency"),
        (NOON.replace("USD", "EUR"), "base and quote are both EUR"),
        (NOON.replace("1.0832", "0"), "rate '0': rate must be above 0"),
        (NOON.replace("1.0832", "-1"), "rate '-1': rate must be above 0"),
        (NOON.replace("1.0832", "1e1"), "rate '1e1': must be a decimal"),
        (NOON.replace("1.0832", "0.000000001"), "more than 8 decimals"),
        (NOON.replace("1.0832", "1" * 29), "digits before and after the point"),
        (NOON.replace("00Z", "00"), "has no zone"),
        (NOON.replace("2026-11-30T", ""), "is not a time such as"),
        (NOON.replace("2026", "1826"), "at must be a time from 1900 to 3000"),
        (NOON.replace("1.0832", "1.09"), "has the rate 1.0832 in line 2 already, not 1.09"),
        (f"{NOON},more", "5 columns instead of 4"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_with_its_line_and_nothing_is_imported(
    tmp_path: Path, row: str, words: str
) -> None:
    answer = run(tmp_path, NOON, row, LATER)
    assert answer.startswith("rates.csv:3: ") and words in answer
    assert stored() == []
