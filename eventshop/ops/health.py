"""What is up and what is down: for load balancers, orchestrators and people.

Live means that this process answers. Ready means that commands can be accepted, and that needs the database alone:
with Kafka, Redis or the workers away, commands are accepted and everything else catches up later.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pybreaker
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from eventshop.store.tail import newest_position

#: How long an outside part may take to answer.
TIMEOUT_S: Final = 1.0


class Part(NamedTuple):
    """One part of the system."""

    name: str
    ok: bool
    detail: str


Check = Callable[[], Part]

_checks: list[Check] = []
#: After three failures in a row a part is not asked for ten seconds: a health check must not queue up behind it.
_breakers: dict[str, pybreaker.CircuitBreaker] = {}


def register(check: Check) -> Check:
    """Add a part that a layer above knows about."""
    if check not in _checks:
        _checks.append(check)
    return check


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This process answers; without the database, whose outage a restart would not heal."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether commands can be accepted, and what else is down; details are for staff."""
    parts = [database()]
    if parts[0].ok:
        parts += [check() for check in (event_log, broker, relay, *_checks)]
    up = parts[0].ok
    status = "ok" if all(part.ok for part in parts) else "degraded" if up else "down"
    answer = {"status": status, "parts": [_shown(part, request) for part in parts]}
    response = JsonResponse(answer, status=200 if up else 503)
    if not up:
        response["Retry-After"] = "5"
    return response


def _shown(part: Part, request: HttpRequest) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": part.name, "ok": part.ok}
    user = getattr(request, "user", None)
    try:
        if user is not None and user.is_active and user.is_staff:
            shown["detail"] = part.detail
    except DatabaseError:
        pass  # nobody can be recognised while the database is away
    return shown


def database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Part("database", False, type(error).__name__)
    return Part("database", True, connection.vendor)


def event_log() -> Part:
    brokers = settings.KAFKA_OPTIONS.get("bootstrap_servers")
    if not brokers:
        return Part("event log", True, "the event table itself")
    return _reached("event log", brokers)


def broker() -> Part:
    url = urlsplit(settings.CELERY_BROKER_URL)
    if url.scheme not in ("redis", "rediss"):
        return Part("broker", True, url.scheme)
    return _reached("broker", [f"{url.hostname}:{url.port or 6379}"])


def relay() -> Part:
    """Whether somebody relays, and how far behind; in the embedded mode there is nothing to relay."""
    if not settings.KAFKA_OPTIONS:
        return Part("relay", True, "not needed")
    from eventshop.log import topics
    from eventshop.log.models import RelayCheckpoint

    row = RelayCheckpoint.objects.filter(topic=topics.event_store()).first()
    led = row is not None and row.leased_until is not None and row.leased_until > timezone.now()
    behind = newest_position() - (row.position if row else 0)
    return Part("relay", led, f"{row.owner if row and led else 'nobody'} leads, {behind} positions behind")


def _reached(name: str, addresses: list[str]) -> Part:
    breaker = _breakers.setdefault(name, pybreaker.CircuitBreaker(fail_max=3, reset_timeout=10, name=name))
    detail = "no address"
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            breaker.call(_connect, host, int(port))
        except pybreaker.CircuitBreakerError:
            return Part(name, False, "has not answered for a while, not asked again yet")
        except OSError as error:
            detail = f"{address}: {error.strerror or error}"
            continue
        return Part(name, True, address)
    return Part(name, False, detail)


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S):
        pass
