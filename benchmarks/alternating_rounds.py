"""Measurements in alternating turns: short runs, one after the other, so that other load on the machine affects all."""

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
    """The result of one turn: operations per second, and processor time of the measuring process per operation.

    `values` holds the whole result of a measurement that does not measure a rate.
    """

    rate: float = 0.0
    cpu_us: float = 0.0
    values: Mapping[str, float] = MappingProxyType({})


#: Runs one turn of a measurement.
Turn: TypeAlias = Callable[[], Sample]


@contextmanager
def warm_measurement(env: Environment, measurement: str, /, processes: int = 1, **arguments: Any) -> Iterator[Turn]:
    """Start processes for a measurement; they stay connected and warm from turn to turn."""
    command = [sys.executable, "-m", "benchmarks.measurement_process", measurement, json.dumps(arguments), "--turns"]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(processes)
        ]
        yield lambda: _run_turn(running)


def _run_turn(processes: list[subprocess.Popen[str]]) -> Sample:
    for process in processes:
        assert process.stdin
        print("go", file=process.stdin, flush=True)
    results = []
    for process in processes:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"a measurement process exited with status {process.wait()}")
        results.append(json.loads(line))
    if "rate" not in results[0]:
        return Sample(values=results[0])
    return Sample(sum(result["rate"] for result in results), median(result["cpu_us"] for result in results))


def run_rounds(measurements: Mapping[str, Turn], rounds: int) -> dict[str, list[Sample]]:
    """The samples of each measurement, round by round. The first round warms up and is not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in measurements}
    for number in range(rounds + 1):
        for name, turn in measurements.items():
            result = turn()
            if number:
                samples[name].append(result)
    return samples


def median_ratio(one: list[Sample], other: list[Sample]) -> float:
    """How many times as fast as `other`: the median of the ratios per round, whose two sides had the same load."""
    return median(mine.rate / yours.rate for mine, yours in zip(one, other, strict=True))


def median_rate(samples: list[Sample]) -> float:
    return median(sample.rate for sample in samples)


def median_cpu_us(samples: list[Sample]) -> float:
    return median(sample.cpu_us for sample in samples)
