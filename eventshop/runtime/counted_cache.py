"""Django's cache with counts of hits and misses, by what is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, TypeVar

from django.core.cache import cache

from eventshop.runtime import metrics
from eventshop.runtime.cache_errors import cache_errors

T = TypeVar("T")

_ABSENT: Final = object()
#: How old may be what changes by itself, such as health, in seconds.
RECENT_S = 5.0
#: Until when the cache is not asked, on the monotonic clock.
_away_until = 0.0


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
    """The cached value of a key; None: there is none, or the cache cannot be reached."""
    found: Any = _ABSENT
    with _tolerating_errors() as may_ask:
        if may_ask:
            found = cache.get(f"{name}:{key}", _ABSENT)
    metrics.CACHE_LOOKUPS.labels(name, "miss" if found is _ABSENT else "hit").inc()
    return None if found is _ABSENT else found


def store(name: str, key: str, value: Any, seconds: float) -> None:
    """Keep a value, if the cache can be reached."""
    with _tolerating_errors() as may_ask:
        if may_ask:
            cache.set(f"{name}:{key}", value, seconds)


def forget(name: str, *keys: str) -> None:
    """Remove values, if the cache can be reached."""
    with _tolerating_errors() as may_ask:
        if may_ask:
            cache.delete_many([f"{name}:{key}" for key in keys])


@contextmanager
def _tolerating_errors() -> Iterator[bool]:
    """Whether the cache is to be asked: not for some seconds after it could not be reached, as each time takes long.

    Pages, health and metrics work without it, only slower.
    """
    global _away_until
    try:
        yield monotonic() >= _away_until
    except cache_errors():
        _away_until = monotonic() + RECENT_S
