"""The webhook thread of a worker: it is woken by events, and sleeps until the next delivery or retry is due."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event as Signal
from threading import Lock
from typing import Final
from uuid import UUID

from django.db import connections

from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s
from eventshop.runtime.worker_loop import run_rounds
from eventshop.runtime.worker_threads import WorkerThreadsStep
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.shared.errors import ReadModelBehind
from eventshop.web.webhooks.delivery import claim_due, seconds_until_due, send_deliveries
from eventshop.web.webhooks.enqueue import enqueue_deliveries, waits_for_read_models

log = logging.getLogger(__name__)

#: Endpoints that one worker sends to at the same time. One that is slow keeps one thread, and no other endpoint.
THREADS: Final = 4
#: After a wake, events that follow shortly are enqueued together.
GATHER_S: Final = 0.05
#: How soon to look again while read models do not know yet whose the newest events are.
BEHIND_POLL_S: Final = 0.5


def send_webhooks() -> None:
    """Enqueue what has happened, and send what is due, in the calling thread. For tests and tools."""
    with suppress(ReadModelBehind):
        enqueue_deliveries()
    send_deliveries(claim_due())


class WebhookWorker:
    """Enqueues and sends deliveries until it is stopped. Without an active endpoint no event wakes it."""

    def __init__(self) -> None:
        self._changes = Waiter(Channel.WEBHOOKS)
        self._changes_and_events = Waiter(Channel.WEBHOOKS, Channel.EVENTS)
        self._lock = Lock()
        self._sending: set[UUID] = set()  # the endpoints that a thread of the pool is sending to

    def run(self, stop: Signal) -> None:
        """Work until stopped; the deliveries that are being sent end first, the others become due again."""
        with ThreadPoolExecutor(THREADS, "webhook") as pool:  # it starts threads when it needs them
            run_rounds("webhooks", lambda failures: self._run_round(pool, stop), stop)
        self._changes.close()
        self._changes_and_events.close()

    def _run_round(self, pool: ThreadPoolExecutor, stop: Signal) -> None:
        for waiter in (self._changes, self._changes_and_events):
            waiter.wait(0)  # this round looks for everything that was signalled until now
        hears_events = WebhookEndpoint.objects.filter(active=True).exists()
        if hears_events:
            with suppress(ReadModelBehind):
                enqueue_deliveries()
        with self._lock:
            busy = frozenset(self._sending)
        claimed = claim_due(except_to=busy) if len(busy) < THREADS else []
        by_endpoint: dict[UUID, list[WebhookDelivery]] = {}
        for delivery in claimed:
            by_endpoint.setdefault(delivery.endpoint_id, []).append(delivery)
        for endpoint_id, deliveries in by_endpoint.items():
            with self._lock:
                self._sending.add(endpoint_id)
            pool.submit(self._send, endpoint_id, deliveries, stop)
        if not claimed:
            waiter = self._changes_and_events if hears_events else self._changes
            seconds = min(poll_interval_s(), seconds_until_due(except_to=busy))
            if hears_events and waits_for_read_models():
                seconds = min(seconds, BEHIND_POLL_S)
            release_connections()
            if waiter.wait(max(GATHER_S, seconds)):
                stop.wait(GATHER_S)

    def _send(self, endpoint_id: UUID, deliveries: Sequence[WebhookDelivery], stop: Signal) -> None:
        """Send to one endpoint, in a thread of the pool. What fails here is sent when its claim expires."""
        try:
            send_deliveries(deliveries, stop)
            connections.close_all()
        except Exception:  # a thread of the pool has nobody else to tell
            log.exception("sending webhooks to %s failed", endpoint_id)
        finally:
            with self._lock:
                self._sending.discard(endpoint_id)
            self._changes.notify()
            self._changes_and_events.notify()


class WebhookBootstep(WorkerThreadsStep):
    """Sends webhooks from every Celery worker; each delivery is claimed by one of them."""

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        yield "webhooks", WebhookWorker().run
