"""How many requests one token, or one signed-in person, may send; every answer says how many are left.

Counted in the cache, in windows of the rate's period. While the cache is away nobody is held up.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpResponseBase
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from eventshop.web.models import ApiToken

_USAGE: Final = "api_usage"


class PrincipalThrottle(BaseThrottle):
    """`API_RATE` for each."""

    _wait: float = 1

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            # Django's own request has been through the middleware; it is what the library knows.
            django_request, principal = request._request, _principal_key(request)
            usage = get_usage(django_request, group="api", key=lambda *_: principal, rate=settings.API_RATE, increment=True)
        except (RedisError, OSError):
            return True
        if usage is None or usage["limit"] == 0:  # the cache did not count
            return True
        setattr(request._request, _USAGE, usage)
        self._wait = max(1, usage["time_left"])
        return not usage["should_limit"]

    def wait(self) -> float:
        return self._wait


def _principal_key(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"login:{request.user.pk}"


def add_rate_limit_headers(request: Request, response: HttpResponseBase) -> None:
    """The headers of draft-ietf-httpapi-ratelimit-headers (the three separate ones, which clients know)."""
    usage = getattr(request._request, _USAGE, None)
    if usage:
        response["RateLimit-Limit"] = str(usage["limit"])
        response["RateLimit-Remaining"] = str(max(0, usage["limit"] - usage["count"]))
        response["RateLimit-Reset"] = str(max(1, usage["time_left"]))
