"""python -m benchmarks [PART ...] [--seconds N] [--rounds N] [--full]: measure, and print tables with ratios."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from inspect import getdoc
from typing import Final

from rich.table import Table

from benchmarks.commands import WITHOUT_CACHE, batches, commands
from benchmarks.alternating_rounds import warm_measurement, median_rate, median_ratio, run_rounds
from benchmarks.http import http
from benchmarks.privacy import privacy
from benchmarks.harness import ROOT, temporary_database, run_manage, measure, measure_command, temporary_stack
from benchmarks.sagas import sagas
from benchmarks.report import console, engines, target_verdict
from benchmarks.trades import trades


def projections(options: argparse.Namespace) -> None:
    """Each read model from the database log, beside writing the same rows and nothing else."""
    table = Table("database", "projection", "events/s", "CPU", "bare upsert", "memory", "target")
    names = ("activity-timeline", "order-summary", "order-lines", "customer-summary", "daily-sales", "product-sales")
    for engine in engines(options):
        with temporary_database(engine) as where:
            measure(where, "write_sales", orders=10_000)
            for name in names:
                got = measure(where, "run_projection", name=name, rounds=3)
                one_row = name == "activity-timeline"
                bare = f"{got['bare']:,.0f} rows/s" if got["bare"] else "-"
                table.add_row(
                    engine,
                    name,
                    f"{got['rate']:,.0f}",
                    f"{got['cpu_us']:.0f} us",
                    bare + (f", {got['share']:.0%}" if one_row else ""),
                    f"{got['memory_mb']:.0f} MB",
                    f"{target_verdict(got['rate'], 10_000)} 10,000" if one_row else "",
                )
    console.print(table)


def growth(options: argparse.Namespace) -> None:
    """Whether an append costs the same in a large store: stores of several sizes, in turns."""
    table = Table(
        "database", "events stored", "commands/s", "to the smallest", "send_many", "to the smallest", "target"
    )
    sizes = (10_000, 100_000, 1_000_000) if options.full else (10_000, 100_000)
    for engine in engines(options):
        with ExitStack() as stack:
            stores = {f"{size:,}": stack.enter_context(temporary_database(engine)) for size in sizes}
            for size, where in zip(sizes, stores.values(), strict=True):
                measure(where, "write_sales", orders=size // 3)
            single = run_rounds(
                {
                    name: stack.enter_context(
                        warm_measurement(where | WITHOUT_CACHE, "send_commands", threads=1, seconds=options.seconds)
                    )
                    for name, where in stores.items()
                },
                options.rounds,
            )
            many = run_rounds(
                {
                    name: stack.enter_context(warm_measurement(where, "send_batches", events=3_000))
                    for name, where in stores.items()
                },
                options.rounds,
            )
        smallest = next(iter(stores))
        for name in stores:
            flat = median_ratio(single[name], single[smallest]), median_ratio(many[name], many[smallest])
            table.add_row(
                engine,
                name,
                f"{median_rate(single[name]):,.0f}",
                f"{flat[0]:.0%}",
                f"{median_rate(many[name]):,.0f}/s",
                f"{flat[1]:.0%}",
                f"{target_verdict(min(flat), 0.8)} 80 %" if name != smallest else "",
            )
    console.print(table)


def imports(options: argparse.Namespace) -> None:
    """The month of a real shop, imported and projected, embedded."""
    data = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
    if not data.exists():
        console.print(f"imports: skipped, there is no {data.name}")
        return
    table = Table("embedded", "seconds", "peak memory", "target")
    with temporary_database("SQLite") as where:
        total = 0.0
        for said, command in (
            ("import 42,481 rows", ("import_online_retail", str(data))),
            ("project", ("run_projections", "--once")),
        ):
            seconds, used = measure_command(where, *command)
            total += seconds
            table.add_row(said, f"{seconds:.1f}", f"{used:.0f} MB", f"{target_verdict(300, used)} < 300 MB")
        table.add_row("together", f"{total:.1f}", "", f"{target_verdict(60, total)} < 60 s")
        run_manage(where, "verify_sales", str(data), "--totals", str(data.with_name("control_totals.json")))
    console.print(table)


def memory(options: argparse.Namespace) -> None:
    """Reading one very long stream lazily."""
    events = 1_000_000 if options.full else 100_000
    table = Table("database", "one stream of", "read", "peak memory", "at rest", "target")
    for engine in engines(options):
        with temporary_database(engine) as where:
            measure(where, "write_long_stream", events=events)
            got = measure(where, "read_long_stream", events=events)
        used = got["memory_mb"]
        table.add_row(
            engine,
            f"{events:,}",
            f"{got['rate']:,.0f}/s",
            f"{used:.0f} MB",
            f"{got['at_rest_mb']:.0f} MB",
            f"{target_verdict(100, used)} < 100 MB",
        )
    console.print(table)


def history(options: argparse.Namespace) -> None:
    """Chains walked, long streams loaded and their snapshots taken, the whole store replayed, earlier shapes too."""
    table = Table("PostgreSQL", "result", "beside it", "target")
    with temporary_database("PostgreSQL") as where:
        measure(where, "write_sales", orders=100_000 if options.full else 30_000)
        got = measure(where, "verify_chains")
        cores = 2e6 / (got["python_us"] + got["postgres_us"])
        shares = f"{got['python_us']:.1f} us in Python, {got['postgres_us']:.1f} us in PostgreSQL an event"
        said = f"{target_verdict(cores, 100_000)} 100,000 on two cores, by processor time {cores:,.0f}"
        table.add_row("walk the chains, one process", f"{got['rate']:,.0f} events/s", shares, said)
        got = measure(where, "load_long_stream", events=10_000)
        more = got["with_ms"] - got["short_ms"]
        beside = f"{got['without_ms']:.0f} ms without; {got['short_ms']:.2f} ms for ten events"
        table.add_row(
            "load 10,000 events", f"{got['with_ms']:.2f} ms", beside, f"{target_verdict(3, more)} 3 ms more than ten"
        )
        got = measure(where, "read_earlier_events")
        table.add_row("read an earlier shape", f"{got['earlier_us']:.1f} us", f"{got['todays_us']:.1f} us today's", "")
        got = measure(where, "take_snapshots", rounds=options.rounds)
        beside = f"{got['without_ms']:.0f} ms without any, {got['taking_ms']:.0f} ms with"
        said = f"{target_verdict(0.05, got['more'])} 5 % slower at most"
        table.add_row("1,000 commands, snapshots taken", f"{got['more']:+.1%}", beside, said)
    with temporary_database("PostgreSQL") as where:
        measure(where, "write_sales", orders=100_000 if options.full else 30_000)
        got = measure(where, "replay_store", rounds=5)
        each = got["python_us"] + got["postgres_us"]
        beside = f"{got['python_us']:.1f} us in Python, {got['postgres_us']:.1f} us in PostgreSQL an event"
        said = f"{target_verdict(1e6 / each, 50_000)} 50,000 per core"
        table.add_row("replay, orders of three lines", f"{1e6 / each:,.0f} events/s per core", beside, said)
        more = got["earlier_us"] / got["python_us"] - 1
        said = f"{target_verdict(0.1, more)} 10 % more at most"
        table.add_row("every third of an earlier shape", f"{more:+.1%}", f"{got['earlier_us']:.1f} us in Python", said)
    console.print(table)


def kafka(options: argparse.Namespace) -> None:
    """The way over Kafka: relay, projection, and from an accepted command to the visible row."""
    table = Table("measured", "result", "beside it", "target")
    with temporary_stack() as where:
        measure(where, "write_sales", orders=10_000)
        got = measure(where, "run_relay")
        shown = f"{got['rate']:,.0f} events/s, {got['share']:.0%}, CPU {got['cpu_us']:.0f} us"
        beside = f"{got['raw']:,.0f}/s raw kafka-python, CPU {got['raw_cpu_us']:.0f} us"
        table.add_row("relay", shown, beside, f"{target_verdict(got['share'], 0.9)} 90 %")
        for name in ("activity-timeline", "order-summary", "customer-summary"):
            got = measure(where, "run_projection", name=name)
            beside = f"{got['bare']:,.0f} rows/s bare upsert; {got['memory_mb']:.0f} MB"
            said = f"{target_verdict(got['rate'], 10_000)} 10,000"
            table.add_row(f"project {name}", f"{got['rate']:,.0f} events/s", beside, said)
        for pace in (50, 200):
            got = measure(where, "measure_latency", pace=pace, seconds=max(5, options.seconds * 2))
            said = f"{target_verdict(12, got['p50'])} p50 12 ms, {target_verdict(50, got['p99'])} p99 50 ms" if pace == 200 else ""
            shown = f"p50 {got['p50']:.1f} ms, p95 {got['p95']:.1f} ms, p99 {got['p99']:.1f} ms"
            table.add_row(f"command to row at {pace}/s", shown, f"{got['sent']:,.0f} sent at {got['pace']:.0f}/s", said)
    with temporary_stack() as where:
        measure(where, "write_sales", orders=33_334)
        got = measure(where, "catch_up_after_outage")
        relayed = f"relayed after {got['relayed_s']:.1f} s, {got['events'] / got['relayed_s']:,.0f}/s"
        shown = f"{got['folded_s']:.1f} s, {got['events'] / got['folded_s']:,.0f} events/s"
        table.add_row(f"catch up with {got['events']:,.0f} events", shown, relayed, "")
    console.print(table)


PARTS: Final[dict[str, Callable[[argparse.Namespace], None]]] = {
    part.__name__: part
    for part in (commands, batches, projections, growth, imports, trades, memory, privacy, sagas, history, kafka, http)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"Of {', '.join(PARTS)}; without any: all.")
    parser.add_argument("--seconds", type=float, default=1, help="How long each turn is.")
    parser.add_argument("--rounds", type=int, default=9, help="How many turns each gets; medians are shown.")
    parser.add_argument("--engine", choices=("PostgreSQL", "SQLite"), help="Only on this database.")
    parser.add_argument("--full", action="store_true", help="Also four processes, and a million events.")
    options = parser.parse_args()
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        console.rule(name)
        console.print(getdoc(PARTS[name]) or "", style="dim")
        PARTS[name](options)


if __name__ == "__main__":
    main()
