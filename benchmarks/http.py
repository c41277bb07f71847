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

from benchmarks.contest import Slice, Turn, contestant, cpu_us, rate, ratio, turns
from benchmarks.http_load import ORDER, PLAIN_ORDER, open_pages
from benchmarks.running import ROOT, Where, database, manage, measure, run, run_child
from benchmarks.tables import console, verdict
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
def served(where: Where, application: str = "eventshop.wsgi") -> Iterator[Server]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [*WEB_COMMAND.replace("eventshop.wsgi", application).split(), "--bind", address, "--log-level", "error"]
    # What people are held up by is not what is measured.
    env = where | {"API_RATE": "10000000/m"}
    with subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env) as process:
        try:
            _await(f"http://{address}/healthz")
            yield Server(f"http://{address}", psutil.Process(process.pid))
        finally:
            process.terminate()


def _await(url: str) -> None:
    until = monotonic() + 60
    while monotonic() < until:
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
    with database("PostgreSQL") as where:
        commands(where, table, options)
    with database("PostgreSQL") as where:
        reading(where, table, options)
    console.print(table)


def commands(where: Where, table: Table, options: argparse.Namespace) -> None:
    made = shop_for(where, customers=PAGES)
    pages = [it for it in made.items() if it[0].startswith("/live/")]
    plain_token = run([sys.executable, "-m", "benchmarks.plain", "prepare"], where).split()[-1]
    with ExitStack() as stack:
        ours, plain = (stack.enter_context(served(where, it)) for it in ("eventshop.wsgi", "benchmarks.plain"))
        load = {"threads": THREADS, "seconds": options.seconds}
        post = stack.enter_context(
            contestant(
                where,
                "posts",
                address=ours.address,
                path="/api/v1/orders",
                authorization=f"Bearer {made['customer']}",
                body=ORDER,
                **load,
            )
        )
        create = stack.enter_context(
            contestant(
                where,
                "posts",
                address=plain.address,
                path="/orders",
                authorization=f"Token {plain_token}",
                body=PLAIN_ORDER,
                **load,
            )
        )

        def watched() -> Slice:
            with open_pages(ours.address, pages):
                return _of(ours, post)()

        post()  # what a process loads with its first requests is not the pages'
        with open_pages(ours.address, pages[:10]):
            before = ours.memory_mb()
        with open_pages(ours.address, pages):
            sleep(2)
            grown = ours.memory_mb() - before
        found = turns({"plain": _of(plain, create), "ours": _of(ours, post), "watched": watched}, options.rounds)
    share, with_pages = ratio(found["ours"], found["plain"]), ratio(found["watched"], found["ours"])
    said = {name: f"{rate(part):,.0f}/s, {cpu_us(part):,.0f} us CPU" for name, part in found.items()}
    table.add_row("POST an order", f"{said['ours']}, {share:.0%}", said["plain"], f"{verdict(share, 0.75)} 75 %")
    table.add_row(f"with {PAGES} open pages", f"{said['watched']}, {with_pages:.0%}", said["ours"], "")
    table.add_row(f"{PAGES} open pages", f"{grown:.1f} MB", "", f"{verdict(100, grown)} < 100 MB")


def shop_for(where: Where, *, customers: int) -> dict[str, str]:
    made: dict[str, str] = json.loads(run_child(where, "shop", customers=customers))
    return made


def _of(server: Server, turn: Turn) -> Turn:
    """The turn, with the processor time of the server's processes in place of the client's."""

    def watched() -> Slice:
        before = server.cpu_s()
        result = turn()
        return Slice(result.rate, (server.cpu_s() - before) / (result.rate * 1.1) * 1e6)

    return watched


def reading(where: Where, table: Table, options: argparse.Namespace) -> None:
    events = 1_000_000 if options.full else 100_000
    measure(where, "sales", orders=events // 3)
    manage(where, "run_projections", "--once")
    made = shop_for(where, customers=1)
    with served(where) as server:
        token = f"Bearer {made['staff']}"
        some = httpx.get(f"{server.address}/api/v1/orders?limit=20", headers={"Authorization": token}).json()
        ids = [row["order_id"] for row in some["results"]]
        paths = [
            "/api/v1/orders?limit=20",
            "/api/v1/orders?limit=20&status=SHIPPED",
            "/api/v1/customers?limit=20&ordering=-lifetime_value",
            "/api/v1/sales/days?limit=20",
            *(f"/api/v1/orders/{one}" for one in ids[:8]),
            *(f"/api/v1/streams/{one}/events" for one in ids[:4]),
        ]
        before, seconds = server.cpu_s(), max(5, options.seconds * 20)
        got = measure(
            where,
            "reads",
            address=server.address,
            paths=paths,
            authorization=token,
            pace=100,
            seconds=seconds,
        )
        used = (server.cpu_s() - before) / (100 * seconds) * 1_000
    shown = f"p50 {got['p50']:.1f} ms, p99 {got['p99']:.1f} ms"
    said = f"{verdict(50, got['p99'])} p99 50 ms"
    beside = f"{got['pace']:.0f}/s, {used:.1f} ms CPU each; slowest kind p50 {got['slowest']:.1f} ms"
    table.add_row(f"reads, {events:,} events", shown, beside, said)
