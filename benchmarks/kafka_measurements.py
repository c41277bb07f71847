"""Measurements over Kafka, each in its own process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from threading import Event as Signal
from threading import Thread
from time import perf_counter, process_time, sleep
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from benchmarks.measurement_process import peak_memory_mb
from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import KafkaRecord, encode_event, partition_for
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.event_relay import BATCH_SIZE, EventRelay
from eventshop.messaging.relay.leader_election import acquire_leadership, release_leadership
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import projection_registry
from eventshop.projections.worker import worker_threads
from eventshop.runtime import wake_signals
from eventshop.runtime.watchdog import Watchdog
from projections.models import OrderSummary

#: Transactions in one turn.
BATCHES_PER_TURN: Final = 5


def run_relay() -> dict[str, float]:
    """Relay all events, in turns with plain kafka-python publishing the same encoded records in equal transactions.

    Medians over the turns: records per second, their ratio, microseconds of processor time per record.
    """
    rows = backend().select_events("ORDER BY position", ())
    records = [encode_event(row, partition_for(row.aggregate_id), place) for place, row in enumerate(rows, start=1)]
    raw = _PlainProducer(topics.topic_name("snapshots"))
    raw.publish(records[:BATCH_SIZE])  # connections, caches
    watchdog = Watchdog()
    event_relay = EventRelay(watchdog)
    if not acquire_leadership(event_relay.topic, event_relay.owner):
        raise SystemExit("another relay is the leader")
    event_relay.take_over()
    event_relay.publish_batch()
    gc.collect()
    gc.freeze()  # Objects kept for the measurement must not slow down garbage collection.
    ours, theirs = list[_Turn](), list[_Turn]()
    for start in range(BATCH_SIZE, len(records) - BATCHES_PER_TURN * BATCH_SIZE + 1, BATCHES_PER_TURN * BATCH_SIZE):
        theirs.append(_run_turn(partial(raw.publish, records[start : start + BATCHES_PER_TURN * BATCH_SIZE])))
        ours.append(_run_turn(lambda: sum(event_relay.publish_batch() for _ in range(BATCHES_PER_TURN))))
    event_relay.close()
    release_leadership(event_relay.topic, event_relay.owner)
    watchdog.close()
    raw.close()
    return {
        "rate": median(turn.rate for turn in ours),
        "raw": median(turn.rate for turn in theirs),
        "share": median(one.rate / other.rate for one, other in zip(ours, theirs, strict=True)),
        "cpu_us": median(turn.cpu_us for turn in ours),
        "raw_cpu_us": median(turn.cpu_us for turn in theirs),
    }


def run_all_projections() -> dict[str, float]:
    """Relay all events, then fold them into every read model as a worker does: one feed, a few threads.

    Events per second and microseconds of processor time for each event, in all read models together.
    """
    _relay_everything()
    names = [projection.name for projection in projection_registry.select([])]
    expected, stop = StoredEvent.objects.count() * len(names), Signal()
    cpu, started = process_time(), perf_counter()
    threads = [
        Thread(target=run, args=[stop], name=name) for name, run in worker_threads(projection_registry.select([]))
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: _projected_events(*names) == expected, within_s=300)
    seconds, cpu_s = perf_counter() - started, process_time() - cpu
    stop.set()
    wake_signals.wake_all()
    for thread in threads:
        thread.join()
    events = expected / len(names)
    return {"events": events, "rate": events / seconds, "cpu_us": cpu_s / events * 1e6, "memory_mb": peak_memory_mb()}


def _relay_everything() -> None:
    watchdog = Watchdog()
    event_relay = EventRelay(watchdog)
    if not acquire_leadership(event_relay.topic, event_relay.owner):
        raise SystemExit("another relay is the leader")
    event_relay.take_over()
    while event_relay.publish_batch():
        pass
    event_relay.close()
    release_leadership(event_relay.topic, event_relay.owner)
    watchdog.close()


class _Turn(NamedTuple):
    rate: float
    cpu_us: float


def _run_turn(publish: Callable[[], int]) -> _Turn:
    started, cpu = perf_counter(), process_time()
    count = publish()
    return _Turn(count / (perf_counter() - started), (process_time() - cpu) / count * 1e6)


class _PlainProducer:
    """A producer as in the documentation of kafka-python."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.producer = clients.create_producer(f"bench-{os.getpid()}")
        self.producer.init_transactions()

    def publish(self, records: list[KafkaRecord]) -> int:
        for start in range(0, len(records), BATCH_SIZE):
            self.producer.begin_transaction()
            sent = [
                self.producer.send(
                    self.topic, value=item.value, key=item.key, headers=item.headers, partition=item.partition
                )
                for item in records[start : start + BATCH_SIZE]
            ]
            self.producer.flush(timeout=30)
            for future in sent:
                future.get(timeout=0.001)
            self.producer.commit_transaction()
        return len(records)

    def close(self) -> None:
        self.producer.close()


def measure_latency(*, pace: float, seconds: float) -> dict[str, float]:
    """Milliseconds from the commit of a command to that of its row, at a steady pace; by commit timestamps."""
    from orders.domain.commands import CreateOrder
    from orders.domain.events import Line

    line = Line(sku="SKU", description="thing", quantity=1, price=_price())
    with relay_and_projections("order-summary"):
        _send_and_wait(CreateOrder(order_id=new_id(), reference="warm", customer_id=None, lines=(line,)))
        started, sent = perf_counter(), list[UUID]()
        for number in range(int(pace * seconds)):
            sleep(max(0.0, started + number / pace - perf_counter()))
            sent.append(new_id())
            command_dispatcher.send(
                CreateOrder(order_id=sent[-1], reference=f"L{number}", customer_id=None, lines=(line,))
            )
        pace_kept = len(sent) / (perf_counter() - started)
        wait_until(lambda: OrderSummary.objects.filter(pk__in=sent).count() == len(sent))
    taken_ms = sorted(_commit_delays_ms(sent))
    percentiles = {f"p{share}": taken_ms[int(len(taken_ms) * share / 100)] for share in (50, 95, 99)}
    return {"sent": len(sent), "pace": pace_kept, **percentiles}


def _commit_delays_ms(orders: list[UUID]) -> list[float]:
    """Between the commit of each order's event and that of its row; needs `track_commit_timestamp`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(row.xmin) - pg_xact_commit_timestamp(event.xmin)) "
            "FROM event JOIN projections_ordersummary AS row ON row.order_id = event.aggregate_id "
            "WHERE event.aggregate_id = ANY(%s)",
            [orders],
        )
        return [float(seconds) * 1000 for (seconds,) in cursor.fetchall()]


def catch_up_after_outage() -> dict[str, float]:
    """Seconds until relay and worker have processed all events that accumulated in the event table during an outage."""
    waiting, started = StoredEvent.objects.count(), perf_counter()
    with relay_and_projections("order-summary"):
        wait_until(lambda: _relayed_position() == newest_position(), within_s=300)
        relayed = perf_counter() - started
        wait_until(lambda: _projected_events("order-summary") == waiting, within_s=300)
    return {"events": waiting, "relayed_s": relayed, "folded_s": perf_counter() - started}


def _relayed_position() -> int:
    position = (
        RelayCheckpoint.objects.values_list("position", flat=True).filter(topic=topics.event_store_topic()).first()
    )
    return position or 0


def _projected_events(*names: str) -> int:
    counted = Checkpoint.objects.filter(projection__in=names).aggregate(events=Sum("events"))
    return int(counted["events"] or 0)


def _send_and_wait(command: Any) -> None:
    command_dispatcher.send(command)
    wait_until(lambda: OrderSummary.objects.filter(pk=command.order_id).exists())


def wait_until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = perf_counter() + within_s
    while not condition():
        if perf_counter() > deadline:
            raise SystemExit(f"relay and worker have not caught up within {within_s:.0f} s")
        sleep(0.1)


@contextmanager
def relay_and_projections(*names: str) -> Iterator[None]:
    """Run a relay and a worker with these projections, each in its own process."""
    started = [
        subprocess.Popen([sys.executable, "manage.py", *arguments], stdout=subprocess.DEVNULL)
        for arguments in (["relay"], ["run_projections", *names])
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)


def _price() -> Any:
    from decimal import Decimal

    from eventshop.core.money import Money

    return Money(Decimal("2.50"), "GBP")
