"""The gateway's HTTP server: charges, refunds, look-ups, and a page that lists the behaviours."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import UUID

from deploy.gateway.behaviours import Behaviour, ResponseKind
from deploy.gateway.ledger import KeyReused, Ledger, PaymentRequest
from deploy.gateway.page import render_page

HOST: Final = "127.0.0.1"
MAX_BODY_BYTES: Final = 64 * 1024


class HttpError(Exception):
    """A request that gets an error response: its status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Gateway(ThreadingHTTPServer):
    """Listens on the loopback address.

    Seconds: a slow response takes `slow_s`; where there is no response the connection closes after `never_s`.
    """

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
        super().__init__((HOST, port), GatewayHandler)


class GatewayHandler(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.path == "/":
            return self._send(
                200, render_page(self.server.ledger.newest_payments(50)).encode(), "text/html; charset=utf-8"
            )
        if self.path == "/healthz":
            return self._send(200, b"ok\n", "text/plain")
        self._handle(self._get_payment)

    def do_POST(self) -> None:
        self._handle(self._post_payment)

    def _handle(self, action: Callable[[], None]) -> None:
        try:
            self._check_authorization()
            action()
        except HttpError as refusal:
            # The unread rest of the request must not be read as the next one.
            self.close_connection = True
            self._send_json(refusal.status, {"error": refusal.message})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _check_authorization(self) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.server.secret}".encode()):
            raise HttpError(401, "the secret is missing or wrong")

    def _get_payment(self) -> None:
        payment = self.server.ledger.find_payment(self.path.removeprefix("/v1/payments/"))
        if payment is None or not self.path.startswith("/v1/payments/"):
            raise HttpError(404, "no such payment")
        self._send_json(200, payment)

    def _post_payment(self) -> None:
        request = _parse_request(self.path, self.headers.get("Idempotency-Key", ""), self._read_body())
        self.server.crash("received")
        if self.server.ledger.count_error(request):
            raise HttpError(500, "something went wrong")
        try:
            payment, behaviour = self.server.ledger.record_payment(request)
        except KeyReused:
            raise HttpError(422, "this key was used for another request") from None
        self.server.crash("recorded")
        self.server.wake()
        self._respond(payment, behaviour)
        self.server.crash("answered")

    def _read_body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise HttpError(413, "the body must be at most 64 KiB and have a Content-Length")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            raise HttpError(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise HttpError(400, "the body is not a JSON object")
        return body

    def _respond(self, payment: dict[str, Any], behaviour: Behaviour) -> None:
        match behaviour.response:
            case ResponseKind.AT_ONCE:
                self._send_json(200, payment)
            case ResponseKind.SLOWLY:
                time.sleep(self.server.slow_s)
                self._send_json(200, payment)
            case ResponseKind.NEVER:
                time.sleep(self.server.never_s)
                self.close_connection = True
            case ResponseKind.CUT_OFF:
                self.close_connection = True
            case ResponseKind.ERROR:
                raise HttpError(500, "something went wrong")
            case ResponseKind.NOT_JSON:
                self._send(200, b"<!doctype html><title>Maintenance</title>", "text/html")
            case ResponseKind.DRIBBLED:
                self._send_byte_by_byte()
            case ResponseKind.OTHER_AMOUNT:
                self._send_json(200, payment | {"amount": payment["amount"] - 1})
            case ResponseKind.HUGE:
                self._send_json(200, payment | {"reason": "x" * 1_000_000})

    def _send_byte_by_byte(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        deadline = time.monotonic() + self.server.never_s
        while time.monotonic() < deadline:
            self.wfile.write(b" ")
            time.sleep(0.05)
        self.close_connection = True

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the ledger records every payment."""


def _parse_request(path: str, key: str, body: dict[str, Any]) -> PaymentRequest:
    kind = {"/v1/charges": "charge", "/v1/refunds": "refund"}.get(path)
    if kind is None:
        raise HttpError(404, "no such address")
    amount, currency = body.get("amount"), body.get("currency")
    if type(amount) is not int or amount < 1 or not (isinstance(currency, str) and len(currency) == 3):
        raise HttpError(400, "amount must be a positive number of pennies, currency three letters")
    if kind == "charge":
        return PaymentRequest(
            kind,
            _parse_uuid(key),
            amount,
            currency,
            order_id=_parse_uuid(body.get("order_id")),
            method=_parse_method(body),
        )
    return PaymentRequest(kind, _parse_uuid(key), amount, currency, charge=_parse_uuid(body.get("charge")))


def _parse_method(body: dict[str, Any]) -> str:
    method = body.get("method")
    if not isinstance(method, str) or not method:
        raise HttpError(400, "method must be a card token")
    return method


def _parse_uuid(text: object) -> str:
    """A UUID as text; it may be quoted, as in draft-ietf-httpapi-idempotency-key-header."""
    try:
        return str(UUID(str(text).strip('"')))
    except ValueError:
        raise HttpError(400, "keys, orders and charges must be UUIDs") from None
