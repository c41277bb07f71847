"""Aggregates as this process last left them, so that the next command for one need not load it.

What is remembered is never trusted: an append from memory names the hash of the event it follows, and the database
refuses it when the stream no longer ends with that very event. A stream's hash stands for its whole history.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from eventshop.core.aggregate import Aggregate
from eventshop.eventstore.command_execution import LoadedAggregate

_Key = tuple[type[Aggregate[Any, Any]], UUID]

_cache: OrderedDict[_Key, LoadedAggregate] = OrderedDict()
_lock = Lock()


def get(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID) -> LoadedAggregate | None:
    """The aggregate as it was left, if that is remembered and may be used here."""
    if not _is_usable():
        return None
    with _lock:
        loaded = _cache.get((aggregate, aggregate_id))
        if loaded is not None:
            _cache.move_to_end((aggregate, aggregate_id))
        return loaded


def put(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, loaded: LoadedAggregate) -> None:
    """Remember an aggregate whose last event is committed; the one not used for longest is forgotten."""
    if not _is_usable():
        return
    with _lock:
        _cache[aggregate, aggregate_id] = loaded
        _cache.move_to_end((aggregate, aggregate_id))
        while len(_cache) > settings.AGGREGATES_IN_MEMORY:
            _cache.popitem(last=False)


def evict(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID) -> None:
    with _lock:
        _cache.pop((aggregate, aggregate_id), None)


def _is_usable() -> bool:
    """Not inside a transaction, which may yet be rolled back; nor on SQLite, where loading asks no other process."""
    if settings.AGGREGATES_IN_MEMORY == 0:
        return False
    django = connections[DEFAULT_DB_ALIAS]
    return django.vendor == "postgresql" and not django.in_atomic_block
