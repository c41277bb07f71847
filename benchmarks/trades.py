"""Real trades imported and projected, and one instrument that everybody trades at once."""

from __future__ import annotations

import argparse

from rich.table import Table

from benchmarks.running import ROOT, Where, database, manage, measure, peak_memory_mb, whole_stack
from benchmarks.tables import console, engines, verdict

DATA = ROOT.parent / "shared" / "data" / "trades_binance_2024-08-08.csv.gz"
ROWS = 55_270


def trades(options: argparse.Namespace) -> None:
    """55,270 real trades imported, projected and verified; fills of one trade at 200/s; a trade of 10,000 fills."""
    table = Table("database", "what", "rate or time", "beside", "target")
    for engine in engines(options):
        with database(engine) as where:
            if DATA.exists():
                _import(table, engine, where)
            _fills(table, engine, where, options)
    if DATA.exists() and options.engine in (None, "PostgreSQL"):
        _end_to_end(table)
    if not DATA.exists():
        console.print(f"the import: skipped, there is no {DATA.name}")
    console.print(table)


def _import(table: Table, engine: str, where: Where) -> None:
    total = 0.0
    for said, command in (
        ("import", ("import_trades", str(DATA))),
        ("project", ("run_projections", "--once", "trade-blotter", "position", "market-minute")),
    ):
        seconds, used = peak_memory_mb(where, *command)
        total += seconds
        table.add_row(engine, said, f"{ROWS / seconds:,.0f} trades/s", f"{used:.0f} MB", "")
    rate = ROWS / total
    table.add_row(engine, "one after the other", f"{rate:,.0f} trades/s", "", f"{verdict(rate, 5_000)} 5,000 trades/s")
    manage(where, "verify_trades", str(DATA), "--totals", str(DATA.with_name("control_totals.json")))


def _end_to_end(table: Table) -> None:
    """Importer, relay and worker at the same time, over PostgreSQL and one Kafka broker."""
    with whole_stack() as where:
        got = measure(where, "trades_end_to_end", file=str(DATA), rows=ROWS)
        manage(where, "verify_trades", str(DATA), "--totals", str(DATA.with_name("control_totals.json")))
    beside = f"imported at {got['imported_rate']:,.0f}/s; {got['cpu_us']:.0f} us processor each"
    said = f"{verdict(got['rate'], 5_000)} 5,000 trades/s"
    table.add_row("PostgreSQL + Kafka", "end to end", f"{got['rate']:,.0f} trades/s", beside, said)


def _fills(table: Table, engine: str, where: Where, options: argparse.Namespace) -> None:
    got = measure(where, "fills", pace=200, seconds=max(5, options.seconds * 5))
    shown = f"p50 {got['p50']:.1f} ms, p99 {got['p99']:.1f} ms"
    table.add_row(engine, "a fill at 200/s", shown, f"{got['pace']:.0f}/s", f"{verdict(30, got['p99'])} p99 30 ms")
    got = measure(where, "long_trade", fills=10_000)
    said = f"{verdict(30, got['ms'])} 30 ms"
    shown, beside = f"{got['ms']:.0f} ms", f"load {got['load_ms']:.0f} ms processor"
    table.add_row(engine, "10,000 fills, from a snapshot", shown, beside, said)
    shown, beside = f"{got['replayed_ms']:.0f} ms", f"load {got['whole_ms']:.0f} ms processor"
    table.add_row(engine, "the same from its events", shown, beside, "")
