"""What is measured of the way over Kafka, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event as Signal
from time import perf_counter, sleep
from typing import Any
from uuid import UUID

from eventshop.core.message import new_id
from eventshop.log import kafka, topics
from eventshop.log.leading import give_up_lead, take_lead
from eventshop.log.records import KafkaRecord, partition_of, written
from eventshop.log.relay import BATCH, Relay
from eventshop.log.watchdog import Watchdog
from eventshop.store import dispatch
from eventshop.store.engine import engine
from projections.models import OrderSummary


def relay() -> dict[str, float]:
    """Publish everything; beside it the same records, ready-made, through kafka-python in transactions as large."""
    rows = engine().select("ORDER BY position", ())
    records = [written(row, partition_of(row.aggregate_id), place) for place, row in enumerate(rows, start=1)]
    _publish(records[:BATCH], topics.named("snapshots"))  # connections, caches
    started = perf_counter()
    _publish(records, topics.named("snapshots"))
    raw = len(records) / (perf_counter() - started)

    watchdog = Watchdog()
    leading = Relay(watchdog)
    if not take_lead(leading.topic, leading.owner):
        raise SystemExit("somebody else relays")
    leading.take_over()
    started, published = perf_counter(), 0
    while count := leading.advance():
        published += count
    rate = published / (perf_counter() - started)
    leading.close()
    give_up_lead(leading.topic, leading.owner)
    watchdog.close()
    return {"rate": rate, "raw": raw}


def _publish(records: list[KafkaRecord], topic: str) -> None:
    producer = kafka.producer(f"bench-{os.getpid()}")
    producer.init_transactions()
    for start in range(0, len(records), BATCH):
        producer.begin_transaction()
        sent = [
            producer.send(topic, value=item.value, key=item.key, headers=item.headers, partition=item.partition)
            for item in records[start : start + BATCH]
        ]
        producer.flush(timeout=30)
        for future in sent:
            future.get(timeout=0.001)
        producer.commit_transaction()
    producer.close()


def latency(*, pace: float, seconds: float) -> dict[str, float]:
    """Milliseconds from an accepted command to its row, commands sent at an even pace."""
    from orders.commands import CreateOrder
    from orders.events import Line

    with _workers():
        sent: dict[UUID, float] = {}
        seen: dict[UUID, float] = {}
        line = Line(sku="SKU", description="thing", quantity=1, price=_pounds())
        _until_folded(CreateOrder(order_id=new_id(), reference="warm", customer_id=None, lines=(line,)))
        enough = _watch(sent, seen)
        begun = perf_counter()
        for number in range(int(pace * seconds)):
            due = begun + number / pace
            sleep(max(0.0, due - perf_counter()))
            order_id = new_id()
            dispatch.send(CreateOrder(order_id=order_id, reference=f"L{number}", customer_id=None, lines=(line,)))
            sent[order_id] = perf_counter()
        give_up = perf_counter() + 30
        while len(seen) < len(sent) and perf_counter() < give_up:
            sleep(0.01)
        enough.set()
    if len(seen) < len(sent):
        raise SystemExit(f"{len(sent) - len(seen)} of {len(sent)} rows never came")
    taken = sorted((seen[order_id] - at) * 1000 for order_id, at in sent.items())
    return {
        "sent": len(sent),
        "p50": taken[len(taken) // 2],
        "p95": taken[int(len(taken) * 0.95)],
        "p99": taken[int(len(taken) * 0.99)],
    }


def _watch(sent: Mapping[UUID, float], seen: dict[UUID, float]) -> Signal:
    """Look for rows every millisecond in a thread of its own; set the signal to end it."""
    from threading import Thread

    from django.db import connection

    stop = Signal()

    def look() -> None:
        while not stop.is_set():
            missing = [order_id for order_id in list(sent) if order_id not in seen]
            if missing:
                found = OrderSummary.objects.filter(pk__in=missing[:500]).values_list("pk", flat=True)
                now = perf_counter()
                seen.update((order_id, now) for order_id in list(found))
            sleep(0.001)
        connection.close()

    Thread(target=look, daemon=True).start()
    return stop


def _until_folded(command: Any) -> None:
    dispatch.send(command)
    give_up = perf_counter() + 60
    while not OrderSummary.objects.filter(pk=command.order_id).exists():
        if perf_counter() > give_up:
            raise SystemExit("the workers do not fold")
        sleep(0.02)


@contextmanager
def _workers() -> Iterator[None]:
    """A relay and a worker with one projection, each a process."""
    started = [
        subprocess.Popen([sys.executable, "manage.py", *arguments], stdout=subprocess.DEVNULL)
        for arguments in (["relay"], ["run_projections", "order-summary"])
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)


def _pounds() -> Any:
    from decimal import Decimal

    from eventshop.core.money import Money

    return Money(Decimal("2.50"), "GBP")
