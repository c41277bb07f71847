"""What is up and what is down: for load balancers, orchestrators and people.

Live means that this process answers. Ready means that commands can be accepted, and that needs the database alone:
with Kafka, Redis or the workers away, commands are accepted and everything else catches up later.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from eventshop.eventstore.tail_reader import newest_position
from eventshop.runtime.circuit_breaker import Outside, Unavailable

#: How long an outside part may take to answer.
TIMEOUT_S: Final = 1.0


class Part(NamedTuple):
    """One part of the system."""

    name: str
    ok: bool
    detail: str


Check = Callable[[], Part]

_checks: list[Check] = []
#: By name. After three failures in a row a part is not asked for ten seconds: a check must not queue up behind it.
_doors: dict[str, Outside] = {}


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
    found = parts()
    up = found[0].ok
    status = "ok" if all(part.ok for part in found) else "degraded" if up else "down"
    answer = {"status": status, "parts": [_shown(part, request) for part in found]}
    response = JsonResponse(answer, status=200 if up else 503)
    if not up:
        response["Retry-After"] = "5"
    return response


def parts() -> list[Part]:
    """The database first; without it the others are not asked, as they need it."""
    found = [database()]
    if found[0].ok:
        found += [check() for check in (event_log, broker, relay, *_checks)]
    return found


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
    return reached("event log", brokers)


def broker() -> Part:
    url = urlsplit(settings.CELERY_BROKER_URL)
    if url.scheme not in ("redis", "rediss"):
        return Part("broker", True, url.scheme)
    return reached("broker", [f"{url.hostname}:{url.port or 6379}"])


def relay() -> Part:
    """Whether somebody relays, and how far behind; in the embedded mode there is nothing to relay."""
    if not settings.KAFKA_OPTIONS:
        return Part("relay", True, "not needed")
    from eventshop.messaging.kafka import topics

    leader, position = led(topics.event_store())
    behind = newest_position() - position
    return Part("relay", bool(leader), f"{leader or 'nobody'} leads, {behind} positions behind")


def led(topic: str) -> tuple[str, int]:
    """Who publishes to a topic now, empty if nobody does, and how far that is known to be."""
    from eventshop.messaging.models import RelayCheckpoint

    row = RelayCheckpoint.objects.filter(topic=topic).first()
    leads = row is not None and row.leased_until is not None and row.leased_until > timezone.now()
    return (row.owner if row and leads else ""), (row.position if row else 0)


def reached(name: str, addresses: list[str]) -> Part:
    """Whether one of these `host:port` accepts connections."""
    door = _doors.setdefault(name, Outside(name, failed=(OSError,), failures=3, rest_s=10))
    detail = "no address"
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            door.call(partial(_connect, host, int(port)))
        except Unavailable:
            return Part(name, False, "has not answered for a while, not asked again yet")
        except OSError as error:
            detail = f"{address}: {error.strerror or error}"
            continue
        return Part(name, True, address)
    return Part(name, False, detail)


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S):
        pass
