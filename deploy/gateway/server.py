"""The gateway over HTTP: charges, refunds, look-ups, and a page that says what can be made to happen."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import UUID

from deploy.gateway.behaviours import Answer, Behaviour
from deploy.gateway.ledger import KeyReused, Ledger, Request
from deploy.gateway.page import page

HOST: Final = "127.0.0.1"
MOST_BYTES: Final = 64 * 1024


class Refused(Exception):
    """A request that is answered with an error: its status and what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Gateway(ThreadingHTTPServer):
    """Listens on the loopback address. Seconds: a slow answer takes `slow_s`, a silent one hangs up after `never_s`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        ledger: Ledger,
        *,
        secret: str,
        slow_s: float,
        never_s: float,
        wake: Callable[[], None],
        crash: Callable[[str], None],
    ) -> None:
        self.ledger, self.secret, self.slow_s, self.never_s = ledger, secret, slow_s, never_s
        self.wake, self.crash = wake, crash
        super().__init__((HOST, port), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.path == "/":
            return self._send(200, page(self.server.ledger.newest(50)).encode(), "text/html; charset=utf-8")
        if self.path == "/healthz":
            return self._send(200, b"ok\n", "text/plain")
        self._answer(self._found)

    def do_POST(self) -> None:
        self._answer(self._asked)

    def _answer(self, act: Callable[[], None]) -> None:
        try:
            self._authorised()
            act()
        except Refused as refusal:
            # What of the request was not read must not be taken for the next one.
            self.close_connection = True
            self._json(refusal.status, {"error": refusal.why})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _authorised(self) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.server.secret}".encode()):
            raise Refused(401, "the secret is missing or wrong")

    def _found(self) -> None:
        found = self.server.ledger.find(self.path.removeprefix("/v1/payments/"))
        if found is None or not self.path.startswith("/v1/payments/"):
            raise Refused(404, "no such payment")
        self._json(200, found)

    def _asked(self) -> None:
        asked = _request(self.path, self.headers.get("Idempotency-Key", ""), self._body())
        self.server.crash("received")
        if self.server.ledger.errs(asked):
            raise Refused(500, "something went wrong")
        try:
            payment, behaviour = self.server.ledger.receive(asked)
        except KeyReused:
            raise Refused(422, "this key was used for another request") from None
        self.server.crash("recorded")
        self.server.wake()
        self._behave(payment, behaviour)
        self.server.crash("answered")

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise Refused(413, "a body of at most 64 KiB, its length said before")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            raise Refused(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, "the body is not an object")
        return body

    def _behave(self, payment: dict[str, Any], behaviour: Behaviour) -> None:
        match behaviour.answer:
            case Answer.AT_ONCE:
                self._json(200, payment)
            case Answer.SLOWLY:
                time.sleep(self.server.slow_s)
                self._json(200, payment)
            case Answer.NEVER:
                time.sleep(self.server.never_s)
                self.close_connection = True
            case Answer.CUT_OFF:
                self.close_connection = True
            case Answer.ERROR:
                raise Refused(500, "something went wrong")
            case Answer.NOT_JSON:
                self._send(200, b"<!doctype html><title>Maintenance</title>", "text/html")
            case Answer.DRIBBLED:
                self._dribble()
            case Answer.OTHER_AMOUNT:
                self._json(200, payment | {"amount": payment["amount"] - 1})
            case Answer.HUGE:
                self._json(200, payment | {"reason": "x" * 1_000_000})

    def _dribble(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        give_up = time.monotonic() + self.server.never_s
        while time.monotonic() < give_up:
            self.wfile.write(b" ")
            time.sleep(0.05)
        self.close_connection = True

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the ledger is the record."""


def _request(path: str, key: str, body: dict[str, Any]) -> Request:
    kind = {"/v1/charges": "charge", "/v1/refunds": "refund"}.get(path)
    if kind is None:
        raise Refused(404, "no such address")
    amount, currency = body.get("amount"), body.get("currency")
    if type(amount) is not int or amount < 1 or not (isinstance(currency, str) and len(currency) == 3):
        raise Refused(400, "amount is a positive number of pennies, currency three letters")
    if kind == "charge":
        return Request(kind, _uuid(key), amount, currency, order_id=_uuid(body.get("order_id")), method=_method(body))
    return Request(kind, _uuid(key), amount, currency, charge=_uuid(body.get("charge")))


def _method(body: dict[str, Any]) -> str:
    method = body.get("method")
    if not isinstance(method, str) or not method:
        raise Refused(400, "method is a card token")
    return method


def _uuid(text: object) -> str:
    """A UUID as text; a key may stand in quotes, as the draft of the Idempotency-Key header has it."""
    try:
        return str(UUID(str(text).strip('"')))
    except ValueError:
        raise Refused(400, "keys, orders and charges are UUIDs") from None
