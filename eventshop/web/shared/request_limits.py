"""Limits of requests that cost more than others, such as searches: counted in the cache, by network address."""

from __future__ import annotations

from django.http import HttpRequest
from django_ratelimit.core import get_usage

from eventshop.runtime.cache_errors import cache_errors
from eventshop.web.shared.attempt_limits import TooManyAttempts, network_of


def limit_requests(request: HttpRequest, name: str, rate: str, *, count: bool = True) -> None:
    """Count a request; `rate` is "count/period", such as 60/m. Raises `TooManyAttempts`. Without the cache, none is.

    Without `count` it only asks whether the address has had too many, where only some of its requests are counted.
    """
    try:
        usage = get_usage(request, group=name, key=lambda _, request: network_of(request), rate=rate, increment=count)
    except cache_errors():
        return
    if usage and usage["should_limit"]:
        raise TooManyAttempts(wait_s=max(1, usage["time_left"]))
