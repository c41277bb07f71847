"""The web server as deployed: commands compared with a plain insert, reads at a steady pace, and open live pages."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import socket
from time import monotonic, sleep
from typing import NamedTuple

import httpx
import psutil
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
from benchmarks.harness import ROOT, Environment, measure, run_manage, run_measurement, run_process, temporary_database
from benchmarks.http_load import ORDER, PLAIN_ORDER, open_pages
from benchmarks.report import console, target_verdict
from deploy.stack.app import WEB_COMMAND

PAGES = 200
THREADS = 8


class Server(NamedTuple):
    """Gunicorn with its workers."""

    address: str
    process: psutil.Process

    @property
    def workers(self) -> list[psutil.Process]:
        return list(self.process.children())

    def cpu_s(self) -> float:
        return sum(sum(worker.cpu_times()[:2]) for worker in self.workers)

    def memory_mb(self) -> float:
        return float(sum(worker.memory_full_info().uss for worker in self.workers)) / 2**20


@contextmanager
def run_server(env: Environment, application: str = "eventshop.wsgi") -> Iterator[Server]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [*WEB_COMMAND.replace("eventshop.wsgi", application).split(), "--bind", address, "--log-level", "error"]
    # The API rate limit must not slow the measurement down.
    env = env | {"API_RATE": "10000000/m"}
    with subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env) as process:
        try:
            _wait_for(f"http://{address}/healthz")
            yield Server(f"http://{address}", psutil.Process(process.pid))
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    deadline = monotonic() + 60
    while monotonic() < deadline:
        try:
            httpx.get(url, timeout=2)
        except httpx.TransportError:
            sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def http(options: argparse.Namespace) -> None:
    """Gunicorn as deployed, with two processes of eight threads; eight clients."""
    table = Table("PostgreSQL", "result", "compared with", "target")
    with temporary_database("PostgreSQL") as env:
        measure_commands(env, table, options)
    with temporary_database("PostgreSQL") as env:
        measure_reads(env, table, options)
    console.print(table)


def measure_commands(env: Environment, table: Table, options: argparse.Namespace) -> None:
    access = create_shop(env, customers=PAGES)
    pages = [(path, session) for path, session in access.items() if path.startswith("/live/")]
    plain_token = run_process([sys.executable, "-m", "benchmarks.drf_peer", "prepare"], env).split()[-1]
    with ExitStack() as stack:
        eventshop = stack.enter_context(run_server(env))
        plain = stack.enter_context(run_server(env, "benchmarks.drf_peer"))
        load = {"threads": THREADS, "seconds": options.seconds}
        post = stack.enter_context(
            warm_measurement(
                env,
                "post_commands",
                address=eventshop.address,
                path="/api/v1/orders",
                authorization=f"Bearer {access['customer']}",
                body=ORDER,
                **load,
            )
        )
        create = stack.enter_context(
            warm_measurement(
                env,
                "post_commands",
                address=plain.address,
                path="/orders",
                authorization=f"Token {plain_token}",
                body=PLAIN_ORDER,
                **load,
            )
        )

        def post_with_pages() -> Sample:
            with open_pages(eventshop.address, pages):
                return _with_server_cpu(eventshop, post)()

        post()  # Memory that the first requests load must not count as that of the pages.
        with open_pages(eventshop.address, pages[:10]):
            before = eventshop.memory_mb()
        with open_pages(eventshop.address, pages):
            sleep(2)
            grown = eventshop.memory_mb() - before
        turns = {
            "plain": _with_server_cpu(plain, create),
            "eventshop": _with_server_cpu(eventshop, post),
            "with pages": post_with_pages,
        }
        samples = run_rounds(turns, options.rounds)
    share = median_ratio(samples["eventshop"], samples["plain"])
    with_pages = median_ratio(samples["with pages"], samples["eventshop"])
    texts = {
        name: f"{median_rate(series):,.0f}/s, {median_cpu_us(series):,.0f} us CPU" for name, series in samples.items()
    }
    table.add_row(
        "POST an order", f"{texts['eventshop']}, {share:.0%}", texts["plain"], f"{target_verdict(share, 0.75)} 75 %"
    )
    table.add_row(f"with {PAGES} open pages", f"{texts['with pages']}, {with_pages:.0%}", texts["eventshop"], "")
    table.add_row(f"{PAGES} open pages", f"{grown:.1f} MB", "", f"{target_verdict(100, grown)} < 100 MB")


def create_shop(env: Environment, *, customers: int) -> dict[str, str]:
    access: dict[str, str] = json.loads(run_measurement(env, "prepare_shop", customers=customers))
    return access


def _with_server_cpu(server: Server, turn: Turn) -> Turn:
    """The turn, with the processor time of the server's processes instead of the client's."""

    def run_turn() -> Sample:
        before = server.cpu_s()
        result = turn()
        return Sample(result.rate, (server.cpu_s() - before) / (result.rate * 1.1) * 1e6)

    return run_turn


def measure_reads(env: Environment, table: Table, options: argparse.Namespace) -> None:
    events = 1_000_000 if options.full else 100_000
    measure(env, "write_sales", orders=events // 3)
    run_manage(env, "run_projections", "--once")
    access = create_shop(env, customers=1)
    with run_server(env) as server:
        token = f"Bearer {access['staff']}"
        orders = httpx.get(f"{server.address}/api/v1/orders?limit=20", headers={"Authorization": token}).json()
        ids = [row["order_id"] for row in orders["results"]]
        paths = [
            "/api/v1/orders?limit=20",
            "/api/v1/orders?limit=20&status=SHIPPED",
            "/api/v1/customers?limit=20&ordering=-lifetime_value",
            "/api/v1/sales/days?limit=20",
            *(f"/api/v1/orders/{order_id}" for order_id in ids[:8]),
            *(f"/api/v1/streams/{order_id}/events" for order_id in ids[:4]),
        ]
        before, seconds = server.cpu_s(), max(5, options.seconds * 20)
        result = measure(
            env,
            "read_paths",
            address=server.address,
            paths=paths,
            authorization=token,
            pace=100,
            seconds=seconds,
        )
        used = (server.cpu_s() - before) / (100 * seconds) * 1_000
    text = f"p50 {result['p50']:.1f} ms, p99 {result['p99']:.1f} ms"
    verdict = f"{target_verdict(50, result['p99'])} p99 50 ms"
    details = f"{result['pace']:.0f}/s, {used:.1f} ms CPU each; slowest path p50 {result['slowest']:.1f} ms"
    table.add_row(f"reads, {events:,} events", text, details, verdict)
