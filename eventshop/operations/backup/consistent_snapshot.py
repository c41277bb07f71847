"""A snapshot of PostgreSQL that `pg_dump` can share, taken while no append is open.

Positions are drawn before they are committed. A snapshot at any moment could hold position 100 and lack 99, and would
be no beginning of the store: the events after it on Kafka could not be put behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction

from eventshop.eventstore.open_appends import EVENT_FENCE, describe_open_appends
from eventshop.operations.backup.errors import BackupFailed
from eventshop.runtime.backoff import Backoff

#: How long the fence waits for writers at a time, in ms: new writers queue behind it.
_FENCE_MS: Final = 100
#: How long it is tried, in seconds.
FENCE_LIMIT_S: Final = 60.0
_BACKOFF: Final = Backoff(timedelta(milliseconds=20), timedelta(seconds=1))


@contextmanager
def exported_snapshot() -> Iterator[str]:
    """Yield the name of a snapshot, in the transaction that holds it. Raises `BackupFailed`.

    The queries of this connection in the block see the same data as `pg_dump`.
    """
    if settings.DATABASE_POOLER:
        raise BackupFailed("DATABASE_URL leads to PgBouncer: run the backup with DATABASE_POOLER=off and a direct one")
    connection.close()  # its settings must not outlive this
    try:
        _take_fence()
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            [name] = cursor.fetchone()
            cursor.execute("SELECT pg_advisory_unlock(%s)", [EVENT_FENCE.lock])
            yield str(name)
    finally:
        connection.close()


def _take_fence() -> None:
    """Take the lock that every append shares, for the session. Readers use it in the same way (`tail_horizon`)."""
    began, failures = monotonic(), 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{_FENCE_MS}ms"])
        while not _try_fence(cursor):
            if monotonic() - began > FENCE_LIMIT_S:
                raise BackupFailed(
                    f"for {FENCE_LIMIT_S:.0f} s there was no moment without an open append. {describe_open_appends()}"
                )
            failures += 1
            sleep(_BACKOFF.delay_s(failures))


def _try_fence(cursor: Any) -> bool:
    try:
        cursor.execute("SELECT pg_advisory_lock(%s)", [EVENT_FENCE.lock])
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            return False
        raise
    return True
