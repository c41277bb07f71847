"""Limits of attempts, such as wrong passwords: counted in the database, so all processes and doors share them.

After its free attempts a subject must wait before each further one, each time twice as long. An attempt is counted
before it is made: many at the same time get no further than one after another. Refused attempts are not counted, so
nobody can prolong another's wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import Final, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User as Login
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from eventshop.runtime.database_clock import database_now
from eventshop.web.models import AttemptCount
from eventshop.web.shared.errors import TooManyRequests

#: The part of an IPv6 address that one customer of a provider has (RFC 6177).
_IPV6_PREFIX: Final = 64


class AttemptLimit(NamedTuple):
    """How many attempts are free, how long a subject waits after them, and when its attempts are forgotten."""

    name: str
    free: int
    first_wait: timedelta
    longest_wait: timedelta
    #: Counted from the last attempt.
    forgotten_after: timedelta

    def wait_after(self, attempts: int) -> timedelta:
        """The wait after so many attempts."""
        if attempts < self.free:
            return timedelta(0)
        # More doublings than these are longer than any wait.
        return min(self.longest_wait, self.first_wait * (1 << min(attempts - self.free, 30)))


_FIFTEEN_MINUTES: Final = timedelta(minutes=15)
#: Wrong passwords for one account, and from one network address.
PASSWORD: Final = AttemptLimit("password", 5, timedelta(minutes=1), _FIFTEEN_MINUTES, timedelta(days=1))
PASSWORD_BY_ADDRESS: Final = AttemptLimit(
    "password-address", 30, timedelta(minutes=1), _FIFTEEN_MINUTES, timedelta(hours=1)
)
#: Wrong codes of the second factor, after the right password.
SECOND_FACTOR: Final = AttemptLimit("second-factor", 5, timedelta(minutes=1), _FIFTEEN_MINUTES, timedelta(days=1))
#: E-mails that a visitor makes us send: to one mailbox, and from one network address.
EMAIL: Final = AttemptLimit("email", 5, timedelta(minutes=10), timedelta(hours=6), timedelta(hours=12))
EMAIL_BY_ADDRESS: Final = AttemptLimit(
    "email-address", 30, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1)
)


class TooManyAttempts(TooManyRequests):
    """Too many attempts; the header `Retry-After` says after how many seconds to make the next one."""

    code = "too-many-attempts"

    def __init__(self, message: str | None = None, /, *, wait_s: int = 1) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def count_attempt(limit: AttemptLimit, subject: str, *, login: Login | None = None) -> None:
    """Count an attempt. Raises `TooManyAttempts` if the subject has to wait; only a digest of it is stored.

    The owner of `login` is told when its free attempts are used up.
    """
    with transaction.atomic():
        now, key = database_now(), _key(limit, subject)
        new = {"login": login, "allowed_at": now, "forgotten_at": now + limit.forgotten_after}
        AttemptCount.objects.get_or_create(key=key, defaults=new)
        row = AttemptCount.objects.select_for_update().get(key=key)
        if row.allowed_at > now:
            raise TooManyAttempts(wait_s=max(1, ceil((row.allowed_at - now).total_seconds())))
        if row.forgotten_at <= now:
            row.attempts, row.told_at = 0, None
        row.attempts += 1
        row.allowed_at = now + limit.wait_after(row.attempts)
        row.forgotten_at = max(row.allowed_at, now + limit.forgotten_after)
        row.save()


def forget_attempts(limit: AttemptLimit, subject: str) -> None:
    """Forget what was counted of a subject, such as the wrong passwords before the right one."""
    AttemptCount.objects.filter(key=_key(limit, subject)).delete()


def uncount_attempt(limit: AttemptLimit, subject: str) -> None:
    """Take one attempt back that was no failure, from a subject that others share."""
    AttemptCount.objects.filter(key=_key(limit, subject), attempts__gt=0).update(attempts=F("attempts") - 1)


def network_of(request: HttpRequest) -> str:
    """The network address of a request, of an IPv6 address its network; in `CLIENT_ADDRESS_HEADER` if that is set."""
    address: str = request.META.get(settings.CLIENT_ADDRESS_META_KEY, "").strip()
    try:
        prefix = 32 if ip_address(address).version == 4 else _IPV6_PREFIX
        return str(ip_network(f"{address}/{prefix}", strict=False))
    except ValueError:  # a Unix socket has none
        return address[:100]


class AttemptLimitMiddleware:
    """Answers a request that made too many attempts with the page 429, whichever view it was for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, TooManyAttempts):
            return None
        response = render(request, "429.html", {"wait": _wait_text(exception.wait_s)}, status=429)
        response["Retry-After"] = str(exception.wait_s)
        return response


def _wait_text(wait_s: int) -> str:
    if wait_s < 60:
        return "a second" if wait_s == 1 else f"{wait_s} seconds"
    minutes = ceil(wait_s / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _key(limit: AttemptLimit, subject: str) -> str:
    return salted_hmac(f"eventshop.attempts.{limit.name}", subject, algorithm="sha256").hexdigest()
