"""What the HTTP servers of this folder and of the venue share: bodies, errors and the check of the secret."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from deploy.gateway.requests import HttpError

MAX_BODY_BYTES: Final = 64 * 1024


class JsonHandler(BaseHTTPRequestHandler):
    """The base of the handlers; its server has a `secret`."""

    server: Any
    protocol_version = "HTTP/1.1"
    timeout = 60

    def _handle(self, action: Callable[[], None]) -> None:
        try:
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

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise HttpError(413, "the body must be at most 64 KiB and have a Content-Length")
        return self.rfile.read(int(length))

    def _read_json(self) -> dict[str, Any]:
        try:
            body = json.loads(self._read_body())
        except (ValueError, RecursionError):
            raise HttpError(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise HttpError(400, "the body is not a JSON object")
        return body

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the files record every request."""
