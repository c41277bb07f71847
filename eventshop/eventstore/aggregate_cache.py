"""A cache of aggregates in this process, so that the next command for one need not load it.

Optimistic concurrency keeps it safe: an append names the hash of the event that it follows, and the database refuses
it when the stream does not end with that event. The hash of the last event covers the whole history of the stream.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import time
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from eventshop.core.aggregate import Aggregate
from eventshop.eventstore.command_execution import LoadedAggregate
from eventshop.eventstore.event_append import StreamHead

#: How long an id counts as new, in seconds. A wrong guess costs one refused append.
NEW_ID_S: Final = 10.0

_Key = tuple[type[Aggregate[Any, Any]], UUID]

_cache: OrderedDict[_Key, LoadedAggregate] = OrderedDict()
_lock = Lock()


def get(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID) -> LoadedAggregate | None:
    """Return the cached aggregate, the initial one for an id that was made just now, or None."""
    if not _is_usable():
        return None
    with _lock:
        loaded = _cache.get((aggregate, aggregate_id))
        if loaded is not None:
            _cache.move_to_end((aggregate, aggregate_id))
            return loaded
    return LoadedAggregate(aggregate(), StreamHead()) if _was_made_just_now(aggregate_id) else None


def put(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, loaded: LoadedAggregate) -> None:
    """Cache an aggregate whose last event is committed; the least recently used entry is dropped when full."""
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


def _was_made_just_now(aggregate_id: UUID) -> bool:
    """Whether this is a UUIDv7 of the last seconds: most likely the id of a stream that does not exist yet."""
    number = aggregate_id.int
    return number >> 76 & 0xF == 7 and 0 <= time() - (number >> 80) / 1000 < NEW_ID_S


def _is_usable() -> bool:
    """False inside a transaction, which may be rolled back, and on SQLite, where loading needs no network."""
    if settings.AGGREGATES_IN_MEMORY == 0:
        return False
    django = connections[DEFAULT_DB_ALIAS]
    return django.vendor == "postgresql" and not django.in_atomic_block
