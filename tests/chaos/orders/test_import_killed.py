"""An import that is killed repeatedly stores everything once."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.support import chaos
from tests.support.database import empty_tables
from tests.support.retail_import import (
    CONTROL_TOTALS,
    MONTH,
    ImportProcess,
    ImportRun,
    count_events_and_receipts,
    differing_totals,
    imported_history,
    run_projections,
    write_first_days,
)

pytestmark = pytest.mark.usefixtures("clean_database")

#: How often it is killed; `make chaos` asks for more.
KILLS: Final = chaos.times(2)


@pytest.mark.data
@pytest.mark.chaos
def test_an_import_killed_at_random_moments_stores_everything_once(database_url: str, tmp_path: Path) -> None:
    days = write_first_days(tmp_path, "2010-12-05")  # several batches
    import_and_kill(days, database_url)
    assert differing_totals(days, None) == set()


@pytest.mark.data
@pytest.mark.chaos
@pytest.mark.long
def test_the_import_of_a_month_killed_at_random_moments_stores_everything_once(database_url: str) -> None:
    import_and_kill(MONTH, database_url)
    assert differing_totals(MONTH, CONTROL_TOTALS) == set()


def import_and_kill(file: Path, database_url: str) -> None:
    assert ImportRun(file).code == 0
    undisturbed, kills, chance = imported_history(), 0, chaos.random_for("import")
    while kills < KILLS:
        empty_tables()
        kills += _kill_until_done(file, database_url, chance, at_most=KILLS - kills)
        assert imported_history() == undisturbed
    run_projections()


def _kill_until_done(file: Path, database_url: str, chance: Random, *, at_most: int) -> int:
    """Start and kill the import until it ends by itself; gives how often it was killed while it was writing."""
    kills = 0
    while True:
        before, _ = count_events_and_receipts()
        process = ImportProcess(file, database_url)
        if kills == at_most:
            code, said = process.wait_for_exit()
        else:
            process.wait_until_written(before + 1)
            time.sleep(chance.uniform(0, 0.2))
            code, said = process.wait_for_exit(signal.SIGKILL)
        if code != -signal.SIGKILL:
            assert code == 0, said
            return kills
        assert count_events_and_receipts()[0] > before
        kills += 1
