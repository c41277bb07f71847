"""Heartbeats: each worker keeps a row that says when it was last alive, so that others can count live workers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.functions import Now

M = TypeVar("M", bound=Model)

#: The row of a worker that has been silent for this many lease durations is deleted: the worker is dead for good.
DELETE_AFTER_LEASES: Final = 10


def record_heartbeat(
    workers: QuerySet[M], owner: str, lease: timedelta, *, on_create: Mapping[str, Any] | None = None, **values: Any
) -> QuerySet[M]:
    """Record that a worker is alive, delete the rows of dead workers, and return the live ones.

    The model has the columns `owner` and `seen_at`. A worker is live while its last heartbeat is younger than `lease`,
    by the database's clock.
    """
    values["seen_at"] = Now()
    if not workers.filter(owner=owner).update(**values):
        workers.create(owner=owner, **values, **(on_create or {}))
    workers.filter(seen_at__lt=Now() - lease * DELETE_AFTER_LEASES).delete()
    return workers.filter(seen_at__gt=Now() - lease)
