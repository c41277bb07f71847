"""A webhook receiver: an HTTP server in a thread of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from django.db import connections

from tests.support.waiting import join_threads


class ReceivedRequest(NamedTuple):
    headers: dict[str, str]
    body: str


class Receiver:
    """The received requests, and the statuses and bodies of the next responses in order; then 204 without one."""

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.answers: list[int] = []
        self.bodies: list[str] = []
        self.url = ""
        #: Called before the first response, to change something during a delivery.
        self.before_answer: Callable[[], object] | None = None


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.requests.append(
                ReceivedRequest({name.lower(): value for name, value in self.headers.items()}, body)
            )
            if receiver.before_answer is not None:
                receiver.before_answer()
                connections.close_all()  # the connections of this thread
                receiver.before_answer = None
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            if receiver.bodies:
                self.wfile.write(receiver.bodies.pop(0).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        join_threads(thread)
