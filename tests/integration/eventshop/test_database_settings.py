"""Django reaches the database that DATABASE_URL names, with what EventShop relies on switched on."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.support.database import url_of_database
from tests.support.processes import ROOT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")


def answer(query: str) -> str:
    """Return the only value that `query` gives, as text."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite only")
def test_sqlite_is_a_file_with_a_durable_write_ahead_log() -> None:
    assert (answer("PRAGMA journal_mode"), answer("PRAGMA synchronous")) == ("wal", "2")


@pytest.mark.postgres
def test_postgresql_is_reached() -> None:
    assert answer("SHOW server_version").split(".")[0] >= "14"
    assert answer("SELECT current_user")


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("DATABASE_STATEMENT_TIMEOUT_S", "statement_timeout"),
        ("DATABASE_LOCK_TIMEOUT_S", "lock_timeout"),
        ("DATABASE_IDLE_TRANSACTION_TIMEOUT_S", "idle_in_transaction_session_timeout"),
    ],
)
def test_timeouts_reach_postgresql(setting: str, name: str) -> None:
    script = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "cursor = connection.cursor()\n"
        f"cursor.execute('SHOW {name}')\n"
        "print(cursor.fetchone()[0])"
    )
    environment = {**os.environ, "DATABASE_URL": url_of_database(), setting: "17"}
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "17s"


@pytest.mark.postgres
def test_a_transaction_that_idles_is_ended_and_gives_back_its_locks() -> None:
    script = (
        "import django; django.setup()\n"
        "import time\n"
        "from django.db import connection, transaction\n"
        "with transaction.atomic():\n"
        "    connection.cursor().execute('SELECT pg_advisory_xact_lock(4711)')\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(600)"
    )
    environment = {**os.environ, "DATABASE_URL": url_of_database(), "DATABASE_IDLE_TRANSACTION_TIMEOUT_S": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        wait_until(lambda: answer("SELECT pg_try_advisory_xact_lock(4711)") == "True")
        process.kill()
