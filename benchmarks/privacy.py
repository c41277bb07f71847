"""The cost of privacy: encrypting personal fields, and erasing a person while other commands run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from rich.table import Table

from benchmarks.alternating_rounds import (
    Sample,
    Turn,
    median_cpu_us,
    median_rate,
    median_ratio,
    run_rounds,
    warm_measurement,
)
from benchmarks.harness import Environment, measure, run_manage, temporary_database
from benchmarks.http import create_shop
from benchmarks.report import console, engines, target_verdict

PLAIN_FIELDS, PERSONAL_FIELDS, NEW_PERSON = (
    "three plain fields",
    "three personal fields",
    "personal fields, new person and key",
)
#: The highest ratio of times of a command with three personal fields and one with three plain fields.
MAX_OVERHEAD = 1.15
#: Seconds that erasing a person with 10,000 events may take, including the leftover scan.
MAX_ERASURE_S = 30
#: What the access log may add to the processor time of a page, and of a read of the API.
MAX_PAGE_ADDED, MAX_API_ADDED_US = 0.05, 1_000


def privacy(options: argparse.Namespace) -> None:
    """Commands per second with and without personal fields, in turns; then an erasure while other commands run."""
    for engine in engines(options):
        with temporary_database(engine) as env:
            _encryption(engine, env, options)
        with temporary_database(engine) as env:
            _erasure(engine, env, options)


def accesses(options: argparse.Namespace) -> None:
    """What the access log adds to pages of the admin and to reads of the API, in pairs with and without it."""
    table = Table("database", "read", "processor", "added", "by the clock", "added", "target")
    for engine in engines(options):
        with temporary_database(engine) as env:
            env = env | {"STAFF_SECOND_FACTOR": "off", "API_RATE": "1000000/m"}
            create_shop(env, customers=100)
            run_manage(env, "run_projections", "--once")
            found = measure(env, "measure_access_log", reads=int(options.seconds * 100))
        later_us = found.pop("later_us")
        for name in (key.removesuffix(", cpu") for key in found if key.endswith(", cpu")):
            cpu, added, clock, clock_added = (
                found[f"{name}, {kind}"] for kind in ("cpu", "cpu, added", "clock", "clock, added")
            )
            limit = MAX_API_ADDED_US if name.startswith("API") else MAX_PAGE_ADDED * cpu
            times = [f"{us / 1_000:,.2f} ms" for us in (cpu, added, clock, clock_added)]
            table.add_row(engine, name, *times, f"{target_verdict(limit, added)} {limit / 1_000:,.2f} ms")
        table.add_row(engine, "later, for each record", f"{later_us / 1_000:,.2f} ms", "", "", "", "")
    console.print(table)


def _encryption(engine: str, env: Environment, options: argparse.Namespace) -> None:
    with _measurements(env, options.seconds) as turns:
        samples = run_rounds(turns, options.rounds)
    table = Table(f"{engine}, 1 client", "commands/s", "client CPU", "overhead", "target")
    for name, series in samples.items():
        ratio = median_ratio(samples[PLAIN_FIELDS], series)
        verdict = f"{target_verdict(MAX_OVERHEAD, ratio)} <= {MAX_OVERHEAD - 1:.0%}" if name == PERSONAL_FIELDS else ""
        text = f"{ratio - 1:+.0%}" if name != PLAIN_FIELDS else ""
        table.add_row(name, f"{median_rate(series):,.0f}", f"{median_cpu_us(series):,.0f} us", text, verdict)
    console.print(table)


@contextmanager
def _measurements(env: Environment, seconds: float) -> Iterator[dict[str, Turn]]:
    kinds = {PLAIN_FIELDS: "plain", PERSONAL_FIELDS: "personal", NEW_PERSON: "new"}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(warm_measurement(env, "record_notes", kind=kind, seconds=seconds))
            for name, kind in kinds.items()
        }


def _erasure(engine: str, env: Environment, options: argparse.Namespace) -> None:
    events = 10_000
    measure(env, "write_sales", orders=2_000)
    person = int(measure(env, "create_person", events=events)["person"])
    with (
        warm_measurement(env, "send_commands", threads=1, seconds=options.seconds / 2) as command,
        warm_measurement(env, "erase_person", person=person) as erase,
        ThreadPoolExecutor(1) as pool,
    ):
        command()  # connections, caches
        alone = [command() for _ in range(options.rounds)]
        erasing = pool.submit(erase)
        during = list(_run_until_done(erasing, command))
        alone += [command() for _ in range(options.rounds)]
        result = erasing.result()
    table = Table(f"{engine}, {events:,} events of one person", "result", "target")
    seconds, share = result.values["seconds"], median_rate(during) / median_rate(alone)
    table.add_row("erased, scanned, certified", f"{seconds:.1f} s", f"{target_verdict(MAX_ERASURE_S, seconds)} <= 30 s")
    table.add_row("of which waiting for key caches to expire", f"{result.values['waited']:.1f} s", "")
    table.add_row("rows, records and values scanned", f"{result.values['searched']:,.0f}", "")
    table.add_row(
        "other commands, before and after", f"{median_rate(alone):,.0f}/s, CPU {median_cpu_us(alone):.0f} us", ""
    )
    table.add_row(
        "other commands, during the erasure",
        f"{median_rate(during):,.0f}/s, CPU {median_cpu_us(during):.0f} us",
        f"{share:.0%} of that",
    )
    console.print(table)


def _run_until_done(erasing: Future[Sample], command: Turn) -> Iterator[Sample]:
    while not erasing.done():
        yield command()
