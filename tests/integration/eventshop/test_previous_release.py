"""A database of the previous release is migrated and goes on: streams, receipts, rows, dead letters, permissions."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.support.database import url_of_database
from tests.support.previous_release import FIXTURES
from tests.support.processes import ROOT

NAME = "of_the_previous_release"


@pytest.fixture
def old_database(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The DATABASE_URL of a database as the previous release left it."""
    if connection.vendor == "sqlite":
        path = tmp_path / "old.sqlite3"
        embedded = sqlite3.connect(path)
        embedded.executescript((FIXTURES / "sqlite.sql").read_text())
        embedded.close()
        yield f"sqlite:///{path}"
        return
    name = f"{connection.settings_dict['NAME']}_{NAME}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    url = url_of_database().replace(f"/{connection.settings_dict['NAME']}", f"/{name}")
    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as old:
        old.execute((FIXTURES / "postgres.sql").read_bytes())
    yield url
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(*arguments: str, url: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_migrated_and_goes_on(old_database: str) -> None:
    run("manage.py", "migrate", url=old_database)
    run("-m", "tests.support.previous_release", url=old_database)
    run("manage.py", "migrate", "--check", url=old_database)  # fails if there is a migration to apply
