"""The errors by which a cache that is away is noticed."""

from __future__ import annotations

from django.conf import settings


def cache_errors() -> tuple[type[Exception], ...]:
    """What a call of `django.core.cache.cache` raises while its server cannot be reached."""
    if "redis" not in settings.CACHES["default"]["BACKEND"].lower():
        return (OSError,)
    from redis.exceptions import RedisError  # only where it is used: it takes a fifth of the start of a program

    return RedisError, OSError
