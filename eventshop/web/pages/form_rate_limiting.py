"""Rate limits of forms: attempts are counted in the cache, per network address and per subject."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_ratelimit.core import get_usage


class FormRateLimit(NamedTuple):
    """The rates per network address and per subject (such as an e-mail address), as "attempts/period": "10/15m"."""

    name: str
    by_address: str
    by_subject: str


#: Limits password guessing.
SIGN_IN: Final = FormRateLimit("sign-in", "50/15m", "10/15m")
#: Limits the e-mails that a visitor can make us send.
EMAIL: Final = FormRateLimit("email", "30/1h", "5/1h")


def check_rate_limit(request: HttpRequest, limit: FormRateLimit, subject: str) -> HttpResponse | None:
    """Count an attempt; returns the 429 page if it exceeds the limit. `subject` is stored as a digest only."""
    waits = [
        _seconds_to_wait(request, f"{limit.name}-address", "ip", limit.by_address),
        _seconds_to_wait(request, f"{limit.name}-subject", lambda group, request: subject.casefold(), limit.by_subject),
    ]
    if not any(waits):
        return None
    minutes = ceil(max(waits) / 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    response = render(request, "429.html", {"wait": wait}, status=429)
    response["Retry-After"] = str(max(waits))
    return response


def _seconds_to_wait(request: HttpRequest, group: str, key: object, rate: str) -> int:
    """Count one attempt in a group; returns the seconds to wait, 0 if the limit is not exceeded."""
    usage = get_usage(request, group=group, key=key, rate=rate, increment=True)
    return max(1, usage["time_left"]) if usage and usage["should_limit"] else 0
