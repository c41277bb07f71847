"""How a write is wrapped: nothing more than each database and the caller's own transaction need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

#: The commit of this transaction is answered before it is on disk. Only for what comes again if it vanishes, with the
#: place where it was read, and only this one: the same connection may send commands next, and those must not vanish.
RELAXED_COMMIT_SQL: Final = "SET LOCAL synchronous_commit TO off"


@contextmanager
def relax_commit() -> Iterator[None]:
    """Around a statement that is a transaction of its own: answered before it is on disk, in the same round trip."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with connection.execute_wrapper(lambda run, sql, *rest: run(f"{RELAXED_COMMIT_SQL}; {sql}", *rest)):
        yield


#: SQLite's busy handler is unfair: writers of one process take turns here instead (mechanics 7).
_write_lock = Lock()


@contextmanager
def single_write() -> Iterator[None]:
    """Around load, decide and append of a single command.

    PostgreSQL needs no transaction: the append is one statement, and the named constraints find a stale decision.
    SQLite takes its write lock first, so that nothing can change in between. Inside somebody's transaction it is a
    savepoint: a refused append must not doom the rest.
    """
    django = connections[DEFAULT_DB_ALIAS]
    if django.in_atomic_block:
        with transaction.atomic():
            yield
    elif django.vendor == "postgresql":
        yield
    else:
        with _write_lock, transaction.atomic():
            yield


@contextmanager
def batch_write() -> Iterator[None]:
    """Around load, decide and append of a batch: all or nothing."""
    turn = nullcontext() if connection.vendor == "postgresql" or connection.in_atomic_block else _write_lock
    with turn, transaction.atomic():
        yield
