"""The entries of Django's setting DATABASES. Pure functions; only `settings.py` reads the environment."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from eventshop.env_validators import folder, invalid_setting, whole_number

#: Connections of a worker's pool beside those of the threads that fold: for sagas, effects, tasks and rebuilds.
OTHER_CONNECTIONS: Final = 4
#: Without one for each of the feed, the sagas and everything else, a worker's threads would wait for each other.
MIN_OTHER_CONNECTIONS: Final = 3
#: Keys are read in a moment; their own database needs few connections.
KEYS_POOL_SIZE: Final = 2
#: How long a pooled connection stays open unused.
POOL_IDLE_S: Final = 60


class ProcessKind(StrEnum):
    """What a process is for: its defaults depend on it."""

    WEB = "web"
    WORKER = "worker"
    COMMAND = "command"


class Timeouts(NamedTuple):
    """When PostgreSQL ends a statement, a wait for a lock, and an idle transaction; in seconds, 0 for never."""

    statement_s: int
    lock_s: int
    idle_transaction_s: int


#: People do not wait longer for a page. A worker's rebuilds and cleanups may take hours, as may commands.
DEFAULT_TIMEOUTS: Final = {
    ProcessKind.WEB: Timeouts(30, 10, 60),
    ProcessKind.WORKER: Timeouts(0, 60, 60),
    ProcessKind.COMMAND: Timeouts(0, 0, 60),
}


def process_kind(arguments: Sequence[str]) -> ProcessKind:
    """What a process with this command line is for: `gunicorn …` or `celery … worker …`, also as `python -m`."""
    path = Path(arguments[0])
    program = path.parent.name if path.stem == "__main__" else path.name
    if program == "gunicorn" or "runserver" in arguments[1:2]:
        return ProcessKind.WEB
    return ProcessKind.WORKER if program == "celery" and "worker" in arguments else ProcessKind.COMMAND


def pool_size(name: str, text: str, *, folding_threads: int) -> int:
    """Return the size of a connection pool, 0 for none. A pool must suffice for a worker."""
    size, needed = whole_number(name, text), folding_threads + MIN_OTHER_CONNECTIONS
    if 0 < size < needed:
        raise invalid_setting(name, f"must be 0 or at least {needed} with PROJECTION_THREADS={folding_threads}")
    return size


def sqlite_database(name: str, path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The entry for an SQLite file."""
    if unknown := options.keys() - {"timeout"}:
        raise invalid_setting(name, f"unknown option {min(unknown)!r}; use timeout")
    folder(name, path.parent)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        # IMMEDIATE: in WAL mode a deferred transaction that has read cannot upgrade to a writer; it fails at once.
        # FULL: with NORMAL a power failure can lose the last accepted events.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": options.get("timeout", 20),
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-20000;"
            # Overwrite deleted content with zeros, so that erased data does not stay in free pages.
            "PRAGMA secure_delete=ON;",
        },
        # A file, as several threads and processes use it; Django's default for tests is in memory.
        "TEST": {"NAME": str(path.with_name(f"test_{path.name}"))},
    }


def postgres_database(config: dict[str, Any], *, pool: int, timeouts: Timeouts, pooler: bool) -> dict[str, Any]:
    """The entry for PostgreSQL; `pooler`: behind PgBouncer in transaction mode.

    A connection's parameters are sent when it is opened. PgBouncer refuses that, and SET would change a server
    connection that others use next: there they belong to the role (docs/running.md).
    """
    options = config.setdefault("OPTIONS", {})
    parameters = [] if pooler else _session_parameters(timeouts)
    if parameters or "options" in options:
        options["options"] = " ".join([*parameters, options.get("options", "")]).strip()
    # libpq names a socket folder with the option `host`; Django's `dbshell` expects it in HOST.
    config["HOST"] = options.pop("host", config["HOST"])
    if pooler:
        config["DISABLE_SERVER_SIDE_CURSORS"] = True
    if not pool:
        return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    options["pool"] = {"min_size": 0, "max_size": pool, "max_idle": POOL_IDLE_S, "num_workers": 1}
    return config | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}


def _session_parameters(timeouts: Timeouts) -> list[str]:
    # The prepared statements of the event store look up keys; planning them anew costs more than running them.
    values = {
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": f"{timeouts.statement_s}s",
        "lock_timeout": f"{timeouts.lock_s}s",
        "idle_in_transaction_session_timeout": f"{timeouts.idle_transaction_s}s",
    }
    return [f"-c {name}={value}" for name, value in values.items()]
