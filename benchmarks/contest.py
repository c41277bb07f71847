"""Contestants in turns: short slices one after the other, so that the noise of a machine meets them all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from benchmarks.running import ROOT, Where


class Slice(NamedTuple):
    """What one turn gave: how many a second, and the processor time of the measuring process for each.

    `said` is everything that the measurement of one process gave, for those that measure something else.
    """

    rate: float = 0.0
    cpu_us: float = 0.0
    said: Mapping[str, float] = MappingProxyType({})


#: One turn of a contestant.
Turn: TypeAlias = Callable[[], Slice]


@contextmanager
def contestant(where: Where, measurement: str, /, processes: int = 1, **given: Any) -> Iterator[Turn]:
    """A measurement in processes of its own, which stay: connected, prepared and warm for every turn."""
    command = [sys.executable, "-m", "benchmarks.child", measurement, json.dumps(given), "--turns"]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=where, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(processes)
        ]
        yield lambda: _turn(running)


def _turn(running: list[subprocess.Popen[str]]) -> Slice:
    for process in running:
        assert process.stdin
        print("go", file=process.stdin, flush=True)
    results = []
    for process in running:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"a measuring process ended with status {process.wait()}")
        results.append(json.loads(line))
    if "rate" not in results[0]:
        return Slice(said=results[0])
    return Slice(sum(one["rate"] for one in results), median(one["cpu_us"] for one in results))


def turns(contestants: Mapping[str, Turn], rounds: int) -> dict[str, list[Slice]]:
    """Every contestant's slices, round by round. The first round warms up and is not counted."""
    found: dict[str, list[Slice]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, turn in contestants.items():
            result = turn()
            if number:
                found[name].append(result)
    return found


def ratio(one: list[Slice], other: list[Slice]) -> float:
    """How many times as fast, the median over the rounds: both sides of each had the same noise."""
    return median(mine.rate / yours.rate for mine, yours in zip(one, other, strict=True))


def rate(slices: list[Slice]) -> float:
    return median(part.rate for part in slices)


def cpu_us(slices: list[Slice]) -> float:
    return median(part.cpu_us for part in slices)
