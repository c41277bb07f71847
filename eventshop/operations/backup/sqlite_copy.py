"""Copies the SQLite database of the settings to a file while it is in use, and replaces it by such a copy.

Both directions use SQLite's online backup, which is one transaction in the database that is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from eventshop.operations.backup.backup_folder import private_files
from eventshop.operations.backup.errors import BackupFailed, RestoreFailed
from eventshop.operations.backup.key_file import KeyLine, KeySet
from eventshop.operations.backup.manifest import StoreState
from eventshop.operations.backup.store_state import read_store_state
from eventshop.privacy.models import ErasedPerson, PersonalKey

#: The alias of a copy while it is written.
_COPY: Final = "copy"


def dump_database(target: Path) -> StoreState:
    """Write everything but the keys of personal data; return the state of the store in it. Raises `BackupFailed`."""
    try:
        with closing(sqlite3.connect(_database_file())) as source, _opened(target) as copy:
            raw: sqlite3.Connection = copy.connection
            source.backup(raw)
            raw.execute("PRAGMA journal_mode = DELETE")
            raw.execute("PRAGMA secure_delete = ON")
            _delete_keys(raw)
            raw.execute("VACUUM")
            return read_store_state(copy.alias)
    except sqlite3.Error as error:
        raise BackupFailed(f"SQLite could not be copied to {target}: {error}") from error


def load_database(dump: Path, *, keys: KeySet | None, finish: Iterable[str]) -> None:
    """Replace the database by a copy, add keys, and run further statements: all of it or nothing.

    `keys` are those of a database that holds its own keys. Raises `RestoreFailed`.
    """
    connection.close()
    target = _database_file()
    work = target.with_name(f".{target.name}.restore")
    try:
        work.unlink(missing_ok=True)
        with private_files(), _opened(work) as copy:
            raw: sqlite3.Connection = copy.connection
            with closing(sqlite3.connect(f"{dump.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as source:
                source.backup(raw)
            if keys is not None:
                _insert_keys(raw, keys)
            for statement in finish:
                raw.execute(statement)
            with closing(sqlite3.connect(target)) as live:
                raw.backup(live)
                live.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise RestoreFailed(f"SQLite could not be restored to {target}: {error}") from error
    finally:
        work.unlink(missing_ok=True)


def _database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextmanager
def _opened(path: Path) -> Iterator[BaseDatabaseWrapper]:
    """Yield Django's connection to a copy: it knows the functions and collations that the tables use."""
    connections.databases[_COPY] = {**connection.settings_dict, "NAME": str(path), "OPTIONS": {}}
    copy = connections[_COPY]
    try:
        copy.ensure_connection()
        yield copy
    finally:
        copy.close()
        del connections[_COPY], connections.databases[_COPY]


def _delete_keys(copy: sqlite3.Connection) -> None:
    tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for model in (PersonalKey, ErasedPerson):
        if model._meta.db_table in tables:
            copy.execute(f'DELETE FROM "{model._meta.db_table}"')


def _insert_keys(copy: sqlite3.Connection, keys: KeySet) -> None:
    copy.executemany(
        f'INSERT INTO "{PersonalKey._meta.db_table}" ({", ".join(KeyLine.__struct_fields__)}) '
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            (line.subject.hex, line.purpose, line.wrapped, line.wrapped_by, _text(line.made_at), line.generation)
            for line in keys.keys.values()
        ),
    )
    copy.executemany(
        f'INSERT INTO "{ErasedPerson._meta.db_table}" (subject, erased_at) VALUES (?, ?)',
        ((line.subject.hex, _text(line.erased_at)) for line in keys.erased.values()),
    )


def _text(moment: datetime) -> Any:
    """A time as Django stores it in SQLite."""
    return connection.ops.adapt_datetimefield_value(moment.astimezone(UTC))
