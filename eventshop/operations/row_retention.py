"""Retention of rows: what nobody needs any more is deleted, each table some days after its rows were finished.

Each table that grows with use names here what may be deleted, and when; a periodic job for each does it and tells staff
how many rows are left. A table without retention is either bounded or kept for ever, and a test says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias

from django.conf import settings
from django.db.models import Min, Model, Q, QuerySet

from eventshop.core.errors import DuplicateName
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.operations import periodic_jobs
from eventshop.operations.periodic_jobs import LEASE, PeriodicJob
from eventshop.runtime.database_clock import database_now

#: How often old rows are looked for, and how long one run may delete: it must end before its lease does.
EVERY: Final = timedelta(hours=6)
RUN_LIMIT: Final = LEASE / 2

Rows: TypeAlias = QuerySet[Any]


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Which rows of a table are deleted, and when: `setting` days after the time in the column `since`."""

    #: Of its periodic job, such as `remove-old-requests`.
    name: str
    model: type[Model]
    since: str
    #: A setting with a number of days. Empty: `since` holds the time from which a row may be deleted.
    setting: str = ""
    #: Only these rows, such as finished ones. It must not join another table: the rows found are locked.
    condition: Q = field(default_factory=Q)
    #: Rows of one transaction: other writers must not wait long. Less where a row has many others below it.
    batch: int = 500
    #: Called with the time before which rows are deleted, where the database itself refuses other deletions.
    allow_deletion: Callable[[datetime], None] | None = None

    @property
    def kept(self) -> timedelta:
        return timedelta(days=getattr(settings, self.setting) if self.setting else 0)

    def expired_rows(self, *, now: datetime | None = None) -> Rows:
        """The rows that may be deleted, oldest key first; `now`: by the database's clock unless given."""
        before = (now or database_now()) - self.kept
        rows: Rows = self.model._default_manager.filter(self.condition, **{f"{self.since}__lt": before})
        return rows.order_by("pk")


class TableSize(NamedTuple):
    """How many rows a table has, and the oldest time in its column of times."""

    rows: int
    oldest: datetime | None

    def __str__(self) -> str:
        return f"{self.rows:,} kept" + (f", the oldest of {self.oldest:%Y-%m-%d}" if self.oldest else "")


_retentions: Final[dict[str, Retention]] = {}


def register(retention: Retention) -> None:
    """Delete these rows periodically. Raises `DuplicateName`."""
    if _retentions.setdefault(retention.name, retention) is not retention:
        raise DuplicateName(f"Two retentions are named {retention.name!r}", name=retention.name)
    periodic_jobs.register(PeriodicJob(retention.name, EVERY, lambda: run_retention(retention)))


def registered_retentions() -> Collection[Retention]:
    return _retentions.values()


def run_retention(retention: Retention) -> str:
    """Delete the rows that have expired; returns what was done, for staff."""
    deleted = delete_expired(retention)
    size = measure_table(retention.model, retention.since)
    return f"{deleted:,} {retention.model._meta.verbose_name_plural} removed; {size}"


def delete_expired(retention: Retention, *, now: datetime | None = None, limit: timedelta = RUN_LIMIT) -> int:
    """Delete the expired rows in batches, each in its own transaction, and return how many.

    A row that somebody else works on is left to the next run, as is whatever is left after `limit`. The table is read
    once, by its key, however many batches there are: no index on the time is needed.
    """
    deadline, deleted = monotonic() + limit.total_seconds(), 0
    expired = rest = retention.expired_rows(now=now)
    if retention.allow_deletion:
        retention.allow_deletion((now or database_now()) - retention.kept)
    while True:
        with batch_write():
            locked = rest.select_for_update(skip_locked=True)
            keys = list(locked.values_list("pk", flat=True)[: retention.batch])
            retention.model._default_manager.filter(pk__in=keys).delete()
        deleted += len(keys)
        if len(keys) < retention.batch or monotonic() > deadline:
            return deleted
        rest = expired.filter(pk__gt=keys[-1])


def measure_table(model: type[Model], since: str) -> TableSize:
    """Count the rows of a table and find its oldest time. Reads the whole table."""
    rows = model._default_manager.order_by()
    return TableSize(rows.count(), rows.aggregate(oldest=Min(since))["oldest"])
