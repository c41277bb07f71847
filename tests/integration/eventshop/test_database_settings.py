"""Django reaches the database that DATABASE_URL names, with what EventShop relies on switched on."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


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
