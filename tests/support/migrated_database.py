"""The test database of a worker: the first worker of a run migrates one, the others copy it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.test.utils import setup_databases

connection: Any = connections["default"]

#: What Django needs to remove them: the connection, the name before, whether it was created.
Created = Sequence[tuple[Any, str, bool]]


def create_test_database(migrated: str | None) -> Created:
    """Create this worker's test database. `migrated` is where the run keeps the one to copy; None: always migrate."""
    if migrated is None:
        return setup_databases(verbosity=0, interactive=False, serialized_aliases=())
    with Path(f"{migrated}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if Path(migrated).exists():
            return _copy_of(migrated)
        created = setup_databases(verbosity=0, interactive=False, serialized_aliases=())
        _keep(migrated)
        return created


def _keep(migrated: str) -> None:
    connections.close_all()
    if connection.vendor == "sqlite":
        shutil.copyfile(connection.settings_dict["NAME"], migrated)
    else:
        connection.close_pool()
        _copy_on_server(connection.settings_dict["NAME"], "migrated")
        Path(migrated).touch()


def _copy_of(migrated: str) -> Created:
    before, name = connection.settings_dict["NAME"], connection.creation._get_test_db_name()
    connection.close()
    if connection.vendor == "sqlite":
        shutil.copyfile(migrated, name)
    else:
        _copy_on_server("migrated", name)
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
    return [(connection, before, True)]


def _copy_on_server(source: str, name: str) -> None:
    with connection.creation._nodb_cursor() as cursor:  # the server refuses while anybody uses the source
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
