"""python -m benchmarks [PART ...] [--seconds N] [--rounds N] [--full]: measure, and print tables with ratios."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.running import ROOT, Where, database, manage, measure, peak_memory_mb, pgbench, whole_stack

console: Final = Console(width=120)


def verdict(value: float, target: float) -> str:
    """Whether a target was reached, in words and in colour."""
    return "[green]reached[/]" if value >= target else "[bold red]NOT reached[/]"


def engines(options: argparse.Namespace) -> tuple[str, ...]:
    return (options.engine,) if options.engine else ("PostgreSQL", "SQLite")


def commands(options: argparse.Namespace) -> None:
    """Commands a second, beside `eventsourcing` and the bare insert, in turns on the same server.

    Each as it comes, and (in brackets) the other way: EventShop loading the aggregate for each command,
    `eventsourcing` with its aggregate cache.
    """
    table = Table("database", "clients", "EventShop", "eventsourcing", "bare insert", "ratio", "of bare", "targets")
    for engine in engines(options):
        for threads, ahead in ((1, 2.2), (8, 3.0)):
            with database(engine) as where:
                found = _rounds(where, threads, options)
            pairs = median(one / other for one, other in zip(found["ours"], found["theirs"], strict=True))
            share = median(one / limit for one, limit in zip(found["ours"], found["bare"], strict=True))
            said = ""
            if engine == "PostgreSQL":
                said = f"{verdict(pairs, ahead)} {ahead}x" + (f", {verdict(share, 0.5)} 50 %" if threads == 1 else "")
            loading, cached = median(found["ours, loading"]), median(found["theirs, cached"])
            table.add_row(
                engine,
                str(threads),
                f"{median(found['ours']):,.0f} ({loading:,.0f})",
                f"{median(found['theirs']):,.0f} ({cached:,.0f})",
                f"{median(found['bare']):,.0f}" if engine == "PostgreSQL" else "-",
                f"{pairs:.2f}x",
                f"{share:.0%}" if engine == "PostgreSQL" else "-",
                said,
            )
    console.print(table)


def _rounds(where: Where, threads: int, options: argparse.Namespace) -> dict[str, list[float]]:
    """Rates by who was measured, in turns."""
    given = {"threads": threads, "seconds": options.seconds}
    found: dict[str, list[float]] = {name: [] for name in ("ours", "ours, loading", "theirs", "theirs, cached", "bare")}
    for _ in range(options.rounds):
        found["ours"].append(measure(where, "commands", **given)["rate"])
        found["theirs"].append(measure(where, "peer", **given)["rate"])
        found["ours, loading"].append(measure(where | {"AGGREGATES_IN_MEMORY": "0"}, "commands", **given)["rate"])
        found["theirs, cached"].append(measure(where | {"AGGREGATE_CACHE_MAXSIZE": "1000"}, "peer", **given)["rate"])
        sqlite = where["DATABASE_URL"].startswith("sqlite")
        found["bare"].append(1.0 if sqlite else pgbench(where, clients=threads, seconds=options.seconds))
    return found


def batches(options: argparse.Namespace) -> None:
    """`send_many` in one process."""
    table = Table("database", "send_many", "target")
    for engine, target in (("PostgreSQL", 10_000), ("SQLite", 0)):
        with database(engine) as where:
            rate = median(measure(where, "send_many", events=30_000)["rate"] for _ in range(options.rounds))
        table.add_row(engine, f"{rate:,.0f} events/s", f"{verdict(rate, target)} {target:,}" if target else "")
    console.print(table)


def projections(options: argparse.Namespace) -> None:
    """Each read model from the database log, beside writing the same rows and nothing else."""
    table = Table("database", "projection", "events/s", "CPU", "bare upsert", "memory", "target")
    names = ("activity-timeline", "order-summary", "order-lines", "customer-summary", "daily-sales", "product-sales")
    for engine in engines(options):
        with database(engine) as where:
            measure(where, "sales", orders=10_000)
            for name in names:
                got = measure(where, "projection", name=name)
                one_row = name == "activity-timeline"
                table.add_row(
                    engine,
                    name,
                    f"{got['rate']:,.0f}",
                    f"{got['cpu_us']:.0f} us",
                    f"{got['bare']:,.0f} rows/s",
                    f"{got['memory_mb']:.0f} MB",
                    f"{verdict(got['rate'], 10_000)} 10,000" if one_row else "",
                )
    console.print(table)


def growth(options: argparse.Namespace) -> None:
    """Whether an append costs the same in a large store."""
    table = Table("database", "events stored", "commands/s", "send_many", "target")
    for engine in engines(options):
        with database(engine) as where:
            first, stored = 0.0, 0
            for size in (10_000, 100_000, 1_000_000) if options.full else (10_000, 100_000):
                measure(where, "sales", orders=(size - stored) // 3)
                stored = size
                rates = [measure(where, "commands", threads=1, seconds=options.seconds)["rate"] for _ in range(3)]
                many, rate = measure(where, "send_many", events=20_000)["rate"], median(rates)
                first = first or rate
                table.add_row(
                    engine,
                    f"{size:,}",
                    f"{rate:,.0f}",
                    f"{many:,.0f}/s",
                    f"{verdict(rate / first, 0.8)} {rate / first:.0%}",
                )
    console.print(table)


def imports(options: argparse.Namespace) -> None:
    """The month of a real shop, imported and projected, embedded."""
    data = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
    if not data.exists():
        console.print(f"imports: skipped, there is no {data.name}")
        return
    table = Table("embedded", "seconds", "peak memory", "target")
    with database("SQLite") as where:
        total = 0.0
        for said, command in (
            ("import 42,481 rows", ("import_online_retail", str(data))),
            ("project", ("run_projections", "--once")),
        ):
            seconds, used = peak_memory_mb(where, *command)
            total += seconds
            table.add_row(said, f"{seconds:.1f}", f"{used:.0f} MB", f"{verdict(300, used)} < 300 MB")
        table.add_row("together", f"{total:.1f}", "", f"{verdict(60, total)} < 60 s")
        manage(where, "verify_sales", str(data), "--totals", str(data.with_name("control_totals.json")))
    console.print(table)


def memory(options: argparse.Namespace) -> None:
    """Reading one very long stream lazily."""
    events = 1_000_000 if options.full else 100_000
    table = Table("database", "one stream of", "read", "peak memory", "target")
    for engine in engines(options):
        with database(engine) as where:
            measure(where, "long_stream", events=events)
            got = measure(where, "read_stream", events=events)
        used = got["memory_mb"]
        table.add_row(
            engine, f"{events:,}", f"{got['rate']:,.0f}/s", f"{used:.0f} MB", f"{verdict(100, used)} < 100 MB"
        )
    console.print(table)


def kafka(options: argparse.Namespace) -> None:
    """The way over Kafka: relay, projection, and from an accepted command to the visible row."""
    table = Table("measured", "result", "beside it", "target")
    with whole_stack() as where:
        measure(where, "sales", orders=4_000)
        got = measure(where, "relay")
        share = got["rate"] / got["raw"]
        beside = f"{got['raw']:,.0f}/s raw kafka-python"
        table.add_row("relay", f"{got['rate']:,.0f} events/s, {share:.0%}", beside, f"{verdict(share, 0.9)} 90 %")
        for name in ("activity-timeline", "order-summary", "customer-summary"):
            got = measure(where, "projection", name=name)
            beside = f"{got['bare']:,.0f} rows/s bare upsert; {got['memory_mb']:.0f} MB"
            said = f"{verdict(got['rate'], 10_000)} 10,000"
            table.add_row(f"project {name}", f"{got['rate']:,.0f} events/s", beside, said)
        for pace in (50, 200):
            got = measure(where, "latency", pace=pace, seconds=max(5, options.seconds * 2))
            said = f"{verdict(12, got['p50'])} p50 12 ms, {verdict(50, got['p99'])} p99 50 ms" if pace == 200 else ""
            shown = f"p50 {got['p50']:.1f} ms, p95 {got['p95']:.1f} ms, p99 {got['p99']:.1f} ms"
            table.add_row(f"command to row at {pace}/s", shown, f"{got['sent']:,.0f} commands", said)
    console.print(table)


PARTS: Final[dict[str, Callable[[argparse.Namespace], None]]] = {
    part.__name__: part for part in (commands, batches, projections, growth, imports, memory, kafka)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"Of {', '.join(PARTS)}; without any: all.")
    parser.add_argument("--seconds", type=float, default=4, help="How long each rate is measured.")
    parser.add_argument("--rounds", type=int, default=5, help="How often; medians are shown.")
    parser.add_argument("--engine", choices=("PostgreSQL", "SQLite"), help="Only on this database.")
    parser.add_argument("--full", action="store_true", help="Grow to a million events.")
    options = parser.parse_args()
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        console.rule(name)
        console.print(PARTS[name].__doc__ or "", style="dim")
        PARTS[name](options)


if __name__ == "__main__":
    main()
