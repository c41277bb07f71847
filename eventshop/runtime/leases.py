"""Leases: for a limited time, one worker has the exclusive right to work on a row.

A row is leased by its columns `owner` and `leased_until`. Leases save workers from doing the same work twice; they do
not prove anything, because a worker can be paused for longer than its lease. So the work itself must also be safe: by
compare-and-set, by a producer epoch, or by being idempotent.

All times are the database's, in the statement that compares and sets them: the clocks of the workers may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.db.models.functions import Now

M = TypeVar("M", bound=Model)


def is_unleased() -> Q:
    """The condition for rows that no worker has a lease on."""
    return Q(owner="") | Q(leased_until=None) | Q(leased_until__lt=Now())


def is_leased() -> ExpressionWrapper[Q]:
    """Whether a worker has a lease on the row; an annotation for queries."""
    return ExpressionWrapper(~is_unleased(), output_field=BooleanField())


def acquire_leases(
    rows: QuerySet[M], owner: str, duration: timedelta, /, *, reentrant: bool = True, **changes: Any
) -> int:
    """Lease those of the rows that are free, and renew the owner's own leases; return their number. One statement.

    With `reentrant=False` a lease that the owner already has counts as taken, so that of two threads one gets it.
    `changes` are further columns to set.
    """
    available = is_unleased() | Q(owner=owner) if reentrant else is_unleased()
    return rows.filter(available).update(owner=owner, leased_until=Now() + duration, **changes)


def renew_leases(rows: QuerySet[M], owner: str, duration: timedelta, /, **changes: Any) -> int:
    """Extend the owner's leases on these rows; return their number: 0 means that they are lost. One statement."""
    return rows.filter(owner=owner).update(leased_until=Now() + duration, **changes)


def release_leases(rows: QuerySet[M], owner: str, /, *, keep_owner: bool = False, **changes: Any) -> int:
    """End the owner's leases on these rows, so that others need not wait until they expire. One statement.

    `keep_owner` leaves its name in the row, as the worker that had the row last.
    """
    if not keep_owner:
        changes["owner"] = ""
    return rows.filter(owner=owner).update(leased_until=None, **changes)


def fair_share(partitions: int, workers: int) -> int:
    """How many partitions each of the live workers leases at most."""
    return math.ceil(partitions / max(1, workers))


def acquire_share(
    rows: QuerySet[M],
    owner: str,
    duration: timedelta,
    /,
    *,
    share: int | None,
    known: Collection[M] | None = None,
    **changes: Any,
) -> list[M]:
    """Lease up to `share` of the rows and release the owner's other leases; return the rows that it has now.

    The owner's own leases come first, then free rows in the order of `rows`; `share=None` means all. `known` are the
    rows as the caller has just read them: leases on rows among them that `rows` excludes are released.
    """
    current: list[Any] = list(rows.all() if known is None else known)
    held = {row.pk for row in current if row.owner == owner}
    while True:
        owned = [row for row in current if row.owner == owner]
        others = [row for row in current if row.owner != owner]
        taken = set[Any]()
        if any(row.owner for row in others):
            taken.update(rows.exclude(is_unleased()).values_list("pk", flat=True))
        free = [row for row in others if row.pk not in taken]
        wanted = [*owned, *free][:share]
        # If another worker was faster with one of them, read the rows and choose again.
        if acquire_leases(rows.filter(pk__in=[row.pk for row in wanted]), owner, duration, **changes) == len(wanted):
            break
        current = list(rows.all())
    if surplus := held.union(row.pk for row in owned) - {row.pk for row in wanted}:
        release_leases(rows.model._default_manager.filter(pk__in=surplus), owner)
    for row in wanted:
        row.owner = owner
    return wanted


def claim_due_rows(
    due_rows: QuerySet[M],
    /,
    *,
    due_column: str,
    lease: timedelta,
    limit: int,
    now: datetime | None = None,
    write: Callable[[], AbstractContextManager[None]] = transaction.atomic,
    **changes: Any,
) -> list[M]:
    """Claim the rows of a work queue that are due, by moving their due time to the end of the lease.

    `due_rows` are filtered and ordered by the caller, who may also name another time than the present. Rows that
    another worker claims at the same time are skipped. One statement when none is due; `write` opens the transaction
    otherwise.
    """
    time: Any = now or Now()
    due_rows = due_rows.filter(**{f"{due_column}__lte": time})
    ids = list(due_rows.values_list("pk", flat=True)[:limit])
    if not ids:
        return []
    with write():
        claimed = list(due_rows.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",)))
        rows = due_rows.model._default_manager.filter(pk__in=[row.pk for row in claimed])
        rows.update(**{due_column: time + lease}, **changes)
    return claimed
