"""A command that fails prints one line and exits with a status that says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError

from tests.support.processes import ROOT

pytestmark = pytest.mark.long(on="postgres")  # its processes have databases of their own


def run_manage(*arguments: str, stdout: int = subprocess.PIPE, **env: str) -> tuple[int, str]:
    """The exit status and the text on stderr."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | env,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["ensure_staff", "projections_status", "seed_demo"])
def test_a_database_that_was_never_migrated(tmp_path: Path, command: str) -> None:
    status, said = run_manage(command, DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3", STAFF_PASSWORD="correct horse")
    assert status == 1
    assert said.startswith("manage.py: ") and "`manage.py migrate`" in said
    assert said.count("\n") == 1


def test_a_database_that_is_away() -> None:
    status, said = run_manage("rotate_keys", DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("manage.py: ") and "127.0.0.1" in said


def test_a_setting_that_cannot_be_used() -> None:
    status, said = run_manage("migrate", EVENT_LOG_URL="carrier-pigeon:")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("manage.py: EVENT_LOG_URL: ")


def test_who_asks_for_it_gets_the_traceback(tmp_path: Path) -> None:
    status, said = run_manage("projections_status", "--traceback", DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3")
    assert status == 1
    assert said.startswith("Traceback") and OperationalError.__name__ in said.splitlines()[-1]


def test_ctrl_c() -> None:
    status, said = run_manage("shell", "--no-imports", "-c", "raise KeyboardInterrupt")
    assert (status, said.count("\n")) == (130, 1)


def test_a_reader_that_has_gone_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run_manage("help", stdout=writing) == (141, "")
    finally:
        os.close(writing)
