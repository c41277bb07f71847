"""Liveness and readiness checks, for load balancers, orchestrators and people.

Live means that this process answers. Ready means that commands can be accepted, which needs only the database: while
Kafka, Redis or the workers are down, commands are accepted and everything else catches up later.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.objectives import Objective, Progress, State, default_objective, worst_state
from eventshop.runtime.circuit_breaker import CircuitBreaker, CircuitOpen
from eventshop.runtime.database_clock import database_now
from eventshop.runtime.leases import is_leased

#: They answer without the database, too: nothing may look for the session of whoever asks.
PROBES: Final = ("/healthz", "/readyz", "/status/")
#: How long a component may take to accept a connection.
TIMEOUT_S: Final = 1.0
#: Rows that wait are counted up to this number.
MAX_COUNTED: Final = 1_000


class ComponentHealth(NamedTuple):
    """The health of one component of the system; `parts` are what it consists of, such as the projections."""

    name: str
    ok: bool
    detail: str
    is_failing: bool = True  # if it is not ok: whether it does not work at all
    progress: Progress | None = None
    parts: tuple[ComponentHealth, ...] = ()
    figures: Mapping[str, float] = MappingProxyType({})  # what else was measured, for metrics

    @property
    def state(self) -> State:
        """The worst of its own state and those of its parts."""
        own = State.OK if self.ok else State.FAILING if self.is_failing else State.DEGRADED
        return worst_state([own, *(part.state for part in self.parts)])


def judge_progress(name: str, progress: Progress, objective: Objective, *, detail: str = "") -> ComponentHealth:
    """The health of a component by its progress."""
    state = progress.state(objective, now=database_now())
    texts = filter(None, [detail, progress.describe()])
    return ComponentHealth(name, state is State.OK, "; ".join(texts), state is State.FAILING, progress)


def combine_parts(name: str, parts: Iterable[ComponentHealth], *, detail: str = "") -> ComponentHealth:
    """A component that is as well as the worst of its parts; the detail names those that are not."""
    all_parts = tuple(parts)
    bad = [part for part in all_parts if not part.ok]
    texts = filter(None, [detail, *(f"{part.name}: {part.detail}" for part in bad)])
    is_failing = any(part.state is State.FAILING for part in bad)
    return ComponentHealth(name, not bad, "; ".join(texts), is_failing, parts=all_parts)


HealthCheck = Callable[[], ComponentHealth]

_checks: list[HealthCheck] = []
#: By component name. After three failures in a row a component is not checked for ten seconds, so that checks do not
#: queue up behind its time-out.
_circuit_breakers: dict[str, CircuitBreaker] = {}


def register(check: HealthCheck) -> HealthCheck:
    """Add the check of a component that a higher layer knows."""
    if check not in _checks:
        _checks.append(check)
    return check


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive. The database is not checked: a restart would not repair it."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether commands can be accepted, and which other components are down. Only staff see details."""
    components = check_components()
    up = components[0].ok
    status = "ok" if all(part.ok for part in components) else "degraded" if up else "down"
    body = {"status": status, "parts": [_component_json(part, request) for part in components]}
    return JsonResponse(body, status=200 if up else 503)


def check_components() -> list[ComponentHealth]:
    """Check all components, the database first. If it is down the others are not checked, as they need it."""
    components = [check_database()]
    if components[0].ok:
        components += [check() for check in (check_event_log, check_broker, check_relay, *_checks)]
    return components


def _component_json(component: ComponentHealth, request: HttpRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"name": component.name, "ok": component.ok, "state": component.state}
    user = getattr(request, "user", None)
    try:
        if user is not None and user.is_active and user.is_staff:
            body["detail"] = component.detail
    except DatabaseError:
        pass  # nobody can be authenticated while the database is down
    return body


def check_database() -> ComponentHealth:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return ComponentHealth("database", False, type(error).__name__)
    return ComponentHealth("database", True, connection.vendor)


def check_event_log() -> ComponentHealth:
    brokers = settings.KAFKA_OPTIONS.get("bootstrap_servers")
    if not brokers:
        return ComponentHealth("event log", True, "the event table itself")
    return check_connection("event log", brokers)


def check_broker() -> ComponentHealth:
    url = urlsplit(settings.CELERY_BROKER_URL)
    if url.scheme not in ("redis", "rediss"):
        return ComponentHealth("broker", True, url.scheme)
    return check_connection("broker", [f"{url.hostname}:{url.port or 6379}"])


def check_relay() -> ComponentHealth:
    """Whether a relay is running and how old the oldest unpublished event is; without Kafka there is none."""
    if not settings.KAFKA_OPTIONS:
        return ComponentHealth("relay", True, "not needed")
    from eventshop.messaging.kafka import topics

    return check_leader("relay", topics.event_store_topic(), measure_relay(topics.event_store_topic()))


def check_deleted_records() -> ComponentHealth:
    """Whether Kafka still has the beginnings of the event topic's partitions; readers take them from the table."""
    from eventshop.messaging.models import RelayCheckpoint

    deleted = RelayCheckpoint.objects.filter(deleted_records__gt=0).order_by("topic")
    found = list(deleted.values_list("topic", "deleted_records")) if settings.KAFKA_OPTIONS else []
    texts = [f"Kafka has deleted {number:,} offsets of {topic}" for topic, number in found]
    progress = Progress(set_aside=sum(number for _, number in found))
    return ComponentHealth(
        "deleted records", not found, "; ".join(texts) or "none", is_failing=False, progress=progress
    )


def measure_relay(topic: str) -> Progress:
    """How far the relay is behind the event table. Positions: rolled back appends leave gaps."""
    from eventshop.messaging.models import RelayCheckpoint

    rows = RelayCheckpoint.objects.filter(topic=topic).values_list("position", "moved_at")
    position, moved_at = rows.first() or (0, None)
    oldest = (
        StoredEvent.objects.filter(position__gt=position).order_by("position").values_list("recorded_at", flat=True)
    )
    return Progress(max(0, newest_position() - position), seconds_since(oldest.first()), moved_at=moved_at)


def check_leader(name: str, topic: str, progress: Progress, *, held_up: str = "") -> ComponentHealth:
    """The health of a part that publishes to a topic: it needs a leader that gets on."""
    leader, reason = relay_leader(topic)
    if reason:
        return ComponentHealth(name, False, f"stopped: {reason}", progress=progress)
    detail = f"{leader or 'no process'} leads" + (f". {held_up}" if held_up else "")
    health = judge_progress(name, progress, default_objective(), detail=detail)
    return health._replace(ok=health.ok and bool(leader) and not held_up, is_failing=health.is_failing or not leader)


def seconds_since(time: datetime | None) -> float:
    """The seconds since a time, by the database's clock; 0 for None and for a time that is ahead of it."""
    return max(0.0, (database_now() - time).total_seconds()) if time else 0.0


def measure_waiting(
    rows: QuerySet[Any], since: str, *, set_aside: int = 0, moved_at: datetime | None = None, limit: int = MAX_COUNTED
) -> Progress:
    """How many rows wait, up to `limit`, and since when the first has been waiting by its column `since`.

    `rows` are ordered, the oldest first. Two statements, one if nothing waits.
    """
    oldest = rows.values_list(since, flat=True).first()
    return Progress(rows[:limit].count() if oldest else 0, seconds_since(oldest), set_aside, moved_at)


def relay_leader(topic: str) -> tuple[str, str]:
    """The relay's leader for a topic, empty if there is none; and why nothing is published before an operator acts."""
    from eventshop.messaging.models import RelayCheckpoint

    rows = RelayCheckpoint.objects.filter(topic=topic).values_list("owner", "stopped_reason", is_leased())
    for owner, reason, has_lease in rows:
        return (owner if has_lease else ""), reason
    return "", ""


def check_service(name: str, service_url: str, *, what: str = "") -> ComponentHealth:
    """Whether an outside service accepts connections; healthy if none is configured."""
    url = urlsplit(service_url)
    if not url.hostname:
        return ComponentHealth(name, True, f"no {what or name} is configured")
    return check_connection(name, [f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"])


def check_connection(name: str, addresses: list[str]) -> ComponentHealth:
    """Whether one of these addresses (`host:port`) accepts connections."""
    circuit_breaker = _circuit_breakers.setdefault(
        name, CircuitBreaker(name, failure_types=(OSError,), failure_threshold=3, open_s=10)
    )
    detail = "no address"
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            circuit_breaker.call(partial(_connect, host, int(port)))
        except CircuitOpen:
            return ComponentHealth(name, False, "failed several times in a row; checked again in a few seconds")
        except OSError as error:
            detail = f"{address}: {error.strerror or error}"
            continue
        return ComponentHealth(name, True, address)
    return ComponentHealth(name, False, detail)


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S):
        pass
