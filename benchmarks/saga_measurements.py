"""Measurements of sagas and timers, each in its own process. The payment gateway is a function that always approves."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import quantiles
from threading import Event as Signal
from threading import Thread
from time import perf_counter, process_time, sleep
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import Max, Min

from benchmarks.measurement_process import peak_memory_mb
from eventshop.core.messages import Envelope, new_id
from eventshop.core.money import Money
from eventshop.core.saga import EffectResult
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.models import StoredEvent
from eventshop.runtime import wake_signals
from eventshop.sagas import live_points, timers, workers
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaLivePoint, SagaStep, SagaWorker, Timer
from eventshop.sagas.saga_registry import saga_registry
from orders.domain.commands import CreateOrder, ReceiveStock, RequestPayment
from orders.domain.events import Line
from orders.sagas.fulfilment_effects import PaymentTaken, TakePayment

#: Enough products that two orders seldom need the same one.
PRODUCTS = 1_000


def _approve_payment(effect: TakePayment, key: UUID) -> EffectResult:
    return PaymentTaken(key, effect.amount)


saga_registry.register_effect(TakePayment, _approve_payment)


def prepare_orders(*, orders: int) -> dict[str, float]:
    """Put products in stock and create orders of one line, to be paid, that no saga has processed yet."""
    send_many([(ReceiveStock(_sku(n), 1_000_000, "delivery"), Envelope(new_id())) for n in range(PRODUCTS)])
    for start in range(0, orders, 500):
        created = [_order(n) for n in range(start, min(orders, start + 500))]
        send_many([(command, Envelope(new_id())) for order in created for command in (order, _payment(order))])
    return {"orders": orders}


def run_saga_worker(*, orders: int, seconds: float) -> dict[str, float]:
    """Run sagas in threads, as a worker does, until `orders` have ended; the processor time of each."""
    cpu = _run_threads(seconds, lambda: Saga.objects.filter(status="ended").count() >= orders)
    ended = Saga.objects.filter(status="ended").count()
    return {"ended": ended, "cpu_us": cpu / max(1, ended) * 1e6}


def lose_sagas() -> dict[str, float]:
    """Empty the tables of sagas, as after a restore from Kafka. Returns the number of events."""
    for model in (InboxMessage, SagaStep, Timer, Saga, PartitionLease, SagaLivePoint, SagaWorker):
        model._default_manager.all().delete()
    return {"events": StoredEvent.objects.count()}


def hear_past(*, seconds: float) -> dict[str, float]:
    """Run sagas in threads until all of them have heard their past and are live, with nothing left to do."""
    started = perf_counter()
    cpu = _run_threads(seconds, lambda: SagaLivePoint.objects.exists() and not _has_past())
    if _has_past():
        raise SystemExit(f"sagas are still muted after {seconds:.0f} s: {live_points.describe_muted()}")
    return {"seconds": perf_counter() - started, "cpu_s": cpu, "memory_mb": peak_memory_mb()}


def _has_past() -> bool:
    waiting = filter_literally(InboxMessage, "state = 'waiting'")
    return bool(live_points.muted_points()) or Saga.objects.filter(muted=True).exists() or waiting.exists()


def _run_threads(seconds: float, is_done: Callable[[], bool]) -> float:
    """Run the threads of sagas until a condition holds; returns the seconds of processor time."""
    stop = Signal()
    threads = [Thread(target=run, args=[stop]) for _, run in workers.threads(f"bench:{os.getpid()}")]
    for thread in threads:
        thread.start()
    deadline, cpu = perf_counter() + seconds, process_time()
    while perf_counter() < deadline and not is_done():
        sleep(0.2)
    stop.set()
    wake_signals.wake_all()
    for thread in threads:
        thread.join()
    return process_time() - cpu


def measure_saga_rate() -> dict[str, float]:
    """Sagas per second between the first start and the last end, with inbox rows and steps per saga."""
    span = Saga.objects.filter(status="ended").aggregate(first=Min("started_at"), last=Max("moved_at"))
    ended = Saga.objects.filter(status="ended").count()
    steps, inbox_rows = SagaStep.objects.count(), InboxMessage.objects.count()
    seconds = (span["last"] - span["first"]).total_seconds()
    return {"rate": ended / seconds, "steps": steps / ended, "inbox_rows": inbox_rows / ended}


def count_saga_round_trips(*, orders: int) -> dict[str, float]:
    """Round trips to PostgreSQL per step of a saga, counted in libpq's trace."""
    workers.run_until_idle("bench")
    before = SagaStep.objects.count()
    for number in range(orders):
        send(order := _order(number))
        send(_payment(order))
    with tempfile.TemporaryFile() as trace:
        traced = [item.pgconn for item in gc.get_objects() if isinstance(item, psycopg.Connection) and not item.closed]
        for traced_connection in traced:
            traced_connection.trace(trace.fileno())
        workers.run_until_idle("bench")
        for traced_connection in traced:
            traced_connection.untrace()
        trace.seek(0)
        round_trips = trace.read().count(b"ReadyForQuery")
    return {"each": round_trips / (SagaStep.objects.count() - before)}


def measure_saga_latency(*, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds from an event to the event of the command that a saga sends for it, at a steady rate of orders."""
    while SagaWorker.objects.count() < 2 or PartitionLease.objects.filter(owner="").exists():
        sleep(0.1)  # Wait for two workers that hold all leases.
    sleep(3)
    end, number, started = perf_counter() + seconds, 0, perf_counter()
    while perf_counter() < end:
        send(order := _order(number))
        send(_payment(order))
        number += 1
        sleep(max(0.0, started + number / rate - perf_counter()))
    deadline = perf_counter() + 30
    while Saga.objects.filter(status="ended").count() < number and perf_counter() < deadline:
        sleep(0.1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM follows.recorded_at - cause.recorded_at) * 1000 FROM event follows "
            "JOIN event cause ON cause.event_id = follows.causation_id WHERE follows.saga_id IS NOT NULL"
        )
        taken_ms = sorted(float(ms) for (ms,) in cursor.fetchall())
    cuts = quantiles(taken_ms, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "worst": taken_ms[-1], "steps": len(taken_ms)}


def place_orders(*, rate: float, seconds: float) -> dict[str, float]:
    """Create orders at a steady rate and request their payments."""
    number, started = 0, perf_counter()
    while perf_counter() < started + seconds:
        order = _order(number)
        send(order)
        send(_payment(order))
        number += 1
        sleep(max(0.0, started + number / rate - perf_counter()))
    return {"orders": number, "rate": number / (perf_counter() - started)}


def measure_timer_tick(*, pending: int) -> dict[str, float]:
    """Microseconds of an idle tick with `pending` timers: the first decile of 500 ticks."""
    later = datetime.now(UTC) + timedelta(days=1)
    rows = (Timer(key=f"t{n}", due_at=later, looked_at_from=later, command_type="CancelOrder") for n in range(pending))
    Timer.objects.bulk_create(rows, batch_size=5_000)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE process_timer")
    taken_s = []
    for _ in range(500):
        started = perf_counter()
        timers.fire_due_timers("bench")
        taken_s.append(perf_counter() - started)
    return {"us": quantiles(taken_s, n=10)[0] * 1e6}  # Other load on the machine can only add to it.


def _order(number: int) -> CreateOrder:
    line = Line(_sku(number % PRODUCTS), "", 1, Money(Decimal("2.00"), "GBP"))
    return CreateOrder(new_id(), str(number), None, (line,))


def _payment(order: CreateOrder) -> RequestPayment:
    return RequestPayment(order.order_id, "card")


def _sku(number: int) -> str:
    return f"sku-{number}"
