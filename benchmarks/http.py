"""The web server as it is deployed: commands beside a plain create, reads at a pace, and pages left open."""

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

from benchmarks.alternating_rounds import Sample, Turn, warm_measurement, median_cpu_us, median_rate, median_ratio, run_rounds
from benchmarks.http_load import ORDER, PLAIN_ORDER, open_pages
from benchmarks.harness import ROOT, Environment, temporary_database, run_manage, measure, run_process, run_measurement
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
def run_server(where: Environment, application: str = "eventshop.wsgi") -> Iterator[Server]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [*WEB_COMMAND.replace("eventshop.wsgi", application).split(), "--bind", address, "--log-level", "error"]
    # What people are held up by is not what is measured.
    env = where | {"API_RATE": "10000000/m"}
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
    """Gunicorn as deployed, two processes of eight threads; eight clients."""
    table = Table("PostgreSQL", "result", "beside it", "target")
    with temporary_database("PostgreSQL") as where:
        measure_commands(where, table, options)
    with temporary_database("PostgreSQL") as where:
        measure_reads(where, table, options)
    console.print(table)


def measure_commands(env: Environment, table: Table, options: argparse.Namespace) -> None:
    access = create_shop(env, customers=PAGES)
    pages = [it for it in access.items() if it[0].startswith("/live/")]
    plain_token = run_process([sys.executable, "-m", "benchmarks.drf_peer", "prepare"], env).split()[-1]
    with ExitStack() as stack:
        ours, plain = (stack.enter_context(run_server(env, it)) for it in ("eventshop.wsgi", "benchmarks.drf_peer"))
        load = {"threads": THREADS, "seconds": options.seconds}
        post = stack.enter_context(
            warm_measurement(
                env,
                "post_commands",
                address=ours.address,
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

        def watched() -> Sample:
            with open_pages(ours.address, pages):
                return _with_server_cpu(ours, post)()

        post()  # what a process loads with its first requests is not the pages'
        with open_pages(ours.address, pages[:10]):
            before = ours.memory_mb()
        with open_pages(ours.address, pages):
            sleep(2)
            grown = ours.memory_mb() - before
        samples = run_rounds({"plain": _with_server_cpu(plain, create), "ours": _with_server_cpu(ours, post), "watched": watched}, options.rounds)
    share, with_pages = median_ratio(samples["ours"], samples["plain"]), median_ratio(samples["watched"], samples["ours"])
    texts = {name: f"{median_rate(part):,.0f}/s, {median_cpu_us(part):,.0f} us CPU" for name, part in samples.items()}
    table.add_row("POST an order", f"{texts['ours']}, {share:.0%}", texts["plain"], f"{target_verdict(share, 0.75)} 75 %")
    table.add_row(f"with {PAGES} open pages", f"{texts['watched']}, {with_pages:.0%}", texts["ours"], "")
    table.add_row(f"{PAGES} open pages", f"{grown:.1f} MB", "", f"{target_verdict(100, grown)} < 100 MB")


def create_shop(env: Environment, *, customers: int) -> dict[str, str]:
    access: dict[str, str] = json.loads(run_measurement(env, "prepare_shop", customers=customers))
    return access


def _with_server_cpu(server: Server, turn: Turn) -> Turn:
    """The turn, with the processor time of the server's processes in place of the client's."""

    def watched() -> Sample:
        before = server.cpu_s()
        result = turn()
        return Sample(result.rate, (server.cpu_s() - before) / (result.rate * 1.1) * 1e6)

    return watched


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
            *(f"/api/v1/orders/{one}" for one in ids[:8]),
            *(f"/api/v1/streams/{one}/events" for one in ids[:4]),
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
    shown = f"p50 {result['p50']:.1f} ms, p99 {result['p99']:.1f} ms"
    verdict = f"{target_verdict(50, result['p99'])} p99 50 ms"
    beside = f"{result['pace']:.0f}/s, {used:.1f} ms CPU each; slowest kind p50 {result['slowest']:.1f} ms"
    table.add_row(f"reads, {events:,} events", shown, beside, verdict)
