"""The API rate limit, per token or per signed-in user; response headers give the remaining requests.

Requests are counted in the cache, in fixed windows of the rate's period. Without the cache no request is refused. A
request that is answered with 304 is given back: asking whether something has changed is what clients should do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django_ratelimit.core import ALL, _get_window, _make_cache_key, _split_rate, get_usage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from eventshop.runtime.cache_errors import cache_errors
from eventshop.web.models import ApiToken

_USAGE: Final = "api_usage"
_PRINCIPAL: Final = "api_principal"
_GROUP: Final = "api"


class PrincipalThrottle(BaseThrottle):
    """Allows each token and each user `API_RATE` requests."""

    _wait: float = 1

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            # django_ratelimit needs Django's own request, not the REST framework's wrapper.
            django_request, principal = request._request, _principal_key(request)
            usage = get_usage(
                django_request, group=_GROUP, key=lambda *_: principal, rate=settings.API_RATE, increment=True
            )
        except cache_errors():
            return True
        if usage is None or usage["limit"] == 0:  # the request was not counted
            return True
        setattr(request._request, _USAGE, usage)
        setattr(request._request, _PRINCIPAL, principal)
        self._wait = max(1, usage["time_left"])
        return not usage["should_limit"]

    def wait(self) -> float:
        return self._wait


def _principal_key(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"login:{request.user.pk}"


def add_rate_limit_headers(request: Request, response: HttpResponseBase) -> None:
    """Set the headers of draft-ietf-httpapi-ratelimit-headers: of the current one, and the three that clients know."""
    usage = getattr(request._request, _USAGE, None)
    if usage:
        limit, left, seconds = usage["limit"], max(0, usage["limit"] - usage["count"]), max(1, usage["time_left"])
        response["RateLimit-Policy"] = f'"{_GROUP}";q={limit};w={_split_rate(settings.API_RATE)[1]}'
        response["RateLimit"] = f'"{_GROUP}";r={left};t={seconds}'
        response["RateLimit-Limit"] = str(limit)
        response["RateLimit-Remaining"] = str(left)
        response["RateLimit-Reset"] = str(seconds)


def give_back_unchanged(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator around `conditional_page`: a request that is answered with 304 does not count."""

    @wraps(view)
    def call(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            # The entity tag of its content is compared when there is content.
            response.add_post_render_callback(lambda final: _give_back(request, final))
        else:
            _give_back(request, response)
        return response

    return call


def _give_back(request: HttpRequest, response: HttpResponseBase) -> None:
    principal = getattr(request, _PRINCIPAL, None)
    if response.status_code != 304 or principal is None:
        return
    window = _get_window(principal, _split_rate(settings.API_RATE)[1])
    with suppress(ValueError, *cache_errors()):  # the window has ended, or the cache is away
        cache.decr(_make_cache_key(_GROUP, window, settings.API_RATE, principal, ALL))
