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

from eventshop.web.live.connection_loop import Follower, changed, followers
from eventshop.web.live.subscriptions import Source

_SOCKET: Final = "gunicorn.socket"


class Stream(StreamingHttpResponse):
    """Server-sent events (HTML, section 9.2): `id` is the mark that `Last-Event-ID` gives back."""

    def __init__(self, follower: Follower, *, shown: int) -> None:
        super().__init__((), content_type="text/event-stream")
        # nginx would collect what is to be seen at once.
        self["X-Accel-Buffering"] = "no"
        self.follower = follower
        # Those who lost their stream together do not come back together.
        retry = f"retry: {randint(1_000, 4_000)}\n\n".encode()  # noqa: S311  (no secret)
        self.opening = retry + (changed(follower.mark) if follower.mark != shown else b"")


def socket_of(request: HttpRequest) -> socket.socket | None:
    """The connection of a request, where the server lets it be taken over: gunicorn does, without TLS of its own."""
    found = getattr(request, "environ", {}).get(_SOCKET)
    return found if type(found) is socket.socket else None


def opened(request: HttpRequest, source: Source, key: UUID, *, mark: int, shown: int) -> Stream | None:
    """The stream; None where the server cannot hold one."""
    sock, login = socket_of(request), request.user.pk
    if sock is None or login is None:
        return None
    return Stream(Follower(sock, source, key, mark, login, request.session.session_key or ""), shown=shown)


class Application(WSGIHandler):
    """The WSGI application, which hands streams over."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        answer = super().__call__(environ, start_response)
        if isinstance(answer, Stream):
            _hand_over(environ[_SOCKET], answer)
        return answer


def _hand_over(sock: socket.socket, answer: Stream) -> None:
    follower = answer.follower
    follower.sock = sock.dup()
    # What gunicorn still writes and closes leads nowhere: to it the client has gone.
    left, nobody = socket.socketpair()
    with left, nobody:
        os.dup2(left.fileno(), sock.fileno(), inheritable=False)
    follower.sock.setblocking(False)
    if not followers.reserve(follower.login):
        answer.status_code = 204  # there are enough
        follower.write(_head(answer))
        follower.sock.close()
    elif follower.write(_head(answer) + answer.opening):
        followers.join(follower)
    else:
        follower.sock.close()
        followers.release(follower.login)


def _head(answer: Stream) -> bytes:
    headers = [*answer.items(), *(("Set-Cookie", it.OutputString()) for it in answer.cookies.values())]
    headers += [("Date", formatdate(usegmt=True)), ("Connection", "close")]
    lines = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
