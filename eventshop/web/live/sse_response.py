"""The answer that stays open: its socket is taken from gunicorn and given to the followers' thread.

A page that is open for minutes would hold one of gunicorn's threads as long, and there are sixteen. The answer is an
ordinary one until every middleware has seen it.
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

from eventshop.web.live.connection_loop import LiveConnection, encode_change, connection_loop
from eventshop.web.live.subscriptions import LiveSource

_SOCKET: Final = "gunicorn.socket"


class EventStreamResponse(StreamingHttpResponse):
    """Server-sent events (HTML, section 9.2): `id` is the mark that `Last-Event-ID` gives back."""

    def __init__(self, live: LiveConnection, *, shown_mark: int) -> None:
        super().__init__((), content_type="text/event-stream")
        # nginx would collect what is to be seen at once.
        self["X-Accel-Buffering"] = "no"
        self.live = live
        # Those who lost their stream together do not come back together.
        retry = f"retry: {randint(1_000, 4_000)}\n\n".encode()  # noqa: S311  (no secret)
        self.opening = retry + (encode_change(live.mark) if live.mark != shown_mark else b"")


def socket_of(request: HttpRequest) -> socket.socket | None:
    """The connection of a request, where the server lets it be taken over: gunicorn does, without TLS of its own."""
    sock = getattr(request, "environ", {}).get(_SOCKET)
    return sock if type(sock) is socket.socket else None


def open_stream(request: HttpRequest, source: LiveSource, key: UUID, *, mark: int, shown_mark: int) -> EventStreamResponse | None:
    """The stream; None where the server cannot hold one."""
    sock, login = socket_of(request), request.user.pk
    if sock is None or login is None:
        return None
    return EventStreamResponse(LiveConnection(sock, source, key, mark, login, request.session.session_key or ""), shown_mark=shown_mark)


class WsgiApplication(WSGIHandler):
    """The WSGI application, which hands streams over."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        response = super().__call__(environ, start_response)
        if isinstance(response, EventStreamResponse):
            _take_over_socket(environ[_SOCKET], response)
        return response


def _take_over_socket(sock: socket.socket, response: EventStreamResponse) -> None:
    live = response.live
    live.sock = sock.dup()
    # What gunicorn still writes and closes leads nowhere: to it the client has gone.
    replacement, peer = socket.socketpair()
    with replacement, peer:
        os.dup2(replacement.fileno(), sock.fileno(), inheritable=False)
    live.sock.setblocking(False)
    if not connection_loop.reserve(live.login):
        response.status_code = 204  # there are enough
        live.write(_encode_head(response))
        live.sock.close()
    elif live.write(_encode_head(response) + response.opening):
        connection_loop.add(live)
    else:
        live.sock.close()
        connection_loop.release(live.login)


def _encode_head(response: EventStreamResponse) -> bytes:
    headers = [*response.items(), *(("Set-Cookie", it.OutputString()) for it in response.cookies.values())]
    headers += [("Date", formatdate(usegmt=True)), ("Connection", "close")]
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
