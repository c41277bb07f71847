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

from benchmarks.harness import ROOT, Environment


class Sample(NamedTuple):
    """What one turn gave: how many a second, and the processor time of the measuring process for each.

    `said` is everything that the measurement of one process gave, for those that measure something else.
    """

    rate: float = 0.0
    cpu_us: float = 0.0
    values: Mapping[str, float] = MappingProxyType({})


#: One turn of a contestant.
Turn: TypeAlias = Callable[[], Sample]


@contextmanager
def warm_measurement(where: Environment, measurement: str, /, processes: int = 1, **arguments: Any) -> Iterator[Turn]:
    """A measurement in processes of its own, which stay: connected, prepared and warm for every turn."""
    command = [sys.executable, "-m", "benchmarks.measurement_process", measurement, json.dumps(arguments), "--turns"]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=where, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(processes)
        ]
        yield lambda: _run_turn(processes)


def _run_turn(processes: list[subprocess.Popen[str]]) -> Sample:
    for process in processes:
        assert process.stdin
        print("go", file=process.stdin, flush=True)
    results = []
    for process in processes:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"a measuring process ended with status {process.wait()}")
        results.append(json.loads(line))
    if "rate" not in results[0]:
        return Sample(values=results[0])
    return Sample(sum(one["rate"] for one in results), median(one["cpu_us"] for one in results))


def run_rounds(measurements: Mapping[str, Turn], rounds: int) -> dict[str, list[Sample]]:
    """Every contestant's slices, round by round. The first round warms up and is not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in measurements}
    for number in range(rounds + 1):
        for name, turn in measurements.items():
            result = turn()
            if number:
                samples[name].append(result)
    return samples


def median_ratio(one: list[Sample], other: list[Sample]) -> float:
    """How many times as fast, the median over the rounds: both sides of each had the same noise."""
    return median(mine.rate / yours.rate for mine, yours in zip(one, other, strict=True))


def median_rate(samples: list[Sample]) -> float:
    return median(part.rate for part in samples)


def median_cpu_us(samples: list[Sample]) -> float:
    return median(part.cpu_us for part in samples)
