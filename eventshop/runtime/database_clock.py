"""The database's time without a round trip each time, and how long it is until something in a table is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

#: How long a reading is used: the clocks of two machines drift apart by less than a millisecond in that time.
REFRESH_AFTER_S: Final = 60.0
_SQL: Final = {
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')",
}


class _Reading(NamedTuple):
    """What the database's clock said at a time of this process's monotonic clock."""

    time: datetime
    read_at_s: float


_last: _Reading | None = None


def database_now() -> datetime:
    """The time of the database's clock, a round trip behind it at most; one query a minute. Leases use `Now()`."""
    global _last
    reading = _last
    if reading is None or monotonic() - reading.read_at_s > REFRESH_AFTER_S:
        reading = _last = _read_clock()
    return reading.time + timedelta(seconds=monotonic() - reading.read_at_s)


def clock_ahead_s() -> float:
    """How far the clock of this process is ahead of the database's, in seconds; negative: behind."""
    return (timezone.now() - database_now()).total_seconds()


def seconds_until_first(rows: QuerySet[Any], due: str) -> float:
    """How long until the first of the rows is due, by the column `due`: at most 0 if one is, infinite without any.

    One statement, by the database's clock.
    """
    for time, now in rows.order_by(due).annotate(now=Now()).values_list(due, "now")[:1]:
        return float((time - now).total_seconds())
    return inf


def _read_clock() -> _Reading:
    with connection.cursor() as cursor:
        cursor.execute(_SQL[connection.vendor])
        [time] = cursor.fetchone()
    naive: datetime = time if isinstance(time, datetime) else datetime.fromisoformat(time)
    return _Reading(naive.replace(tzinfo=UTC), monotonic())
