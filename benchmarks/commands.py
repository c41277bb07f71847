"""Commands: one at a time beside `eventsourcing` and the bare insert, and in batches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from rich.table import Table

from benchmarks.alternating_rounds import Sample, Turn, warm_measurement, median_cpu_us, median_rate, median_ratio, run_rounds
from benchmarks.harness import Environment, temporary_database, measure, run_pgbench
from benchmarks.report import console, engines, target_verdict

EVENTSHOP: Final = "EventShop, loading"
PEER: Final = "eventsourcing, loading"
EVENTSHOP_CACHED: Final = "EventShop, remembering"
PEER_CACHED: Final = "eventsourcing, at its fastest"
PGBENCH: Final = "pgbench, only the insert"

#: The setting with which every command loads its aggregate.
WITHOUT_CACHE: Final = {"AGGREGATES_IN_MEMORY": "0"}
#: Settings of `eventsourcing` that spare it what remembering spares us, and its statements' round trips.
_PEER_CACHE: Final = {
    "AGGREGATE_CACHE_MAXSIZE": "1000",
    "AGGREGATE_CACHE_FASTFORWARD": "n",
    "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
    "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
}


#: `eventsourcing` makes its tables when it starts, and its processes would race for that.
_TABLES_EXIST: Final = {"CREATE_TABLE": "n"}


class Case(NamedTuple):
    """Who sends commands at the same time, and how much faster than `eventsourcing` that has to be."""

    label: str
    threads: int
    processes: int = 1
    target: float = 0.0


_CASES: Final = (Case("1 client", 1, target=2.2), Case("8 threads", 8, target=3.0))
_FULL_CASES: Final = (Case("4 processes", 1, processes=4),)


def commands(options: argparse.Namespace) -> None:
    """Commands a second for streams of three, in turns on the same server; each ratio is the median of the rounds.

    The targets are judged where both sides do the same work: both load the aggregate for each command. Below that, both
    without loading: EventShop remembers what it left, `eventsourcing` caches and uses its fastest settings.
    """
    for engine in engines(options):
        for case in (*_CASES, *(_FULL_CASES if options.full else ())):
            with temporary_database(engine) as env:
                # First, for the peer's tables to be made.
                round_trips = {name: measure(env, "count_round_trips", who=who)["each"] for name, (who, env) in _clients(env).items()}
                with _measurements(env, engine, case, options.seconds) as contestants:
                    samples = run_rounds(contestants, options.rounds)
            console.print(_results_table(engine, case, samples, round_trips if engine == "PostgreSQL" else {}))


def _clients(env: Environment) -> dict[str, tuple[str, Environment]]:
    """The measurement and the environment of each contestant that is a program of ours or theirs."""
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
                warm_measurement(env | _TABLES_EXIST, who, case.processes, threads=case.threads, seconds=seconds)
            )
            for name, (who, env) in _clients(env).items()
            if engine == "PostgreSQL" or name != EVENTSHOP_CACHED  # on SQLite nothing is remembered: loading is local
        }
        if engine == "PostgreSQL":
            clients = case.threads * case.processes
            turns[PGBENCH] = lambda: Sample(run_pgbench(env, clients=clients, seconds=seconds))
        yield turns


def _results_table(engine: str, case: Case, samples: dict[str, list[Sample]], round_trips: dict[str, float]) -> Table:
    table = Table(
        f"{engine}, {case.label}", "commands/s", "client CPU", "round trips", "of the insert", "to its peer", "targets"
    )
    peers = {EVENTSHOP: PEER, EVENTSHOP_CACHED: PEER_CACHED}
    for name, series in samples.items():
        speedup = median_ratio(series, samples[peers[name]]) if name in peers else 0.0
        share = median_ratio(series, samples[PGBENCH]) if PGBENCH in samples and name != PGBENCH else 0.0
        has_targets = engine == "PostgreSQL" and name == EVENTSHOP
        verdicts = [f"{target_verdict(speedup, case.target)} {case.target}x"] if has_targets and case.target else []
        verdicts += [f"{target_verdict(share, 0.5)} 50 %"] if has_targets and case == _CASES[0] else []
        verdicts += [f"{target_verdict(2, round_trips[name])} 2 trips"] if has_targets and name in round_trips else []
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
            f"Each as it comes, EventShop remembering and eventsourcing loading (not the same work): "
            f"{median_ratio(samples[EVENTSHOP_CACHED], samples[PEER]):.2f}x"
        )
    return table


def batches(options: argparse.Namespace) -> None:
    """`send_many` in one process, 600 commands in each batch."""
    table = Table("database", "send_many", "client CPU", "target")
    for engine in engines(options):
        with temporary_database(engine) as env, warm_measurement(env, "send_batches", events=12_000) as turn:
            samples = run_rounds({engine: turn}, options.rounds)[engine]
        verdict = f"{target_verdict(median_rate(samples), 10_000)} 10,000" if engine == "PostgreSQL" else ""
        table.add_row(engine, f"{median_rate(samples):,.0f} events/s", f"{median_cpu_us(samples):,.0f} us", verdict)
    console.print(table)
