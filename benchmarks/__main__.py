"""python -m benchmarks [PART ...] [--seconds N] [--rounds N] [--full]: measure, and print tables with ratios."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import ExitStack
from inspect import getdoc
from typing import Final

from rich.table import Table

from benchmarks.alternating_rounds import median_rate, median_ratio, run_rounds, warm_measurement
from benchmarks.commands import WITHOUT_CACHE, batches, commands, counting
from benchmarks.harness import (
    ROOT,
    measure,
    measure_command,
    run_manage,
    run_measurement,
    temporary_database,
    temporary_stack,
)
from benchmarks.http import http
from benchmarks.idle import idle
from benchmarks.privacy import accesses, privacy
from benchmarks.recovery import recovery
from benchmarks.report import console, engines, target_verdict
from benchmarks.sagas import sagas
from benchmarks.soak import soak
from benchmarks.trades import trades


def projections(options: argparse.Namespace) -> None:
    """Each read model from the database log, compared with only upserting the same rows."""
    table = Table("database", "projection", "events/s", "CPU", "bare upsert", "memory", "target")
    names = ("activity-timeline", "order-summary", "order-lines", "customer-summary", "daily-sales", "product-sales")
    for engine in engines(options):
        with temporary_database(engine) as env:
            measure(env, "write_sales", orders=10_000)
            for name in names:
                result = measure(env, "run_projection", name=name, rounds=3)
                one_row = name == "activity-timeline"
                bare = f"{result['bare']:,.0f} rows/s" if result["bare"] else "-"
                table.add_row(
                    engine,
                    name,
                    f"{result['rate']:,.0f}",
                    f"{result['cpu_us']:.0f} us",
                    bare + (f", {result['share']:.0%}" if one_row else ""),
                    f"{result['memory_mb']:.0f} MB",
                    f"{target_verdict(result['rate'], 10_000)} 10,000" if one_row else "",
                )
    console.print(table)


def growth(options: argparse.Namespace) -> None:
    """Whether an append costs the same in a large store: stores of several sizes, in alternating turns."""
    table = Table("database", "events stored", "commands/s", "vs smallest", "send_many", "vs smallest", "target")
    sizes = (10_000, 100_000, 1_000_000) if options.full else (10_000, 100_000)
    for engine in engines(options):
        with ExitStack() as stack:
            stores = {f"{size:,}": stack.enter_context(temporary_database(engine)) for size in sizes}
            for size, env in zip(sizes, stores.values(), strict=True):
                measure(env, "write_sales", orders=size // 3)
            single = run_rounds(
                {
                    name: stack.enter_context(
                        warm_measurement(env | WITHOUT_CACHE, "send_commands", threads=1, seconds=options.seconds)
                    )
                    for name, env in stores.items()
                },
                options.rounds,
            )
            many = run_rounds(
                {
                    name: stack.enter_context(warm_measurement(env, "send_batches", events=3_000))
                    for name, env in stores.items()
                },
                options.rounds,
            )
        smallest = next(iter(stores))
        for name in stores:
            ratios = median_ratio(single[name], single[smallest]), median_ratio(many[name], many[smallest])
            table.add_row(
                engine,
                name,
                f"{median_rate(single[name]):,.0f}",
                f"{ratios[0]:.0%}",
                f"{median_rate(many[name]):,.0f}/s",
                f"{ratios[1]:.0%}",
                f"{target_verdict(min(ratios), 0.8)} 80 %" if name != smallest else "",
            )
    console.print(table)


def imports(options: argparse.Namespace) -> None:
    """A month of a real shop, imported and projected on SQLite."""
    data = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
    if not data.exists():
        console.print(f"imports skipped: there is no {data.name}")
        return
    table = Table("SQLite", "seconds", "peak memory", "target")
    with temporary_database("SQLite") as env:
        total = 0.0
        for label, command in (
            ("import 42,481 rows", ("import_online_retail", str(data))),
            ("project", ("run_projections", "--once")),
        ):
            used = measure_command(env, *command)
            total += used.seconds
            memory = used.memory_mb
            table.add_row(label, f"{used.seconds:.1f}", f"{memory:.0f} MB", f"{target_verdict(300, memory)} < 300 MB")
        table.add_row("together", f"{total:.1f}", "", f"{target_verdict(60, total)} < 60 s")
        run_manage(env, "verify_sales", str(data), "--totals", str(data.with_name("control_totals.json")))
    console.print(table)


def memory(options: argparse.Namespace) -> None:
    """Reading one very long stream lazily."""
    events = 1_000_000 if options.full else 100_000
    table = Table("database", "events in one stream", "read", "peak memory", "before reading", "target")
    for engine in engines(options):
        with temporary_database(engine) as env:
            measure(env, "write_long_stream", events=events)
            result = measure(env, "read_long_stream", events=events)
        used = result["memory_mb"]
        table.add_row(
            engine,
            f"{events:,}",
            f"{result['rate']:,.0f}/s",
            f"{used:.0f} MB",
            f"{result['at_rest_mb']:.0f} MB",
            f"{target_verdict(100, used)} < 100 MB",
        )
    console.print(table)


def history(options: argparse.Namespace) -> None:
    """Hash chains verified, long streams loaded, snapshots taken, the whole store replayed, events upcast."""
    table = Table("PostgreSQL", "result", "compared with", "target")
    with temporary_database("PostgreSQL") as env:
        measure(env, "write_sales", orders=100_000 if options.full else 30_000)
        result = measure(env, "verify_chains")
        cores = 2e6 / (result["python_us"] + result["postgres_us"])
        shares = f"{result['python_us']:.1f} us in Python, {result['postgres_us']:.1f} us in PostgreSQL per event"
        verdict = f"{target_verdict(cores, 100_000)} 100,000 on two cores, {cores:,.0f} by processor time"
        table.add_row("verify the hash chains, one process", f"{result['rate']:,.0f} events/s", shares, verdict)
        result = measure(env, "load_long_stream", events=10_000)
        more = result["with_ms"] - result["short_ms"]
        details = f"{result['without_ms']:.0f} ms without; {result['short_ms']:.2f} ms for ten events"
        table.add_row(
            "load 10,000 events",
            f"{result['with_ms']:.2f} ms",
            details,
            f"{target_verdict(3, more)} 3 ms more than ten",
        )
        result = measure(env, "read_earlier_events")
        table.add_row(
            "read an event of an earlier version",
            f"{result['earlier_us']:.1f} us",
            f"{result['current_us']:.1f} us current version",
            "",
        )
        result = measure(env, "take_snapshots", rounds=options.rounds)
        details = f"{result['without_ms']:.0f} ms without any, {result['taking_ms']:.0f} ms with"
        verdict = f"{target_verdict(0.05, result['more'])} 5 % slower at most"
        table.add_row("1,000 commands, snapshots taken", f"{result['more']:+.1%}", details, verdict)
    with temporary_database("PostgreSQL") as env:
        measure(env, "write_sales", orders=100_000 if options.full else 30_000)
        result = measure(env, "replay_store", rounds=5)
        each = result["python_us"] + result["postgres_us"]
        details = f"{result['python_us']:.1f} us in Python, {result['postgres_us']:.1f} us in PostgreSQL per event"
        verdict = f"{target_verdict(1e6 / each, 50_000)} 50,000 per core"
        table.add_row("replay, orders of three lines", f"{1e6 / each:,.0f} events/s per core", details, verdict)
        more = result["earlier_us"] / result["python_us"] - 1
        verdict = f"{target_verdict(0.1, more)} 10 % more at most"
        table.add_row("every third event upcast", f"{more:+.1%}", f"{result['earlier_us']:.1f} us in Python", verdict)
    console.print(table)


def kafka(options: argparse.Namespace) -> None:
    """Over Kafka: the relay, projections, and the latency from an accepted command to the visible row."""
    table = Table("measured", "result", "compared with", "target")
    with temporary_stack() as env:
        measure(env, "write_sales", orders=10_000)
        result = measure(env, "run_relay")
        text = f"{result['rate']:,.0f} events/s, {result['share']:.0%}, CPU {result['cpu_us']:.0f} us"
        details = f"{result['raw']:,.0f}/s plain kafka-python, CPU {result['raw_cpu_us']:.0f} us"
        table.add_row("relay", text, details, f"{target_verdict(result['share'], 0.9)} 90 %")
        for name in ("activity-timeline", "order-summary", "customer-summary"):
            result = measure(env, "run_projection", name=name)
            details = f"{result['bare']:,.0f} rows/s bare upsert; {result['memory_mb']:.0f} MB"
            verdict = f"{target_verdict(result['rate'], 10_000)} 10,000"
            table.add_row(f"project {name}", f"{result['rate']:,.0f} events/s", details, verdict)
        for pace in (50, 200):
            result = measure(env, "measure_latency", pace=pace, seconds=max(5, options.seconds * 2))
            verdict = ""
            if pace == 200:
                verdict = (
                    f"{target_verdict(12, result['p50'])} p50 12 ms, {target_verdict(50, result['p99'])} p99 50 ms"
                )
            text = f"p50 {result['p50']:.1f} ms, p95 {result['p95']:.1f} ms, p99 {result['p99']:.1f} ms"
            table.add_row(
                f"command to row at {pace}/s", text, f"{result['sent']:,.0f} sent at {result['pace']:.0f}/s", verdict
            )
    with temporary_stack() as env:
        measure(env, "write_demo", orders=3_000)
        result = measure(env, "run_all_projections")
        text = f"{result['rate']:,.0f} events/s, CPU {result['cpu_us']:.0f} us"
        details = f"{result['events']:,.0f} events of the demo's kinds; {result['memory_mb']:.0f} MB"
        verdict = f"{target_verdict(result['rate'], 5_000)} 5,000; {target_verdict(200, result['cpu_us'])} 200 us"
        table.add_row("all read models in one worker", text, details, verdict)
    with temporary_stack() as env:
        measure(env, "write_sales", orders=33_334)
        result = measure(env, "catch_up_after_outage")
        relayed = f"relayed after {result['relayed_s']:.1f} s, {result['events'] / result['relayed_s']:,.0f}/s"
        text = f"{result['folded_s']:.1f} s, {result['events'] / result['folded_s']:,.0f} events/s"
        table.add_row(f"catch up with {result['events']:,.0f} events", text, relayed, "")
    console.print(table)


def console_pages(options: argparse.Namespace) -> None:
    """Every page of the console in a store of 100,000 events, with `--full` of a million, on PostgreSQL."""
    events = 1_000_000 if options.full else 100_000
    table = Table("page", "ms", "queries", "target")
    with temporary_database("PostgreSQL") as env:
        measure(env, "write_demo", orders=events // 50)
        measure(env, "write_sales", orders=events * 9 // 30)
        run_manage(env, "run_projections", "--once")
        measure(env, "fill_operators_tables", rows=events // 5)
        pages = json.loads(run_measurement(env, "measure_console_pages"))
    for page in sorted(pages, key=lambda page: -page["ms"])[:25]:
        verdict = f"{target_verdict(300, page['ms'])} 300 ms, {target_verdict(20, page['queries'])} 20 queries"
        table.add_row(page["url"], f"{page['ms']:.0f}", str(page["queries"]), verdict)
    console.print(table)
    reached = sum(page["ms"] <= 300 and page["queries"] <= 20 for page in pages)
    console.print(f"{len(pages)} pages; {reached} within both limits")


PARTS: Final[dict[str, Callable[[argparse.Namespace], None]]] = {
    part.__name__: part
    for part in (
        commands,
        counting,
        batches,
        projections,
        growth,
        imports,
        trades,
        memory,
        privacy,
        accesses,
        sagas,
        history,
        kafka,
        recovery,
        console_pages,
        http,
        idle,
        soak,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"Parts to run: {', '.join(PARTS)}. Default: all.")
    parser.add_argument("--seconds", type=float, default=1, help="Length of each turn.")
    parser.add_argument(
        "--rounds", type=int, default=9, help="Number of counted turns per measurement; results are medians."
    )
    parser.add_argument("--engine", choices=("PostgreSQL", "SQLite"), help="Measure on this database only.")
    parser.add_argument("--full", action="store_true", help="Also measure four processes, and a million events.")
    options = parser.parse_args()
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; parts: {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        console.rule(name)
        console.print(getdoc(PARTS[name]) or "", style="dim")
        PARTS[name](options)


if __name__ == "__main__":
    main()
