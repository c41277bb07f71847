"""Server-sent event responses: the socket is taken over from gunicorn and handed to the connection loop.

Otherwise each open page would occupy one of gunicorn's sixteen threads for minutes. Until all middleware has run, the
response is an ordinary one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from email.utils import formatdate
from random import randint
from typing import Any, Final
from uuid import UUID

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from eventshop.web.live.connection_loop import LiveConnection, connection_loop, encode_change
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.shared.whole_body import WholeBody

_SOCKET: Final = "gunicorn.socket"


class EventStreamResponse(StreamingHttpResponse):
    """A server-sent event stream (HTML Standard, section 9.2). The event `id`, and so `Last-Event-ID`, is the mark."""

    def __init__(self, live: LiveConnection, *, opening: bytes) -> None:
        super().__init__((), content_type="text/event-stream")
        # nginx must not buffer the events.
        self["X-Accel-Buffering"] = "no"
        self.live = live
        self.opening = encode_retry() + opening


def encode_retry() -> bytes:
    """When to reconnect. It varies, so that clients that lost their streams together do not come back together."""
    return f"retry: {randint(1_000, 4_000)}\n\n".encode()  # noqa: S311  (no secret)


def socket_of(request: HttpRequest) -> socket.socket | None:
    """The socket of a request; None if the server does not expose it. Gunicorn does, except with its own TLS."""
    sock = getattr(request, "environ", {}).get(_SOCKET)
    return sock if type(sock) is socket.socket else None


def open_stream(
    request: HttpRequest, source: LiveSource, key: UUID, *, mark: int, shown_mark: int
) -> EventStreamResponse | None:
    """The stream response; None if the server cannot hand over its socket."""
    sock, login = socket_of(request), request.user.pk
    if sock is None or login is None:
        return None
    live = LiveConnection(sock, source, key, mark, login, request.session.session_key or "")
    live.is_allowed = source.is_open_to
    return EventStreamResponse(live, opening=encode_change(mark) if mark != shown_mark else b"")


class WsgiApplication(WSGIHandler):
    """The WSGI application; it hands event streams to the connection loop. Its views see whole request bodies only."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        environ["wsgi.input"] = WholeBody(environ["wsgi.input"])
        response = super().__call__(environ, start_response)
        if isinstance(response, EventStreamResponse):
            _take_over_socket(environ[_SOCKET], response)
        return response


def _take_over_socket(sock: socket.socket, response: EventStreamResponse) -> None:
    live_connection = response.live
    live_connection.sock = sock.dup()
    # Gunicorn's file descriptor now points to a socket pair without a reader: what gunicorn still writes is discarded.
    replacement, peer = socket.socketpair()
    with replacement, peer:
        os.dup2(replacement.fileno(), sock.fileno(), inheritable=False)
    live_connection.sock.setblocking(False)
    if not connection_loop.reserve(live_connection.login):
        response.status_code = 204  # no place for another stream
        live_connection.write(_encode_head(response))
        live_connection.sock.close()
    elif live_connection.write(_encode_head(response) + response.opening):
        connection_loop.add(live_connection)
    else:
        live_connection.sock.close()
        connection_loop.release(live_connection.login)


def _encode_head(response: EventStreamResponse) -> bytes:
    headers = [*response.items(), *(("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values())]
    headers += [("Date", formatdate(usegmt=True)), ("Connection", "close")]
    lines = [
        f"HTTP/1.1 {response.status_code} {response.reason_phrase}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
