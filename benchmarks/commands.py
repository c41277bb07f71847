"""Commands: one at a time beside `eventsourcing` and the bare insert, and in batches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from rich.table import Table

from benchmarks.contest import Slice, Turn, contestant, cpu_us, rate, ratio, turns
from benchmarks.running import Where, database, measure, pgbench
from benchmarks.tables import console, engines, verdict

OURS: Final = "EventShop, loading"
THEIRS: Final = "eventsourcing, loading"
OURS_REMEMBERED: Final = "EventShop, remembering"
THEIRS_FASTEST: Final = "eventsourcing, at its fastest"
BARE: Final = "pgbench, only the insert"

#: The setting with which every command loads its aggregate.
LOADING: Final = {"AGGREGATES_IN_MEMORY": "0"}
#: Settings of `eventsourcing` that spare it what remembering spares us, and its statements' round trips.
_FASTEST: Final = {
    "AGGREGATE_CACHE_MAXSIZE": "1000",
    "AGGREGATE_CACHE_FASTFORWARD": "n",
    "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
    "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
}


#: `eventsourcing` makes its tables when it starts, and its processes would race for that.
_TABLES_ARE_THERE: Final = {"CREATE_TABLE": "n"}


class Case(NamedTuple):
    """Who sends commands at the same time, and how much faster than `eventsourcing` that has to be."""

    said: str
    threads: int
    processes: int = 1
    target: float = 0.0


_CASES: Final = (Case("1 client", 1, target=2.2), Case("8 threads", 8, target=3.0))
_MORE: Final = (Case("4 processes", 1, processes=4),)


def commands(options: argparse.Namespace) -> None:
    """Commands a second for streams of three, in turns on the same server; each ratio is the median of the rounds.

    The targets are judged where both sides do the same work: both load the aggregate for each command. Below that, both
    without loading: EventShop remembers what it left, `eventsourcing` caches and uses its fastest settings.
    """
    for engine in engines(options):
        for case in (*_CASES, *(_MORE if options.full else ())):
            with database(engine) as where:
                # First, for the peer's tables to be made.
                trips = {name: measure(env, "round_trips", who=who)["each"] for name, (who, env) in _who(where).items()}
                with _contestants(where, engine, case, options.seconds) as contestants:
                    found = turns(contestants, options.rounds)
            console.print(_table(engine, case, found, trips if engine == "PostgreSQL" else {}))


def _who(where: Where) -> dict[str, tuple[str, Where]]:
    """The measurement and the environment of each contestant that is a program of ours or theirs."""
    return {
        OURS: ("commands", where | LOADING),
        THEIRS: ("peer", where),
        OURS_REMEMBERED: ("commands", where),
        THEIRS_FASTEST: ("peer", where | _FASTEST),
    }


@contextmanager
def _contestants(where: Where, engine: str, case: Case, seconds: float) -> Iterator[dict[str, Turn]]:
    with ExitStack() as stack:
        entered = {
            name: stack.enter_context(
                contestant(env | _TABLES_ARE_THERE, who, case.processes, threads=case.threads, seconds=seconds)
            )
            for name, (who, env) in _who(where).items()
            if engine == "PostgreSQL" or name != OURS_REMEMBERED  # on SQLite nothing is remembered: loading is local
        }
        if engine == "PostgreSQL":
            clients = case.threads * case.processes
            entered[BARE] = lambda: Slice(pgbench(where, clients=clients, seconds=seconds))
        yield entered


def _table(engine: str, case: Case, found: dict[str, list[Slice]], trips: dict[str, float]) -> Table:
    table = Table(
        f"{engine}, {case.said}", "commands/s", "client CPU", "round trips", "of the insert", "to its peer", "targets"
    )
    peers = {OURS: THEIRS, OURS_REMEMBERED: THEIRS_FASTEST}
    for name, slices in found.items():
        ahead = ratio(slices, found[peers[name]]) if name in peers else 0.0
        share = ratio(slices, found[BARE]) if BARE in found and name != BARE else 0.0
        judged = engine == "PostgreSQL" and name == OURS
        said = [f"{verdict(ahead, case.target)} {case.target}x"] if judged and case.target else []
        said += [f"{verdict(share, 0.5)} 50 %"] if judged and case == _CASES[0] else []
        said += [f"{verdict(2, trips[name])} 2 trips"] if judged and name in trips else []
        table.add_row(
            name,
            f"{rate(slices):,.0f}",
            f"{cpu_us(slices):,.0f} us" if name != BARE else "",
            f"{trips[name]:.1f}" if name in trips else "",
            f"{share:.0%}" if share else "",
            f"{ahead:.2f}x" if ahead else "",
            "\n".join(said),
        )
    if OURS_REMEMBERED in found:
        table.caption = (
            f"Each as it comes, EventShop remembering and eventsourcing loading (not the same work): "
            f"{ratio(found[OURS_REMEMBERED], found[THEIRS]):.2f}x"
        )
    return table


def batches(options: argparse.Namespace) -> None:
    """`send_many` in one process, 600 commands in each batch."""
    table = Table("database", "send_many", "client CPU", "target")
    for engine in engines(options):
        with database(engine) as where, contestant(where, "send_many", events=12_000) as turn:
            found = turns({engine: turn}, options.rounds)[engine]
        said = f"{verdict(rate(found), 10_000)} 10,000" if engine == "PostgreSQL" else ""
        table.add_row(engine, f"{rate(found):,.0f} events/s", f"{cpu_us(found):,.0f} us", said)
    console.print(table)
