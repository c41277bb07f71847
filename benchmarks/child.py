"""One measurement in a process of its own: `python -m benchmarks.child NAME ARGUMENTS`, the result as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import django


def rate_of(once: Callable[[], None], *, per_call: int, threads: int, seconds: float) -> dict[str, float]:
    """Calls per second of some threads, each counting `per_call`; a tenth of the time is warm-up."""
    for _ in range(20):
        once()
    start = perf_counter()
    begin, end, cpu = start + seconds / 10, start + seconds * 1.1, process_time()

    def work() -> int:
        counted = 0
        while perf_counter() < end:
            once()
            counted += perf_counter() >= begin
        return counted

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work) for _ in range(threads)]
        counted = sum(future.result() for future in futures)
    done = counted * per_call
    return {"rate": done / seconds, "cpu_us": (process_time() - cpu) / (done * 1.1) * 1e6 if done else 0}


def commands(*, threads: int, seconds: float) -> dict[str, float]:
    from benchmarks.ticket import life, tickets
    from eventshop.store import dispatch

    def once() -> None:
        for command in life():
            dispatch.send(command, registry=tickets)

    return rate_of(once, per_call=3, threads=threads, seconds=seconds)


def peer(*, threads: int, seconds: float) -> dict[str, float]:
    from benchmarks.peer import ticket_of

    return rate_of(ticket_of(os.environ["DATABASE_URL"], threads), per_call=3, threads=threads, seconds=seconds)


def send_many(*, events: int) -> dict[str, float]:
    from benchmarks.ticket import life, tickets
    from eventshop.core.message import Envelope, new_id
    from eventshop.store import dispatch

    done, started = 0, perf_counter()
    while done < events:
        batch = [(command, Envelope(new_id())) for _ in range(200) for command in life()]
        dispatch.send_many(batch, registry=tickets)
        done += len(batch)
    return {"rate": done / (perf_counter() - started)}


def sales(*, orders: int) -> dict[str, float]:
    """Orders to project: created with three lines, paid, shipped."""
    from benchmarks.sales import sell

    started = perf_counter()
    events = sell(orders)
    return {"rate": events / (perf_counter() - started), "events": events}


def projection(*, name: str) -> dict[str, float]:
    from benchmarks.sales import bare_upsert
    from eventshop.log.source import event_log
    from projections.engine.projection import catalogue
    from projections.engine.runner import Runner

    runner = Runner([catalogue.get(name)], event_log())
    cpu, started = process_time(), perf_counter()
    events = runner.catch_up()
    seconds, spent = perf_counter() - started, process_time() - cpu
    return {
        "rate": events / seconds,
        "cpu_us": spent / events * 1e6,
        "bare": bare_upsert(name),
        "memory_mb": memory_mb(),
    }


def long_stream(*, events: int) -> dict[str, float]:
    """Write one very long stream, then read it lazily in a fresh process: see `read_stream`."""
    from benchmarks.sales import one_stream

    started = perf_counter()
    one_stream(UUID(int=1), events)
    return {"rate": events / (perf_counter() - started)}


def read_stream(*, events: int) -> dict[str, float]:
    from benchmarks.ticket import tickets
    from eventshop.store.event_store import EventStore

    started, read = perf_counter(), 0
    for _ in EventStore(tickets).get_event_stream(UUID(int=1)):
        read += 1
    if read != events:
        raise SystemExit(f"read {read} of {events} events")
    return {"rate": read / (perf_counter() - started), "memory_mb": memory_mb()}


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    measure.__name__: measure for measure in (commands, peer, send_many, sales, projection, long_stream, read_stream)
}


def main(arguments: list[str]) -> None:
    name, given = arguments[0], json.loads(arguments[1])
    django.setup()
    if name in ("relay", "latency"):
        from benchmarks import over_kafka

        MEASURES.update(relay=over_kafka.relay, latency=over_kafka.latency)
    result: dict[str, Any] = MEASURES[name](**given)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
