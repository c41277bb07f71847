"""One measurement in a process of its own: `python -m benchmarks.measurement_process NAME ARGUMENTS`, the result as JSON.

With `--turns` it is measured again for every line on standard input, in the same, ever warmer process.
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
from statistics import median
from time import perf_counter, process_time
from uuid import UUID

import django
import psycopg


def measure_rate(once: Callable[[], None], *, per_call: int, threads: int, seconds: float) -> dict[str, float]:
    """Calls per second of some threads, each counting `per_call`; a tenth of the time is warm-up."""
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
    """The same threads for every turn, and with them the same connections."""
    return ThreadPoolExecutor(threads)


def send_commands(*, threads: int, seconds: float) -> dict[str, float]:
    return measure_rate(ticket_client(), per_call=3, threads=threads, seconds=seconds)


def send_peer_commands(*, threads: int, seconds: float) -> dict[str, float]:
    return measure_rate(peer_client(threads), per_call=3, threads=threads, seconds=seconds)


def count_round_trips(*, client: str) -> dict[str, float]:
    """How often a command waits for PostgreSQL, counted in what libpq received; 0 on another database."""
    once = ticket_client() if client == "commands" else peer_client(1)
    once()
    with tempfile.TemporaryFile() as trace:
        traced = [item.pgconn for item in gc.get_objects() if isinstance(item, psycopg.Connection) and not item.closed]
        for connection in traced:
            connection.trace(trace.fileno())
        for _ in range(20):
            once()
        for connection in traced:
            connection.untrace()
        trace.seek(0)
        return {"each": trace.read().count(b"ReadyForQuery") / 60}


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
    """Orders to project: created with three lines, paid, shipped."""
    from benchmarks.sales_events import write_orders

    started = perf_counter()
    events = write_orders(orders)
    return {"rate": events / (perf_counter() - started), "events": events}


def run_projection(*, name: str, rounds: int = 1) -> dict[str, float]:
    """A read model from nothing, and after it its rows written once more by themselves; medians of some rounds."""
    from benchmarks.sales_events import measure_upsert
    from eventshop.messaging.event_log_factory import create_event_log
    from eventshop.projections.models import Checkpoint
    from eventshop.projections.projection import projection_registry
    from eventshop.projections.runner import ProjectionRunner

    rates, spent, bare = [], [], []
    for _ in range(rounds):
        Checkpoint.objects.filter(projection=name).delete()
        projection_registry.get(name).model._default_manager.all().delete()
        runner = ProjectionRunner([projection_registry.get(name)], create_event_log())
        cpu, started = process_time(), perf_counter()
        events = runner.catch_up()
        rates.append(events / (perf_counter() - started))
        spent.append((process_time() - cpu) / events * 1e6)
        bare.append(measure_upsert(name))
    return {
        "rate": median(rates),
        "cpu_us": median(spent),
        "bare": median(bare),
        "share": median(one / limit if limit else 0 for one, limit in zip(rates, bare, strict=True)),
        "memory_mb": peak_memory_mb(),
    }


def write_long_stream(*, events: int) -> dict[str, float]:
    """Write one very long stream, then read it lazily in a fresh process: see `read_stream`."""
    from benchmarks.sales_events import write_stream

    started = perf_counter()
    write_stream(UUID(int=1), events)
    return {"rate": events / (perf_counter() - started)}


def read_long_stream(*, events: int) -> dict[str, float]:
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


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    measure.__name__: measure
    for measure in (send_commands, send_peer_commands, count_round_trips, send_batches, write_sales, run_projection, write_long_stream, read_long_stream)
}


def main(arguments: list[str]) -> None:
    name, given = arguments[0], json.loads(arguments[1])
    django.setup()
    if name in ("relay", "latency", "after_outage"):
        from benchmarks import over_kafka

        MEASURES[name] = getattr(over_kafka, name)
    if name == "trades_end_to_end":
        from benchmarks import trades_over_kafka

        MEASURES[name] = trades_over_kafka.trades_end_to_end
    if name in ("note", "somebody", "erase"):
        from benchmarks import people

        MEASURES[name] = getattr(people, name)
    if name in ("fills", "long_trade"):
        from benchmarks import filling

        MEASURES[name] = getattr(filling, name)
    if name in ("orders_waiting", "saga_worker", "sagas_done", "saga_statements", "saga_latency", "timer_tick"):
        from benchmarks import fulfilment

        MEASURES[name] = getattr(fulfilment, name)
    if name in ("walk_chains", "load_long", "read_earlier", "replay", "take_snapshots"):
        from benchmarks import history as past

        MEASURES[name] = getattr(past, name)
    if name in ("posts", "reads", "shop"):
        from benchmarks import http_load

        MEASURES[name] = getattr(http_load, name)
    for _ in sys.stdin if "--turns" in arguments else [""]:
        print(json.dumps(MEASURES[name](**given)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
