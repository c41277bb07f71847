"""How long each page of the console takes, and how many queries it asks, in a store of a given size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings, setup_test_environment
from django.urls import reverse
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.writer import writer as access_log
from eventshop.operations.models import AccessRecord, OperatorAction, WebRequest
from eventshop.projections.models import DeadLetter, DeadLetterJob, ProjectedEffect, Rebuild, Replay
from eventshop.sagas.models import Saga
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.permission_matrix import NEVER, list_doors

#: Answers of one page that are timed, after one that is not and one whose queries are counted.
ROUNDS: Final = 3
#: Links of one list that are followed: its orders, its filters and its last page.
LINKS: Final = 14
#: Files, and what opens no page.
NO_PAGES: Final = ("csv/", "jsi18n", "login", "logout", "saved-filters", "list-columns")
_BATCH: Final = 5_000


def fill_operators_tables(*, rows: int) -> dict[str, float]:
    """Rows beside events and read models: sagas, accesses, requests, letters, deliveries, jobs, dead letters."""
    now = timezone.now()
    ids = list(StoredEvent.objects.filter(event_type="OrderCreated").values_list("aggregate_id", "event_id")[:rows])
    endpoint = WebhookEndpoint.objects.first() or WebhookEndpoint.objects.create(
        id=uuid4(), owner=_staff(), url="https://192.0.2.1/"
    )

    def at(number: int) -> Any:
        return now - timedelta(seconds=number)

    def few(count: int, every: int) -> range:
        return range(0, count, every)

    tables: list[tuple[type[Model], Iterator[Model]]] = [
        (
            Saga,
            (
                Saga(
                    saga_id=uuid4(),
                    kind="order-fulfilment",
                    version=1,
                    subject_id=order,
                    slot=number % 64,
                    status="stuck" if number % 1_000 == 0 else "running" if number % 100 == 0 else "ended",
                    state="{}",
                    error="TakePayment: the gateway answered 500" if number % 1_000 == 0 else "",
                    correlation_id=order,
                    sequence_number=1,
                    steps=6,
                    started_at=at(number),
                    moved_at=at(number),
                )
                for number, (order, _) in enumerate(ids)
            ),
        ),
        (
            AccessRecord,
            (
                AccessRecord(at=at(number), actor="ada", door="admin", kind="rows", route="admin/x/", rows=50)
                for number in range(rows)
            ),
        ),
        (
            WebRequest,
            (
                WebRequest(
                    request_id=new_id(),
                    trace_id=f"{number:032x}",
                    method="POST",
                    route="/",
                    status=200,
                    took_ms=9,
                    commands="",
                    sent=1,
                )
                for number in range(rows)
            ),
        ),
        (
            OperatorAction,
            (OperatorAction(actor="ada", action="pause projection", target="x") for _ in few(rows, 10)),
        ),
        (
            ProjectedEffect,
            (
                ProjectedEffect(
                    id=uuid4(),
                    projection="letters",
                    kind="order-confirmed",
                    event_id=event,
                    event_type="OrderCreated",
                    aggregate_id=order,
                    position=number + 1,
                    due_at=at(number),
                )
                for number, (order, event) in enumerate(ids)
            ),
        ),
        (
            WebhookDelivery,
            (
                WebhookDelivery(
                    id=uuid4(),
                    endpoint=endpoint,
                    position=number + 1,
                    event_type="OrderCreated",
                    state="delivered",
                    due_at=at(number),
                )
                for number in range(rows)
            ),
        ),
        (
            DeadLetter,
            (
                DeadLetter(
                    projection="order-summary",
                    aggregate_id=order,
                    aggregate_type="Order",
                    position=number + 1,
                    version=1,
                    event_id=event,
                    event_type="OrderCreated",
                    error="ValueError: broken",
                    fingerprint=f"OrderCreated: ValueError: broken {number % 7}",
                    parked_at=at(number),
                )
                for number, (order, event) in enumerate(ids[: rows // 50])
            ),
        ),
        (
            DeadLetterJob,
            (
                DeadLetterJob(
                    projection="order-summary",
                    fingerprint=str(number),
                    verb="retry",
                    state="done",
                    requested_at=at(number),
                    total=9,
                )
                for number in few(rows, 100)
            ),
        ),
        (Rebuild, (Rebuild(projection="user", state="done", requested_at=at(n)) for n in few(rows, 100))),
        (
            Replay,
            (
                Replay(
                    projection="user",
                    kind=Replay.Kind.DRY_RUN,
                    state=Replay.State.DONE,
                    requested_by="ada",
                    requested_at=at(n),
                )
                for n in few(rows, 100)
            ),
        ),
    ]
    written = 0
    for model, items in tables:
        written += len(model._default_manager.bulk_create(items, batch_size=_BATCH, ignore_conflicts=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"rows": written}


def measure_console_pages() -> list[dict[str, Any]]:
    """Every page of the console, and of each list its orders, filters and last page: milliseconds and queries."""
    setup_test_environment()  # answers have the context of their templates, which knows a list's filters
    client = Client(raise_request_exception=False)
    client.force_login(_staff())
    with override_settings(STAFF_SECOND_FACTOR=False):
        return [_measure(client, url) for url in dict.fromkeys(_urls(client))]


def _measure(client: Client, url: str) -> dict[str, Any]:
    status = client.get(url, secure=True).status_code
    with CaptureQueriesContext(connection) as captured:
        _read(client.get(url, secure=True))
    queries = captured.captured_queries  # the next request resets them
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        _read(client.get(url, secure=True))
        times.append((perf_counter() - started) * 1_000)
    access_log.flush(60)
    slowest = max(queries, key=lambda query: float(query["time"]), default={"sql": "", "time": "0"})
    return {
        "url": url,
        "status": status,
        "ms": median(times),
        "queries": len(queries),
        "slowest_ms": float(slowest["time"]) * 1_000,
        "slowest": slowest["sql"][:600],
    }


def _read(answer: Any) -> None:
    if answer.streaming:
        answer.close()
    else:
        _ = answer.content


def _urls(client: Client) -> Iterator[str]:
    keys = {f"admin/{model._meta.app_label}/{model._meta.model_name}/": _key(model) for model in admin.site._registry}
    newest = StoredEvent.objects.latest("position")
    for door in list_doors():
        if door.kind != "admin" or door.method != "GET" or NEVER in door.rights.staff:
            continue
        if any(name in door.path for name in NO_PAGES):
            continue
        key = keys.get("/".join(door.path.split("/")[:3]) + "/", "")
        if "object_id" in door.path and not key:
            continue
        values = {
            "object_id": key,
            "correlation_id": newest.correlation_id,
            "kind": "projection",
            "name": "order-summary",
            "id": 1,
        }
        parts = re.split(r"<(?:\w+:)?(\w+)>", door.path)  # texts and, between them, names
        if set(parts[1::2]) <= values.keys():
            parts[1::2] = [str(values[name]) for name in parts[1::2]]
            yield "/" + "".join(parts)
    for model in admin.site._registry:
        yield from _links_of(client, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))


def _links_of(client: Client, url: str) -> Iterator[str]:
    cl = (client.get(url, secure=True).context or {}).get("cl")
    if cl is None:
        return
    links = [f"?o={number}" for number, name in enumerate(cl.list_display) if number and name in cl.sortable_by]
    for spec in cl.filter_specs:
        choices = list(spec.choices(cl)) if spec.has_output() else []
        links += [choice["query_string"] for choice in choices[1:3] if "query_string" in choice]
    if cl.search_fields:
        links += ["?q=12345", f"?q={UUID(int=7)}"]
    if pages := getattr(cl.paginator, "num_pages", 0):
        links.append(f"?p={pages}")
    yield from (url + link for link in links[:LINKS])


def _key(model: type[Model]) -> str:
    """A row from the middle of the first ones."""
    if model._meta.model_name == "stream":
        return str(StoredEvent.objects.filter(event_type="OrderCreated").latest("position").aggregate_id)
    rows = list(model._default_manager.order_by("-pk").values_list("pk", flat=True)[:3])
    return str(rows[-1]).replace("_", "_5F") if rows else ""


def _staff() -> User:
    login, _ = User.objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
    return login
