"""deploy/Caddyfile, run by Caddy: what the shop hears of a client, and what never reaches it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from socket import create_connection
from threading import Event, Thread
from typing import ClassVar

import pytest

from tests.conftest import missing
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until
from tests.support.web_server import free_port

#: Runs once, in the PostgreSQL session; it needs no database of the session.
pytestmark = pytest.mark.postgres

CADDY = Path(sys.executable).with_name("caddy")


class Shop(BaseHTTPRequestHandler):
    """Answers with the headers and the length of what it was sent; `/live/` goes on until `closing` is set."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[Queue[str]] = Queue()
    closing: ClassVar[Event] = Event()

    def do_GET(self) -> None:
        if self.path.startswith("/live/"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            self.closing.wait(DEADLINE_S)
            return
        self._answer()

    def do_POST(self) -> None:
        self.requests.put(self.path)
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = json.dumps({"headers": headers, "length": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Nothing: the answers say enough."""


@pytest.fixture(scope="module")
def shop() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        Shop.closing.set()
        server.shutdown()


@pytest.fixture(scope="module")
def proxy(shop: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of Caddy in front of the shop."""
    if not CADDY.exists():
        missing("there is no Caddy; `make install-dev` installs it")
    folder, port, check_port = tmp_path_factory.mktemp("proxy"), free_port(), free_port()
    # Only the port of the health check has no variable: it never leaves its container.
    config = folder / "Caddyfile"
    config.write_text((ROOT / "deploy" / "Caddyfile").read_text().replace("http://:2020", f"http://:{check_port}"))
    environment = {"SITE_ADDRESS": f"http://:{port}", "WEB": f"127.0.0.1:{shop.server_port}", "HOME": str(folder)}
    log = folder / "caddy.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [CADDY, "run", "--config", config, "--adapter", "caddyfile"], env=environment, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: process.poll() is not None or accepts(check_port), seen=log)
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        wait_for_exit(process, log=log)


def accepts(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)) as connection:
            connection.request("GET", "/")
            return connection.getresponse().read() == b"ok"
    except OSError:
        return False


def ask(port: int, method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_shop_hears_the_address_of_the_client_and_nothing_that_the_client_made_up(proxy: int) -> None:
    status, text = ask(
        proxy, X_Real_IP="203.0.113.9", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https", Host="shop.example"
    )
    headers = json.loads(text)["headers"]
    assert status == 200
    assert (headers["x-real-ip"], headers["x-forwarded-for"]) == ("127.0.0.1", "127.0.0.1")
    assert headers["x-forwarded-proto"] == "http"
    assert headers["host"] == "shop.example"


def test_a_body_that_is_too_large_does_not_reach_the_shop(proxy: int) -> None:
    assert ask(proxy, "POST", "/large", b"x" * (4 * 1024 * 1024 + 1))[0] == 413
    status, text = ask(proxy, "POST", "/fits", b"x" * 3_000_000)
    assert (status, json.loads(text)["length"]) == (200, 3_000_000)


def test_a_slow_client_keeps_no_thread_of_the_shop(proxy: int) -> None:
    """The shop gets a request once it is complete; a broken one it never gets."""
    before = Shop.requests.qsize()
    with create_connection(("127.0.0.1", proxy), timeout=DEADLINE_S) as slow:
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\nhalf ")
        assert ask(proxy, "POST", "/other", b"x")[0] == 200  # which was sent after it, and answered before
        assert Shop.requests.qsize() == before + 1
        slow.sendall(b"there")
        assert slow.recv(64).startswith(b"HTTP/1.1 200")
    assert [Shop.requests.get() for _ in range(Shop.requests.qsize())][-2:] == ["/other", "/slow"]


def test_a_live_page_is_not_buffered(proxy: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", proxy, timeout=DEADLINE_S)) as connection:
        connection.request("GET", "/live/order/1/")
        assert connection.getresponse().readline() == b"data: 1\n"
