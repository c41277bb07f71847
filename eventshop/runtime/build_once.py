"""Objects that a process has once, such as the client of a service with its circuit breaker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class BuildOnce(Generic[P, T]):
    """Decorator: as `functools.cache`, but threads that are the first to ask at the same time get one object."""

    def __init__(self, build: Callable[P, T]) -> None:
        self._cached = cache(build)
        self._lock = Lock()

    def __call__(self, *arguments: P.args, **keywords: P.kwargs) -> T:
        with self._lock:
            return self._cached(*arguments, **keywords)  # type: ignore[arg-type]  # hashable, or the cache refuses them

    def forget(self) -> None:
        """Build anew when it is next asked for."""
        self._cached.cache_clear()
