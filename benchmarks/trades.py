"""Real trades imported and projected, and one trade with many fills."""

from __future__ import annotations

import argparse

from rich.table import Table

from benchmarks.harness import (
    ROOT,
    Environment,
    measure,
    measure_command,
    run_manage,
    temporary_database,
    temporary_stack,
)
from benchmarks.report import console, engines, target_verdict

DATA = ROOT.parent / "shared" / "data" / "trades_binance_2024-08-08.csv.gz"
ROWS = 55_270


def trades(options: argparse.Namespace) -> None:
    """55,270 real trades imported, projected and verified; fills of one trade at 200/s; a trade of 10,000 fills."""
    for engine in engines(
        options
    ):  # each with a table of its own: what is measured is seen although the rest takes long
        table = _new_table()
        with temporary_database(engine) as env:
            if DATA.exists():
                _import(table, engine, env)
            _fills(table, engine, env, options)
        console.print(table)
    if DATA.exists() and options.engine in (None, "PostgreSQL"):
        table = _new_table()
        _end_to_end(table)
        console.print(table)
    if not DATA.exists():
        console.print(f"import skipped: there is no {DATA.name}")


def _new_table() -> Table:
    return Table("database", "measured", "rate or time", "details", "target")


def _import(table: Table, engine: str, env: Environment) -> None:
    total = 0.0
    for label, command in (
        ("import", ("import_trades", str(DATA))),
        ("project", ("run_projections", "--once", "trade-blotter", "position", "market-minute")),
    ):
        used = measure_command(env, *command)
        total += used.seconds
        table.add_row(engine, label, f"{ROWS / used.seconds:,.0f} trades/s", f"{used.memory_mb:.0f} MB", "")
    rate = ROWS / total
    table.add_row(
        engine, "import, then project", f"{rate:,.0f} trades/s", "", f"{target_verdict(rate, 5_000)} 5,000 trades/s"
    )
    run_manage(env, "verify_trades", str(DATA), "--totals", str(DATA.with_name("control_totals.json")))


def _end_to_end(table: Table) -> None:
    """Importer, relay and worker at the same time, over PostgreSQL and one Kafka broker."""
    with temporary_stack() as env:
        result = measure(env, "trades_end_to_end", file=str(DATA), rows=ROWS)
        run_manage(env, "verify_trades", str(DATA), "--totals", str(DATA.with_name("control_totals.json")))
    details = f"imported at {result['imported_rate']:,.0f}/s; {result['cpu_us']:.0f} us CPU each"
    verdict = f"{target_verdict(result['rate'], 5_000)} 5,000 trades/s"
    table.add_row("PostgreSQL + Kafka", "end to end", f"{result['rate']:,.0f} trades/s", details, verdict)


def _fills(table: Table, engine: str, env: Environment, options: argparse.Namespace) -> None:
    result = measure(env, "fill_trade", pace=200, seconds=max(5, options.seconds * 5))
    text = f"p50 {result['p50']:.1f} ms, p99 {result['p99']:.1f} ms"
    table.add_row(
        engine, "a fill at 200/s", text, f"{result['pace']:.0f}/s", f"{target_verdict(5, result['p99'])} p99 5 ms"
    )
    result = measure(env, "load_long_trade", fills=10_000)
    verdict = f"{target_verdict(30, result['ms'])} 30 ms"
    text, details = f"{result['ms']:.0f} ms", f"load {result['load_ms']:.0f} ms CPU"
    table.add_row(engine, "10,000 fills, from a snapshot", text, details, verdict)
    text, details = f"{result['replayed_ms']:.0f} ms", f"load {result['whole_ms']:.0f} ms CPU"
    table.add_row(engine, "10,000 fills, from its events", text, details, "")
