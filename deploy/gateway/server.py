"""The gateway's HTTP server: the shop's API, and the card page for customers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from deploy.gateway.behaviours import Behaviour, ResponseKind
from deploy.gateway.json_handler import JsonHandler
from deploy.gateway.ledger import Ledger, RequestRefused
from deploy.gateway.page import check_card, render_card_page, render_index, render_message_page
from deploy.gateway.requests import SESSIONS_PATH, HttpError, origin_of, parse_payment, parse_session

HOST: Final = "127.0.0.1"
PAGE_PATH: Final = "/pay/"
#: The receiver of the demo's webhook answers after so many seconds.
RECEIVER_PATH: Final = "/receiver"
RECEIVER_S: Final = 3.0
_HTML: Final = "text/html; charset=utf-8"


class Gateway(ThreadingHTTPServer):
    """Listens on the loopback address.

    Seconds: a slow response takes `slow_s`; where there is no response the connection closes after `never_s`. The card
    page returns to `shop_urls` only; customers reach it at `public_url`, by default at this server.
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
        shop_urls: Collection[str] = (),
        public_url: str = "",
    ) -> None:
        self.origins = frozenset(origin_of(url) for url in shop_urls)
        self.ledger, self.secret, self.slow_s, self.never_s = ledger, secret, slow_s, never_s
        self.wake, self.crash = wake, crash
        super().__init__((HOST, port), GatewayHandler)
        self.public_url = public_url.rstrip("/") or f"http://{HOST}:{self.server_port}"


class GatewayHandler(JsonHandler):
    server: Gateway

    def do_GET(self) -> None:
        if self.path == "/":
            return self._send(200, render_index(self.server.ledger.newest_payments(50)).encode(), _HTML)
        if self.path == "/healthz":
            return self._send(200, b"ok\n", "text/plain")
        self._handle(self._show_card_page if self.path.startswith(PAGE_PATH) else self._get_payment)

    def do_POST(self) -> None:
        if self.path.startswith(PAGE_PATH):
            return self._handle(self._take_card)
        if self.path == RECEIVER_PATH:
            return self._handle(self._receive_slowly)
        self._handle(self._create_session if self.path == SESSIONS_PATH else self._post_payment)

    def _receive_slowly(self) -> None:
        """The receiver of the demo's webhook: it does its work before it answers."""
        self._read_json()
        time.sleep(RECEIVER_S)
        self._send(200, b"ok\n", "text/plain")

    def _get_payment(self) -> None:
        self._check_authorization()
        payment = self.server.ledger.find_payment(self.path.removeprefix("/v1/payments/"))
        if payment is None or not self.path.startswith("/v1/payments/"):
            raise HttpError(404, "no such payment")
        self._send_json(200, payment)

    def _post_payment(self) -> None:
        self._check_authorization()
        request = parse_payment(self.path, self.headers.get("Idempotency-Key", ""), self._read_json())
        self.server.crash("received")
        if self.server.ledger.count_error(request):
            raise HttpError(500, "something went wrong")
        try:
            payment, behaviour = self.server.ledger.record_payment(request)
        except RequestRefused as refusal:
            raise HttpError(422, str(refusal)) from None
        self.server.crash("recorded")
        self.server.wake()
        self._respond(payment, behaviour)
        self.server.crash("answered")

    def _create_session(self) -> None:
        self._check_authorization()
        session_id = self.server.ledger.sessions.create(parse_session(self._read_json(), self.server.origins))
        self._send_json(200, {"id": session_id, "url": f"{self.server.public_url}{PAGE_PATH}{session_id}"})

    def _show_card_page(self) -> None:
        self._send_card_page(dict(parse_qsl(urlsplit(self.path).query)), {})

    def _take_card(self) -> None:
        form = dict(parse_qsl(self._read_body().decode(errors="replace")))
        behaviour, errors = check_card(form, datetime.now(UTC))
        if behaviour is None:
            return self._send_card_page(form, errors)
        try:
            url = self.server.ledger.sessions.complete(self._session_id, behaviour.method)
        except KeyError:
            return self._send_card_page(form, {})
        self.send_response(303)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @property
    def _session_id(self) -> str:
        return urlsplit(self.path).path.removeprefix(PAGE_PATH)

    def _send_card_page(self, form: dict[str, str], errors: dict[str, str]) -> None:
        session = self.server.ledger.sessions.find(self._session_id)
        if session is None:
            text = "It is unknown, or it has expired. Nothing was paid. Go back to the shop and pay again."
            return self._send(404, render_message_page("No such payment page", text).encode(), _HTML)
        html = render_card_page(session, form, errors).encode()
        # A browser follows the redirect of the form only to origins that are named here.
        shop = "{0.scheme}://{0.netloc}".format(urlsplit(session["return_url"]))
        policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self' {shop}"
        self._send(
            422 if errors else 200, html, _HTML, {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
        )

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
