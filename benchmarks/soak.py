"""The memory of the whole stack under a steady rate of orders: what a worker keeps that it should not."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import linear_regression, mean
from time import monotonic, sleep
from typing import Final

from rich.table import Table

from benchmarks.harness import ROOT, measure, process_environment
from benchmarks.idle import families_of, memory_mb, running_program, stack_pids
from benchmarks.report import console, target_verdict
from deploy.stack import Stack

RATE: Final = 50
SAMPLE_S: Final = 30
#: In this share of the run caches fill; memory is compared after it.
WARM_UP_SHARE: Final = 0.25
#: The names of our own processes begin so. The servers' caches grow with the data, by their settings.
PROGRAMS: Final = ("worker", "relay", "publisher", "web", "beat")
#: A process counts as flat when its memory grows by less than this in an hour (megabytes).
FLAT_MB: Final = 5.0


def soak(options: argparse.Namespace) -> None:
    """Memory of each process at 50 orders a second, placed and paid: for two minutes, with `--full` for an hour."""
    seconds = 3600 if options.full else 120
    with running_program() as folder:
        env = process_environment(*(Stack(folder.path).env[name] for name in ("DATABASE_URL", "EVENT_LOG_URL")))
        measure(env, "prepare_orders", orders=0)
        command = [sys.executable, "-m", "benchmarks.measurement_process", "place_orders"]
        client = subprocess.Popen(
            [*command, json.dumps({"rate": RATE, "seconds": seconds})],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        samples = _sample_memory(stack_pids(folder), seconds)
        placed = json.loads(client.communicate()[0].splitlines()[-1])
    table = Table("process", "at the start", "warm", "at the end", "growth in an hour", "target")
    for name, series in sorted(samples.items()):
        warm = series[int(len(series) * WARM_UP_SHARE) :]
        growth = linear_regression([at for at, _ in warm], [mb for _, mb in warm]).slope * 3600
        is_worker = name.startswith("worker")
        table.add_row(
            name,
            f"{series[0][1]:.0f} MB",
            f"{mean(mb for _, mb in warm[:3]):.0f} MB",
            f"{mean(mb for _, mb in warm[-3:]):.0f} MB",
            f"{growth:+.1f} MB",
            f"{target_verdict(FLAT_MB, growth)} {FLAT_MB:.0f} MB" if is_worker else "",
        )
    console.print(f"{placed['orders']:,.0f} orders in {seconds} s, {placed['rate']:.1f}/s")
    console.print(table)


def _sample_memory(pids: dict[str, int], seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Pairs of seconds since the start and megabytes, by process."""
    own = {name: pid for name, pid in pids.items() if name.startswith(PROGRAMS)}
    started, samples = monotonic(), {name: list[tuple[float, float]]() for name in own}
    while (at := monotonic() - started) < seconds:
        for name, family in families_of(own).items():
            samples[name].append((at, memory_mb(family)))
        sleep(SAMPLE_S)
    return samples
