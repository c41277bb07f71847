"""PostgreSQL is brought back to a moment with the settings of docs/recovery.md, as they stand there."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.postgres import PostgresUnavailable, bin_dir, binaries_for, restrict_to, run_program, server_user
from deploy.stack import Stack
from deploy.stack.errors import StackError
from tests.conftest import missing
from tests.support.docs_recipe import section_text
from tests.support.waiting import wait_until

#: Runs once, in the PostgreSQL session; it has a server of its own.
pytestmark = pytest.mark.postgres

HEADING = "Back to a point in time"


def lines_of_the_page(*, archive: Path) -> dict[str, str]:
    """The settings of the section, by name, with the archive of the test."""
    lines = re.findall(r"^ {4}(\w+) = (.+?)(?: +#.*)?$", section_text("recovery.md", HEADING), re.MULTILINE)
    return {name: value.replace("/archive", str(archive)) for name, value in lines}


class Server:
    """A PostgreSQL with an archive of its write-ahead log."""

    def __init__(self, home: Path) -> None:
        self.user = server_user()
        self.home, self.archive, self.base = home, home / "archive", home / "base"
        self.archive.mkdir()
        restrict_to(self.archive, self.user)
        self.stack = Stack(home, parts={"postgres"})
        self.stack.start()

    @property
    def data(self) -> Path:
        return self.home / "postgres" / "data"

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements; return the rows of the last one."""
        with psycopg.connect(self.stack.env["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def configure(self, settings: dict[str, str]) -> None:
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def take_base_backup(self) -> None:
        [command] = re.findall(r"^ {4}pg_basebackup (.*)$", section_text("recovery.md", HEADING), re.MULTILINE)
        options = re.sub(r"--pgdata=\S+", f"--pgdata={self.base}", command).split()
        binaries = binaries_for(self.user, bin_dir(), self.home) if self.user else bin_dir()
        self.base.mkdir()
        restrict_to(self.base, self.user)
        run_program([binaries / "pg_basebackup", f"--dbname={self.stack.env['DATABASE_URL']}", *options], self.user)

    def is_archived(self, name: str) -> bool:
        return (self.archive / name).exists()


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pitr-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o711)  # PostgreSQL may run as another user, which must be able to enter
        try:
            made = Server(Path(home))
        except (PostgresUnavailable, StackError) as error:
            missing(str(error))
            raise
        yield made
        made.stack.stop(immediately=True)


def test_the_database_comes_back_as_it_was_before_a_mistake(server: Server) -> None:
    settings = lines_of_the_page(archive=server.archive)
    archiving = {name: value for name, value in settings.items() if name.startswith(("archive", "wal_level"))}
    assert archiving.keys() == {"archive_mode", "archive_command", "archive_timeout", "wal_level"}
    server.configure(archiving)
    server.stack.stop()
    server.stack.start()
    server.execute("CREATE TABLE noted (what text)", "INSERT INTO noted VALUES ('before the backup')")
    server.take_base_backup()
    server.execute("INSERT INTO noted VALUES ('after the backup')")
    [(moment,)] = server.execute("SELECT clock_timestamp()::text")
    server.execute("INSERT INTO noted VALUES ('a mistake')")
    [(segment,)] = server.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.execute("SELECT pg_switch_wal()")
    wait_until(lambda: server.is_archived(str(segment)))
    server.stack.stop()

    shutil.rmtree(server.data)
    server.base.rename(server.data)
    recovering = {name: value for name, value in settings.items() if name.startswith(("restore", "recovery"))}
    assert recovering.keys() == {"restore_command", "recovery_target_time", "recovery_target_action"}
    server.configure(recovering | {"recovery_target_time": f"'{moment}'"})
    (server.data / "recovery.signal").touch()
    restrict_to(server.data, server.user)
    server.stack.start()

    wait_until(lambda: server.execute("SELECT pg_is_in_recovery()") == [(False,)])
    assert server.execute("SELECT what FROM noted ORDER BY 1") == [("after the backup",), ("before the backup",)]
