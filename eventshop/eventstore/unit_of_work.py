"""The unit of work: the transaction around a write, as each database and the caller's transaction need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

#: Asynchronous commit for this transaction: it is acknowledged before it is on disk. Only for work that is repeated
#: after a crash because its checkpoint is lost with it. LOCAL: the connection's next commands must be durable.
RELAXED_COMMIT_SQL: Final = "SET LOCAL synchronous_commit TO off"


@contextmanager
def relax_commit() -> Iterator[None]:
    """Run single statements with asynchronous commit, in the same round trip; no effect inside a transaction."""
    if connection.in_atomic_block:
        yield
        return
    with relax_transaction():
        yield


@contextmanager
def relax_transaction() -> Iterator[None]:
    """Let the transaction of a statement commit asynchronously, said in the same round trip as the statement."""
    if connection.vendor != "postgresql":
        yield
        return
    # Behind it: the cursor's first result is the statement's.
    with connection.execute_wrapper(lambda run, sql, *rest: run(f"{sql}; {RELAXED_COMMIT_SQL}", *rest)):
        yield


#: SQLite's busy handler is unfair; the writers of one process queue at this lock instead.
_write_lock = Lock()


@contextmanager
def single_write() -> Iterator[None]:
    """The unit of work of a single command: load, decide, append.

    PostgreSQL needs no transaction: the append is one statement, and named constraints detect a stale decision.
    SQLite takes its write lock first, so that nothing changes in between. Inside the caller's transaction this is a
    savepoint, so that a refused append does not abort the caller's work.
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
    """The unit of work of a batch: load, decide, append; all or nothing."""
    turn = nullcontext() if connection.vendor == "postgresql" or connection.in_atomic_block else _write_lock
    with turn, transaction.atomic():
        yield
