"""The API rate limit, per token or per signed-in user; response headers give the remaining requests.

Requests are counted in the cache, in fixed windows of the rate's period. Without the cache no request is refused.
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
    """Allows each token and each user `API_RATE` requests."""

    _wait: float = 1

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            # django_ratelimit needs Django's own request, not the REST framework's wrapper.
            django_request, principal = request._request, _principal_key(request)
            usage = get_usage(
                django_request, group="api", key=lambda *_: principal, rate=settings.API_RATE, increment=True
            )
        except (RedisError, OSError):
            return True
        if usage is None or usage["limit"] == 0:  # the request was not counted
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
    """Set the three `RateLimit-*` headers of draft-ietf-httpapi-ratelimit-headers, in the form that clients know."""
    usage = getattr(request._request, _USAGE, None)
    if usage:
        response["RateLimit-Limit"] = str(usage["limit"])
        response["RateLimit-Remaining"] = str(max(0, usage["limit"] - usage["count"]))
        response["RateLimit-Reset"] = str(max(1, usage["time_left"]))
