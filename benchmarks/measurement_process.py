"""Runs one measurement in its own process and prints the result as JSON.

    python -m benchmarks.measurement_process NAME ARGUMENTS [--turns]

With `--turns` the measurement runs again for every line on standard input, in the same, warm process.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final
from uuid import UUID

import django
import psycopg


def measure_rate(once: Callable[[], None], *, per_call: int, threads: int, seconds: float) -> dict[str, float]:
    """Operations per second of some threads; a call counts as `per_call` operations. A tenth of the time is warm-up."""
    start = perf_counter()
    begin, end, cpu = start + seconds / 10, start + seconds * 1.1, process_time()

    def work() -> int:
        counted = 0
        while perf_counter() < end:
            once()
            counted += perf_counter() >= begin
        return counted

    futures = [thread_pool(threads).submit(work) for _ in range(threads)]
    counted = sum(future.result() for future in futures)
    done = counted * per_call
    return {"rate": done / seconds, "cpu_us": (process_time() - cpu) / (done * 1.1) * 1e6 if done else 0}


@cache
def thread_pool(threads: int) -> ThreadPoolExecutor:
    """The same threads, and so the same database connections, for every turn."""
    return ThreadPoolExecutor(threads)


def send_commands(*, threads: int, seconds: float) -> dict[str, float]:
    return measure_rate(ticket_client(), per_call=3, threads=threads, seconds=seconds)


def send_peer_commands(*, threads: int, seconds: float) -> dict[str, float]:
    return measure_rate(peer_client(threads), per_call=3, threads=threads, seconds=seconds)


def count_round_trips(*, client: str) -> dict[str, float]:
    """Round trips to PostgreSQL per command, counted in libpq's trace; 0 on another database."""
    once = ticket_client() if client == "send_commands" else peer_client(1)
    once()
    with tempfile.TemporaryFile() as trace:
        traced = [
            item.pgconn
            for item in gc.get_objects()
            if isinstance(item, psycopg.Connection) and not item.closed and not _sends_wake_signals(item)
        ]
        for connection in traced:
            connection.trace(trace.fileno())
        for _ in range(20):
            once()
        for connection in traced:
            connection.untrace()
        trace.seek(0)
        return {"each": trace.read().count(b"ReadyForQuery") / 60}


def _sends_wake_signals(connection: psycopg.Connection[Any]) -> bool:
    """Whether no command waits for this connection: it sends one signal for all commands of some milliseconds."""
    return connection.info.get_parameters().get("application_name") == "eventshop-wake"


def ticket_client() -> Callable[[], None]:
    from benchmarks.ticket_aggregate import ticket_commands, tickets
    from eventshop.eventstore import command_dispatcher

    def once() -> None:
        for command in ticket_commands():
            command_dispatcher.send(command, registry=tickets)

    return once


@cache
def peer_client(threads: int) -> Callable[[], None]:
    from benchmarks.eventsourcing_peer import peer_ticket

    return peer_ticket(os.environ["DATABASE_URL"], threads)


def send_batches(*, events: int) -> dict[str, float]:
    from benchmarks.ticket_aggregate import ticket_commands, tickets
    from eventshop.core.messages import Envelope, new_id
    from eventshop.eventstore import command_dispatcher

    done, started, cpu = 0, perf_counter(), process_time()
    while done < events:
        batch = [(command, Envelope(new_id())) for _ in range(200) for command in ticket_commands()]
        command_dispatcher.send_many(batch, registry=tickets)
        done += len(batch)
    return {"rate": done / (perf_counter() - started), "cpu_us": (process_time() - cpu) / done * 1e6}


def write_sales(*, orders: int) -> dict[str, float]:
    """Write events of orders to project: created with three lines, paid, shipped."""
    from benchmarks.sales_events import write_orders

    started = perf_counter()
    events = write_orders(orders)
    return {"rate": events / (perf_counter() - started), "events": events}


def run_projection(*, name: str, rounds: int = 1) -> dict[str, float]:
    """Build a read model from nothing, then upsert its rows again alone; medians of some rounds."""
    from benchmarks.sales_events import measure_upsert
    from eventshop.messaging.event_log_factory import create_event_log
    from eventshop.projections.models import Checkpoint
    from eventshop.projections.projection import projection_registry
    from eventshop.projections.runner import ProjectionRunner

    rates, cpu_us, bare = [], [], []
    for _ in range(rounds):
        Checkpoint.objects.filter(projection=name).delete()
        projection_registry.get(name).model._default_manager.all().delete()
        runner = ProjectionRunner([projection_registry.get(name)], create_event_log())
        cpu, started = process_time(), perf_counter()
        events = runner.catch_up()
        rates.append(events / (perf_counter() - started))
        cpu_us.append((process_time() - cpu) / events * 1e6)
        bare.append(measure_upsert(name))
    return {
        "rate": median(rates),
        "cpu_us": median(cpu_us),
        "bare": median(bare),
        "share": median(rate / limit if limit else 0 for rate, limit in zip(rates, bare, strict=True)),
        "memory_mb": peak_memory_mb(),
    }


def write_long_stream(*, events: int) -> dict[str, float]:
    """Write one very long stream, for `read_long_stream` in another process."""
    from benchmarks.sales_events import write_stream

    started = perf_counter()
    write_stream(UUID(int=1), events)
    return {"rate": events / (perf_counter() - started)}


def read_long_stream(*, events: int) -> dict[str, float]:
    """Read one very long stream lazily: events per second, peak memory, and memory before reading."""
    from benchmarks.ticket_aggregate import tickets
    from eventshop.eventstore.event_store import EventStore

    started, read, at_rest = perf_counter(), 0, peak_memory_mb()
    for _ in EventStore(tickets).get_event_stream(UUID(int=1)):
        read += 1
    if read != events:
        raise SystemExit(f"read {read} of {events} events")
    return {"rate": read / (perf_counter() - started), "memory_mb": peak_memory_mb(), "at_rest_mb": at_rest}


def peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


#: Modules by the measurements they hold; they are imported after Django is set up.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "access_log_cost": ("measure_access_log",),
    "console_pages": ("fill_operators_tables", "measure_console_pages"),
    "demo_events": ("write_demo",),
    "history_measurements": (
        "load_long_stream",
        "read_earlier_events",
        "replay_store",
        "take_snapshots",
        "verify_chains",
    ),
    "counting_cost": ("measure_counting",),
    "http_load": ("post_commands", "prepare_shop", "read_paths"),
    "kafka_measurements": ("catch_up_after_outage", "measure_latency", "run_all_projections", "run_relay"),
    "kafka_trades": ("trades_end_to_end",),
    "measurement_process": (
        "count_round_trips",
        "read_long_stream",
        "run_projection",
        "send_batches",
        "send_commands",
        "send_peer_commands",
        "write_long_stream",
        "write_sales",
    ),
    "personal_data": ("create_person", "erase_person", "record_notes"),
    "saga_measurements": (
        "count_saga_round_trips",
        "hear_past",
        "lose_sagas",
        "measure_saga_latency",
        "measure_saga_rate",
        "measure_timer_tick",
        "place_orders",
        "prepare_orders",
        "run_saga_worker",
    ),
    "recovery_limits": ("copy_rows_only", "read_records_only"),
    "sales_events": ("write_deliveries",),
    "trade_fills": ("fill_trade", "load_long_trade"),
}


def load_measurement(name: str) -> Callable[..., object]:
    """Import the function of a measurement; raises `SystemExit` for an unknown name."""
    for module, names in MODULES.items():
        if name in names:
            measurement: Callable[..., object] = getattr(import_module(f"benchmarks.{module}"), name)
            return measurement
    raise SystemExit(f"no such measurement: {name}")


def main(arguments: list[str]) -> None:
    name, parameters = arguments[0], json.loads(arguments[1])
    django.setup()
    measurement = load_measurement(name)
    for _ in sys.stdin if "--turns" in arguments else [""]:
        print(json.dumps(measurement(**parameters)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
