"""The venue's HTTP server."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any, Final

from deploy.gateway.json_handler import JsonHandler
from deploy.gateway.requests import HttpError
from deploy.venue.behaviours import BEHAVIOURS, MARKET
from deploy.venue.order_book import OrderBook
from deploy.venue.requests import parse_order, parse_terms, parse_uuid

HOST: Final = "127.0.0.1"
_ORDER_PATH: Final = re.compile(r"/v1/orders/([0-9a-f-]{36})/(cancel|amend)")


class VenueServer(ThreadingHTTPServer):
    """Listens on the loopback address; `wake` tells the sender that there is something to do."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, book: OrderBook, *, secret: str, wake: Callable[[], None]) -> None:
        self.book, self.secret, self.wake = book, secret, wake
        super().__init__((HOST, port), VenueHandler)


class VenueHandler(JsonHandler):
    server: VenueServer

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self._send(200, b"ok\n", "text/plain")
        if self.path == "/":
            return self._send(200, _index(self.server.book).encode(), "text/html; charset=utf-8")
        self._send_json(404, {"error": "no such address"})

    def do_POST(self) -> None:
        self._handle(self._post)

    def _post(self) -> None:
        self._check_authorization()
        answer: dict[str, Any] | None
        body, key = self._read_json(), parse_uuid(self.headers.get("Idempotency-Key", ""))
        if self.path == "/v1/orders":
            answer = self._place(key, body)
        elif match := _ORDER_PATH.fullmatch(self.path):
            answer = self._change(key, parse_uuid(match[1]), match[2], body)
        else:
            raise HttpError(404, "no such address")
        self.server.wake()
        if answer is None:
            return self._send_json(202, {"status": "pending"})
        self._send_json(200, answer)

    def _place(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        order = parse_order(body)
        if self.server.book.fails(key, order.instrument):
            raise HttpError(503, "the venue is not available")
        return self.server.book.place(key, order)

    def _change(self, key: str, order_id: str, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if what == "cancel":
            return self.server.book.cancel(key, order_id)
        return self.server.book.amend(key, order_id, *parse_terms(body))


def _index(book: OrderBook) -> str:
    symbols = "".join(f"<tr><td>{MARKET}/{one.symbol}<td>{html.escape(one.meaning)}" for one in BEHAVIOURS)
    orders = "".join(
        f"<tr><td>{row['id']}<td>{html.escape(row['instrument'])}<td>{row['side']}<td>{row['quantity']}"
        f"<td>{row['filled']}<td>{row['status']}"
        for row in book.newest(50)
    )
    return (
        "<!doctype html><html lang=en><title>Simulated venue</title><h1>Simulated venue</h1><h2>Test symbols</h2>"
        f"<table><tr><th>Symbol<th>What happens{symbols}</table><h2>Newest orders</h2>"
        f"<table><tr><th>Order<th>Instrument<th>Side<th>Quantity<th>Filled<th>Status{orders}</table>"
    )
