"""What the access log costs a read: the same pages and API reads with and without it, in turns of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from statistics import median
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from eventshop.eventstore.models import StoredEvent
from eventshop.operations import request_log
from eventshop.operations.access_log.writer import writer
from eventshop.operations.models import AccessRecord
from eventshop.web.api import api_tokens
from eventshop.web.api.token_permissions import SCOPES
from projections.models import OrderSummary

#: Pairs of reads that are not counted, because everything is new.
WARM_UP = 10


def measure_access_log(*, reads: int) -> dict[str, float]:
    """Medians in microseconds of a read without the log, and what the log adds, in pairs in an order of chance.

    Processor time is that of the reading thread; `later_us` is what the thread of the log needs for each record.
    """
    client, chance, found = _reader(), Random(1), dict[str, float]()
    other_threads = written = 0
    for name, path in _paths().items():
        times: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        process, thread = process_time_ns(), thread_time_ns()
        for _ in range(WARM_UP + reads):
            for is_logged in chance.sample((True, False), 2):
                times[is_logged].append(_read(client, path, is_logged=is_logged))
        if not writer.flush():
            raise SystemExit("the access log was not written")
        other_threads += (process_time_ns() - process) - (thread_time_ns() - thread)
        written += WARM_UP + reads
        for number, unit in enumerate(("cpu", "clock")):
            without, logged = (
                [time[number] / 1_000 for time in times[is_logged][WARM_UP:]] for is_logged in (False, True)
            )
            found[f"{name}, {unit}"] = median(without)
            found[f"{name}, {unit}, added"] = median(two - one for one, two in zip(without, logged, strict=True))
    if AccessRecord.objects.count() != written:
        raise SystemExit("not every read was recorded, and nothing else")
    return found | {"later_us": other_threads / written / 1_000}


def _reader() -> Client:
    """The staff of `prepare_shop`, with the page of the admin and a token in one client."""
    boss = User.objects.get(username="boss")
    token = api_tokens.create_token(boss, name="reads", scopes=SCOPES, lifetime=timedelta(days=1))[1]
    client = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {token}"})
    client.force_login(boss)
    return client


def _paths() -> dict[str, str]:
    order = OrderSummary.objects.values_list("pk", flat=True)[0]
    stream = StoredEvent.objects.filter(event_type="OrderCreated").values_list("aggregate_id", flat=True)[0]
    return {
        "list of events": "/admin/store/storedevent/",
        "list of orders": "/admin/projections/ordersummary/",
        "API: an order": f"/api/v1/orders/{order}",
        "API: events of an order": f"/api/v1/orders/{stream}/events",
        "API: feed": "/api/v1/events?limit=20",
    }


def _read(client: Client, path: str, *, is_logged: bool) -> tuple[int, int]:
    """Nanoseconds of the thread's processor, and by the clock."""
    with _logged(is_logged):
        cpu, clock = thread_time_ns(), perf_counter_ns()
        answer = client.get(path)
        taken = thread_time_ns() - cpu, perf_counter_ns() - clock
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return taken


@contextmanager
def _logged(is_logged: bool) -> Iterator[None]:
    if is_logged:
        yield
        return
    module: Any = request_log
    kept = module.record_response
    module.record_response = lambda *_: None
    try:
        yield
    finally:
        module.record_response = kept
