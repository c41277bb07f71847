"""Sagas: orders fulfilled a second, statements for each step, the delay of a step over Kafka, and what timers cost."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.table import Table

from benchmarks.running import ROOT, Where, database, measure, whole_stack
from benchmarks.tables import console, engines, verdict


def sagas(options: argparse.Namespace) -> None:
    """Order to parcel: set aside, pay (a function that says yes), ship, dispatch; and timers that only wait."""
    table = Table(
        "database", "workers", "orders/s", "CPU an order", "things heard, steps", "statements a step", "target"
    )
    orders = 5_000 if options.full else 2_000
    for engine in engines(options):
        for workers in (1, 2) if engine == "PostgreSQL" else (1,):
            with database(engine) as where:
                measure(where, "orders_waiting", orders=orders)
                cpu = _worked(where, workers, orders=orders, seconds=120)
                got = measure(where, "sagas_done")
                asked = measure(where, "saga_statements", orders=200)["each"] if engine == "PostgreSQL" else 0
                table.add_row(
                    engine,
                    str(workers),
                    f"{got['rate']:,.0f}",
                    f"{cpu:.0f} us" if cpu else "",
                    f"{got['heard']:.0f}, {got['steps']:.0f}",
                    f"{asked:.2f}" if asked else "-",
                    f"{verdict(got['rate'], 500)} 500" if workers == 2 else "",
                )
    console.print(table)
    _timers(options)
    _over_kafka(options)


def _timers(options: argparse.Namespace) -> None:
    table = Table("database", "100 timers wait", "100,000 wait", "ratio", "target")
    for engine in engines(options):
        ticks = []
        for pending in (100, 100_000):
            with database(engine) as where:
                ticks.append(measure(where, "timer_tick", pending=pending)["us"])
        few, many = ticks
        table.add_row(engine, f"{few:.0f} us", f"{many:.0f} us", f"{many / few:.2f}", f"{verdict(few, many * 0.8)} 1")
    console.print(table)


def _over_kafka(options: argparse.Namespace) -> None:
    table = Table("orders/s", "seconds", "steps", "p50", "p99", "worst", "target")
    seconds = 30 if options.full else 10
    with whole_stack() as where, _relay(where):
        measure(where, "orders_waiting", orders=0)
        with _workers(where, 2, orders=10**9, seconds=seconds + 30):
            got = measure(where, "saga_latency", rate=50, seconds=seconds)
    table.add_row(
        "50",
        f"{seconds}",
        f"{got['steps']:,.0f}",
        f"{got['p50']:.0f} ms",
        f"{got['p99']:.0f} ms",
        f"{got['worst']:.0f} ms",
        f"{verdict(100, got['p99'])} 100 ms",
    )
    console.print(table)


def _worked(where: Where, workers: int, **given: float) -> float:
    """Let workers fulfil all orders; a single one says how much processor time an order took it."""
    if workers == 1:
        return measure(where, "saga_worker", **given)["cpu_us"]
    with _workers(where, workers, **given):
        return 0.0


@contextmanager
def _workers(where: Where, count: int, **given: float) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.child", "saga_worker", json.dumps(given)]
    workers = [subprocess.Popen(command, cwd=ROOT, env=where, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for worker in workers:
            worker.wait()


@contextmanager
def _relay(where: Where) -> Iterator[None]:
    relay = subprocess.Popen([sys.executable, "manage.py", "relay"], cwd=ROOT, env=where, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        relay.terminate()
        relay.wait()
