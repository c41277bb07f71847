"""What privacy costs: encryption of a command, and erasing somebody while others go on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from rich.table import Table

from benchmarks.contest import Slice, Turn, contestant, cpu_us, rate, ratio, turns
from benchmarks.running import Where, database, measure
from benchmarks.tables import console, engines, verdict

PLAIN, SEALED, NEW = "three plain fields", "three personal fields", "of somebody new, key made"
#: How much a command with three personal fields may take longer.
MORE = 1.15
#: How long erasing somebody with 10,000 events may take, the search included.
WITHIN_S = 30


def privacy(options: argparse.Namespace) -> None:
    """Commands a second with and without personal fields, in turns; then an erasure beside the commands of others."""
    for engine in engines(options):
        with database(engine) as where:
            _encryption(engine, where, options)
        with database(engine) as where:
            _erasure(engine, where, options)


def _encryption(engine: str, where: Where, options: argparse.Namespace) -> None:
    with _contestants(where, options.seconds) as contestants:
        found = turns(contestants, options.rounds)
    table = Table(f"{engine}, 1 client", "commands/s", "client CPU", "takes longer", "target")
    for name, slices in found.items():
        longer = ratio(found[PLAIN], slices)
        said = f"{verdict(MORE, longer)} <= {MORE - 1:.0%}" if name == SEALED else ""
        shown = f"{longer - 1:+.0%}" if name != PLAIN else ""
        table.add_row(name, f"{rate(slices):,.0f}", f"{cpu_us(slices):,.0f} us", shown, said)
    console.print(table)


@contextmanager
def _contestants(where: Where, seconds: float) -> Iterator[dict[str, Turn]]:
    kinds = {PLAIN: "plain", SEALED: "sealed", NEW: "new"}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(contestant(where, "note", kind=kind, seconds=seconds))
            for name, kind in kinds.items()
        }


def _erasure(engine: str, where: Where, options: argparse.Namespace) -> None:
    events = 10_000
    measure(where, "sales", orders=2_000)
    person = int(measure(where, "somebody", events=events)["person"])
    with (
        contestant(where, "commands", threads=1, seconds=options.seconds / 2) as command,
        contestant(where, "erase", person=person) as erase,
        ThreadPoolExecutor(1) as pool,
    ):
        command()  # connections, caches
        apart = [command() for _ in range(options.rounds)]
        erasing = pool.submit(erase)
        beside = list(_until_done(erasing, command))
        apart += [command() for _ in range(options.rounds)]
        got = erasing.result()
    table = Table(f"{engine}, {events:,} events of one person", "result", "target")
    seconds, share = got.said["seconds"], rate(beside) / rate(apart)
    table.add_row("erased, searched, certified", f"{seconds:.1f} s", f"{verdict(WITHIN_S, seconds)} <= 30 s")
    table.add_row("of which waiting for other processes to forget keys", f"{got.said['waited']:.1f} s", "")
    table.add_row("rows, records and values searched", f"{got.said['searched']:,.0f}", "")
    table.add_row("commands of others, before and after", f"{rate(apart):,.0f}/s, CPU {cpu_us(apart):.0f} us", "")
    table.add_row(
        "commands of others, beside it", f"{rate(beside):,.0f}/s, CPU {cpu_us(beside):.0f} us", f"{share:.0%} of that"
    )
    console.print(table)


def _until_done(erasing: Future[Slice], command: Turn) -> Iterator[Slice]:
    while not erasing.done():
        yield command()
