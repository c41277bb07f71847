"""Commands: one at a time, compared with `eventsourcing` and a bare append; and in batches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

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
from benchmarks.harness import Environment, measure, run_pgbench, temporary_database
from benchmarks.report import console, engines, target_verdict

EVENTSHOP: Final = "EventShop, no cache"
PEER: Final = "eventsourcing, no cache"
EVENTSHOP_CACHED: Final = "EventShop, cached"
PEER_CACHED: Final = "eventsourcing, cached"
PGBENCH: Final = "pgbench, append only"

#: Disables the aggregate cache: every command loads its aggregate.
WITHOUT_CACHE: Final = {"AGGREGATES_IN_MEMORY": "0"}
#: Settings of `eventsourcing` that enable its aggregate cache, and database functions that save round trips.
_PEER_CACHE: Final = {
    "AGGREGATE_CACHE_MAXSIZE": "1000",
    "AGGREGATE_CACHE_FASTFORWARD": "n",
    "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
    "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
}


#: `eventsourcing` creates its tables at start; several processes would race for that.
_TABLES_EXIST: Final = {"CREATE_TABLE": "n"}


class Case(NamedTuple):
    """A number of concurrent clients, and the target ratio to `eventsourcing`."""

    label: str
    threads: int
    processes: int = 1
    target: float = 0.0


_CASES: Final = (Case("1 client", 1, target=2.2), Case("8 threads", 8, target=3.0))
_FULL_CASES: Final = (Case("4 processes", 1, processes=4),)


def commands(options: argparse.Namespace) -> None:
    """Commands per second for streams of three, in alternating turns on one server; ratios are medians of the rounds.

    The targets apply where both sides do the same work: both load the aggregate for each command. Below that both use
    their aggregate cache, and `eventsourcing` also database functions.
    """
    for engine in engines(options):
        for case in (*_CASES, *(_FULL_CASES if options.full else ())):
            with temporary_database(engine) as env:
                # This comes first, because it also creates the tables of `eventsourcing`.
                round_trips = {
                    name: measure(client_env, "count_round_trips", client=client)["each"]
                    for name, (client, client_env) in _clients(env).items()
                }
                with _measurements(env, engine, case, options.seconds) as turns:
                    samples = run_rounds(turns, options.rounds)
            console.print(_results_table(engine, case, samples, round_trips if engine == "PostgreSQL" else {}))


def _clients(env: Environment) -> dict[str, tuple[str, Environment]]:
    """The measurement and its environment for each client other than pgbench."""
    return {
        EVENTSHOP: ("send_commands", env | WITHOUT_CACHE),
        PEER: ("send_peer_commands", env),
        EVENTSHOP_CACHED: ("send_commands", env),
        PEER_CACHED: ("send_peer_commands", env | _PEER_CACHE),
    }


@contextmanager
def _measurements(env: Environment, engine: str, case: Case, seconds: float) -> Iterator[dict[str, Turn]]:
    with ExitStack() as stack:
        turns = {
            name: stack.enter_context(
                warm_measurement(
                    client_env | _TABLES_EXIST, client, case.processes, threads=case.threads, seconds=seconds
                )
            )
            for name, (client, client_env) in _clients(env).items()
            if engine == "PostgreSQL" or name != EVENTSHOP_CACHED  # SQLite has no aggregate cache: loading is local
        }
        if engine == "PostgreSQL":
            clients = case.threads * case.processes
            turns[PGBENCH] = lambda: Sample(run_pgbench(env, clients=clients, seconds=seconds))
        yield turns


def _results_table(engine: str, case: Case, samples: dict[str, list[Sample]], round_trips: dict[str, float]) -> Table:
    table = Table(
        f"{engine}, {case.label}",
        "commands/s",
        "client CPU",
        "round trips",
        "vs pgbench",
        "vs eventsourcing",
        "targets",
    )
    peers = {EVENTSHOP: PEER, EVENTSHOP_CACHED: PEER_CACHED}
    for name, series in samples.items():
        speedup = median_ratio(series, samples[peers[name]]) if name in peers else 0.0
        share = median_ratio(series, samples[PGBENCH]) if PGBENCH in samples and name != PGBENCH else 0.0
        has_targets = engine == "PostgreSQL" and name == EVENTSHOP
        verdicts = [f"{target_verdict(speedup, case.target)} {case.target}x"] if has_targets and case.target else []
        verdicts += [f"{target_verdict(share, 0.5)} 50 %"] if has_targets and case == _CASES[0] else []
        verdicts += (
            [f"{target_verdict(2, round_trips[name])} 2 round trips"] if has_targets and name in round_trips else []
        )
        table.add_row(
            name,
            f"{median_rate(series):,.0f}",
            f"{median_cpu_us(series):,.0f} us" if name != PGBENCH else "",
            f"{round_trips[name]:.1f}" if name in round_trips else "",
            f"{share:.0%}" if share else "",
            f"{speedup:.2f}x" if speedup else "",
            "\n".join(verdicts),
        )
    if EVENTSHOP_CACHED in samples:
        table.caption = (
            f"Default settings, EventShop cached and eventsourcing without cache (not the same work): "
            f"{median_ratio(samples[EVENTSHOP_CACHED], samples[PEER]):.2f}x"
        )
    return table


def counting(options: argparse.Namespace) -> None:
    """What metrics add to a cached command, in memory and in the files that gunicorn's processes share."""
    table = Table("database", "counts are kept", "without metrics", "their own time", "by pairs, 95 % sure", "target")
    for engine in engines(options):
        with temporary_database(engine) as env, TemporaryDirectory() as folder:
            for place, files in (("in memory", {}), ("in files", {"PROMETHEUS_MULTIPROC_DIR": folder})):
                found = measure(env | files, "measure_counting", pairs=int(options.seconds * 200))
                times = [f"{found['uncounted_us']:,.1f} us", f"{found['own_us']:,.1f} us ({found['cost']:.1%})"]
                pairs = f"{found['pairs']:+.1%} ({found['low']:+.1%} to {found['high']:+.1%})"
                verdict = target_verdict(0.02, max(found["cost"], 0.0001))
                table.add_row(engine, place, *times, pairs, f"{verdict} 2 %")
    console.print(table)


def batches(options: argparse.Namespace) -> None:
    """`send_many` in one process, 600 commands in each batch."""
    table = Table("database", "send_many", "client CPU", "target")
    for engine in engines(options):
        with temporary_database(engine) as env, warm_measurement(env, "send_batches", events=12_000) as turn:
            samples = run_rounds({engine: turn}, options.rounds)[engine]
        verdict = f"{target_verdict(median_rate(samples), 10_000)} 10,000" if engine == "PostgreSQL" else ""
        table.add_row(engine, f"{median_rate(samples):,.0f} events/s", f"{median_cpu_us(samples):,.0f} us", verdict)
    console.print(table)
