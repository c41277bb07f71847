"""Django's cache with counts of hits and misses, by what is looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.core.cache import cache

from eventshop.runtime import metrics

T = TypeVar("T")

_ABSENT: Final = object()
#: How old may be what changes by itself, such as health, in seconds.
RECENT_S = 5.0


def get_or_compute(name: str, key: str, compute: Callable[[], T], seconds: float) -> T:
    """The cached value of a key, or a new one that is kept for `seconds`. `name` is one of few: it is a label."""
    found: Any = look_up(name, key)
    if found is None:
        found = compute()
        store(name, key, found, seconds)
    value: T = found
    return value


def get_recent(name: str, key: str, measure: Callable[[], T]) -> T:
    """As `get_or_compute`, at most `RECENT_S` old."""
    return get_or_compute(name, key, measure, RECENT_S)


def look_up(name: str, key: str) -> Any:
    """The cached value of a key; None: there is none."""
    found = cache.get(f"{name}:{key}", _ABSENT)
    metrics.CACHE_LOOKUPS.labels(name, "miss" if found is _ABSENT else "hit").inc()
    return None if found is _ABSENT else found


def store(name: str, key: str, value: Any, seconds: float) -> None:
    cache.set(f"{name}:{key}", value, seconds)
