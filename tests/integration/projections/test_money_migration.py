"""Amounts that SQLite stored as floats are exact texts after the migration."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT

BEFORE, AFTER = "0014_permissions_moved", "0015_order_life_cycle"


def migrate(database: Path, to: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "projections", to, "--verbosity", "0"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{database}"},
        check=True,
    )


def test_stored_amounts_keep_their_value_and_lose_the_noise_of_floats(tmp_path: Path) -> None:
    database = tmp_path / "shop.sqlite3"
    migrate(database, BEFORE)
    with sqlite3.connect(database) as old:
        for number, gross in enumerate((0.1 + 0.2, 823746.14, -1192.2, 0)):
            old.execute(
                "INSERT INTO projections_dailysales (key, day, currency, orders, refunds, units_sold, units_returned, "
                "gross, refunded, net, last_event_id, last_version, last_partition, last_offset) "
                "VALUES (?, '2026-02-02', 'GBP', 1, 0, 1, 0, ?, 0, ?, '1', 1, 0, 1)",
                (f"{number}", gross, gross),
            )
    old.close()
    migrate(database, AFTER)
    with sqlite3.connect(database) as new:
        rows = new.execute("SELECT gross, typeof(gross) FROM projections_dailysales").fetchall()
    new.close()
    assert sorted(rows) == sorted((text, "text") for text in ("0.300", "823746.140", "-1192.200", "0.000"))
