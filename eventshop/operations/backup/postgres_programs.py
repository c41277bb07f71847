"""The programs of PostgreSQL: where there are some of the server's version, and how they reach the database."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connection

from eventshop.operations.backup.errors import BackupFailed

#: Where Debian keeps the programs of each version.
_DEBIAN: Final = Path("/usr/lib/postgresql")
#: How often the progress of a program is reported, in seconds.
_WATCH_S: Final = 0.5


def find_programs() -> Path:
    """The folder with a `pg_dump`, `pg_restore` and `psql` that are at least as new as the server.

    They are looked for on the PATH, where Debian puts them, and beside the server. Raises `BackupFailed`.
    """
    needed = connection.pg_version // 10_000  # type: ignore[attr-defined]
    seen: list[str] = []
    for folder in _candidates():
        if all((folder / name).is_file() for name in ("pg_dump", "pg_restore", "psql")):
            if (version := _version_of(folder / "pg_dump")) >= needed:
                return folder
            seen.append(f"{folder} has version {version}")
    raise BackupFailed(
        f"this needs pg_dump, pg_restore and psql of PostgreSQL {needed} or newer, for example from the package "
        f"postgresql-client-{needed}: put them on the PATH ({'; '.join(seen) or 'there are none'})"
    )


def connection_environment() -> dict[str, str]:
    """The environment in which PostgreSQL's programs reach the database of the settings, without any prompt."""
    arguments, secrets = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    options = dict(zip(arguments[1::2], arguments[2::2], strict=False))
    named = {"PGUSER": options.get("-U"), "PGHOST": options.get("-h"), "PGPORT": options.get("-p")}
    return {
        "PATH": os.environ.get("PATH", ""),
        "PGDATABASE": arguments[-1],
        "PGOPTIONS": "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0",
        **{name: value for name, value in named.items() if value},
        **(secrets or {}),
    }


def run_program(command: list[str | Path], watch: Callable[[], None]) -> None:
    """Run a program to its end; `watch` is called now and then. Raises `BackupFailed` with what the program said."""
    process = subprocess.Popen(
        [str(part) for part in command],
        env=connection_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                _, said = process.communicate(timeout=_WATCH_S)
                break
            watch()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        raise BackupFailed(f"{Path(command[0]).name} failed: {last_lines(said)}")


def last_lines(said: str) -> str:
    """The end of what a program said, on one line."""
    return " | ".join(said.strip().splitlines()[-3:]) or "it said nothing"


def _candidates() -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder)
    yield from sorted(_DEBIAN.glob("*/bin"), reverse=True)
    with suppress(DatabaseError), connection.cursor() as cursor:  # only privileged roles may ask
        cursor.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        yield from (Path(folder) for (folder,) in cursor.fetchall())


def _version_of(program: Path) -> int:
    """The major version of a program; 0 if it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0
