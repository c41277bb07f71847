"""Sagas: orders fulfilled per second, round trips per step, latency of a step over Kafka, and the cost of timers."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.table import Table

from benchmarks.harness import ROOT, Environment, measure, temporary_database, temporary_stack
from benchmarks.report import console, engines, target_verdict

#: A parcel leaves as soon as its order is paid.
WITHOUT_DELAY = {"SHIPPING_DELAY_S": "0"}
#: The goal for hearing a million events of the past.
PAST_GOAL_S = 300


def sagas(options: argparse.Namespace) -> None:
    """Order fulfilment: reserve stock, take payment (always approved), ship, dispatch; and idle timers."""
    table = Table(
        "database", "workers", "orders/s", "CPU per order", "inbox rows, steps", "round trips per step", "target"
    )
    orders = 5_000 if options.full else 2_000
    for engine in engines(options):
        for workers in (1, 2) if engine == "PostgreSQL" else (1,):
            with temporary_database(engine) as database:
                env = database | WITHOUT_DELAY
                measure(env, "prepare_orders", orders=orders)
                cpu = _run_workers(env, workers, orders=orders, seconds=120)
                result = measure(env, "measure_saga_rate")
                round_trips = (
                    measure(env, "count_saga_round_trips", orders=200)["each"] if engine == "PostgreSQL" else 0
                )
                table.add_row(
                    engine,
                    str(workers),
                    f"{result['rate']:,.0f}",
                    f"{cpu:.0f} us",
                    f"{result['inbox_rows']:.0f}, {result['steps']:.0f}",
                    f"{round_trips:.2f}" if round_trips else "-",
                    f"{target_verdict(result['rate'], 1_000)} 1,000" if workers == 2 else "",
                )
    console.print(table)
    _past(options)
    _timers(options)
    _over_kafka(options)


def _past(options: argparse.Namespace) -> None:
    """Orders are fulfilled; then the tables of sagas are lost, and two workers let them hear all events again."""
    table = Table("database", "events of the past", "seconds", "a million in", "CPU an event", "memory", "target")
    orders = 140_000 if options.full else 5_000
    with temporary_database("PostgreSQL") as database:
        env = database | WITHOUT_DELAY
        measure(env, "prepare_orders", orders=orders)
        _run_workers(env, 2, orders=orders, seconds=orders / 20)
        events = measure(env, "lose_sagas")["events"]
        results = _run_processes(env, 2, "hear_past", seconds=events / 200)
    seconds = max(each["seconds"] for each in results)
    table.add_row(
        "PostgreSQL",
        f"{events:,.0f}",
        f"{seconds:.0f}",
        f"{seconds * 1e6 / events:.0f} s",
        f"{sum(each['cpu_s'] for each in results) / events * 1e6:.0f} us",
        f"{max(each['memory_mb'] for each in results):.0f} MB",
        f"{target_verdict(PAST_GOAL_S, seconds * 1e6 / events)} {PAST_GOAL_S} s a million",
    )
    console.print(table)


def _timers(options: argparse.Namespace) -> None:
    table = Table("database", "100 pending timers", "100,000 pending", "ratio", "target")
    for engine in engines(options):
        ticks = []
        for pending in (100, 100_000):
            with temporary_database(engine) as env:
                ticks.append(measure(env, "measure_timer_tick", pending=pending)["us"])
        few, many = ticks
        table.add_row(
            engine, f"{few:.0f} us", f"{many:.0f} us", f"{many / few:.2f}", f"{target_verdict(few, many * 0.8)} 1"
        )
    console.print(table)


def _over_kafka(options: argparse.Namespace) -> None:
    table = Table("orders/s", "seconds", "steps", "p50", "p99", "worst", "target")
    seconds = 30 if options.full else 10
    with temporary_stack() as stack, _relay_process(stack):
        env = stack | WITHOUT_DELAY
        measure(env, "prepare_orders", orders=0)
        with _worker_processes(env, 2, "run_saga_worker", orders=10**9, seconds=seconds + 30):
            result = measure(env, "measure_saga_latency", rate=50, seconds=seconds)
    table.add_row(
        "50",
        f"{seconds}",
        f"{result['steps']:,.0f}",
        f"{result['p50']:.0f} ms",
        f"{result['p99']:.0f} ms",
        f"{result['worst']:.0f} ms",
        f"{target_verdict(min(20 / result['p50'], 80 / result['p99']), 1)} 20, 80 ms",
    )
    console.print(table)


def _run_workers(env: Environment, count: int, **arguments: float) -> float:
    """Let workers fulfil all orders; returns the processor time of all of them per order, in microseconds."""
    return sum(each["cpu_us"] for each in _run_processes(env, count, "run_saga_worker", **arguments))


def _run_processes(env: Environment, count: int, measurement: str, **arguments: float) -> list[dict[str, float]]:
    """Run a measurement in some processes at once; returns the result of each."""
    with _worker_processes(env, count, measurement, **arguments) as workers:
        outputs = [worker.communicate()[0] for worker in workers]
    return [json.loads(output.splitlines()[-1]) for output in outputs]


@contextmanager
def _worker_processes(
    env: Environment, count: int, measurement: str, **arguments: float
) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "benchmarks.measurement_process", measurement, json.dumps(arguments)]
    workers = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.wait()


@contextmanager
def _relay_process(env: Environment) -> Iterator[None]:
    relay = subprocess.Popen([sys.executable, "manage.py", "relay"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        relay.terminate()
        relay.wait()
