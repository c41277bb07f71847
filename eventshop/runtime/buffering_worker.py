"""A gunicorn worker that gives a request to a thread only when all of it has arrived.

Gunicorn's own threads read requests themselves, so a few clients that send half a request keep all of them waiting.
Here the loop that accepts connections collects the bytes: unfinished requests cost memory, which is bounded, and no
thread. Behind a proxy that buffers requests (`deploy/Caddyfile`) it changes nothing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from math import inf
from selectors import EVENT_READ
from socket import SO_SNDTIMEO, SOL_SOCKET
from struct import pack
from time import monotonic
from typing import Any, Final

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

#: How long a request may take to arrive, from its connection or the end of the one before it.
RECEIVE_TIMEOUT_S: Final = 30.0
#: Gunicorn refuses longer heads.
MAX_HEAD_BYTES: Final = 64 * 1024
#: More than any request needs; the views have limits of their own, which they explain.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
#: What all unfinished requests of a process may hold; beyond it the oldest is given up.
MAX_BUFFERED_BYTES: Final = 64 * 1024 * 1024
#: How long a client may take nothing of a response.
SEND_TIMEOUT_S: Final = 30
_SEND_TIMEOUT: Final = pack("ll", SEND_TIMEOUT_S, 0)  # seconds and microseconds
_READ_BYTES: Final = 64 * 1024

_CONTENT_LENGTH: Final = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r?$")
_CHUNKED: Final = re.compile(rb"(?im)^transfer-encoding:")
_EXPECTS_CONTINUE: Final = re.compile(rb"(?im)^expect:[ \t]*100-continue")
#: The last chunk, with or without trailers (RFC 9112, section 7.1).
_LAST_CHUNK: Final = re.compile(rb"(?:\r\n|\A)0+[ \t]*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class UnfinishedRequest:
    """What has arrived of a request."""

    def __init__(self, conn: Any, received: bytes) -> None:
        self.conn = conn
        self.received = bytearray(received)
        self.give_up_at = monotonic() + RECEIVE_TIMEOUT_S
        self._head_bytes = 0
        self._whole_bytes: int | None = None  # unknown before the end of the head, and of a body in chunks
        self.expects_continue = False

    @property
    def is_too_large(self) -> bool:
        body_bytes = (self._whole_bytes or len(self.received)) - self._head_bytes
        return bool(self._head_bytes) and body_bytes > MAX_BODY_BYTES

    def is_whole(self) -> bool:
        """Whether all of the request is here, or so much of its head that gunicorn refuses it."""
        if not self._head_bytes and not self._read_head():
            return len(self.received) > MAX_HEAD_BYTES
        if self._whole_bytes is not None:
            return len(self.received) >= self._whole_bytes
        tail = self.received[max(self._head_bytes, len(self.received) - MAX_HEAD_BYTES) :]
        return _LAST_CHUNK.search(tail) is not None

    def _read_head(self) -> bool:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head, self._head_bytes = bytes(self.received[: end + 2]), end + 4
        if not _CHUNKED.search(head):
            length = _CONTENT_LENGTH.search(head)
            self._whole_bytes = self._head_bytes + (int(length[1]) if length else 0)
        self.expects_continue = _EXPECTS_CONTINUE.search(head) is not None
        return True


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The threads of gunicorn's `gthread`, for requests that are complete. Without TLS of gunicorn's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: By file descriptor, the oldest first.
        self._unfinished: dict[int, UnfinishedRequest] = {}
        self._buffered_bytes = 0
        self._awaits_until = inf  # until when connections without a request are kept; limited once it stops

    def enqueue_req(self, conn: TConn) -> None:
        """Collect the next request of a connection; gunicorn calls it for new and for kept ones."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        request = UnfinishedRequest(conn, conn.parser.unreader.take_buffered() if conn.parser else b"")
        if request.received and request.is_whole():  # sent together with the one before it
            self._give_to_thread(request)
            return
        self._unfinished[conn.sock.fileno()] = request
        self._buffered_bytes += len(request.received)
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, request))
        self._receive(request)  # most requests are here already
        # Half of the places stay free for others, whoever waits in this half.
        if len(self._unfinished) > self.cfg.worker_connections // 2:
            self._close(next(iter(self._unfinished.values())))

    def murder_pending(self) -> None:
        """Give up requests that take too long; gunicorn calls it every second.

        A stopping worker awaits new ones only for a short time: some were on their way when it was told to stop.
        """
        super().murder_pending()
        now = monotonic()
        if not self.alive:
            self._awaits_until = min(self._awaits_until, now + STOP_KEEPALIVE_LINGER)
        for request in list(self._unfinished.values()):
            if request.give_up_at <= now or (self._awaits_until <= now and not request.received):
                self._close(request)

    def _keepalive_after(self, conn: TConn, keepalive: Any) -> bool:
        """Discard a body that no view has read: all of it is here.

        Gunicorn's own method gives up after 64 KiB, and closes a connection of which the response said that it is kept.
        """
        if self.cfg.is_ssl:
            return bool(super()._keepalive_after(conn, keepalive))
        return bool(keepalive) and bool(conn.parser.finish_body())

    def _receive(self, request: UnfinishedRequest, _socket: Any = None) -> None:
        try:
            data = request.conn.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._close(request)
            return
        request.received += data
        self._buffered_bytes += len(data)
        is_whole = request.is_whole()
        if request.is_too_large:
            self._close(request, answer=_TOO_LARGE)
        elif is_whole or (not data and request.received):  # gunicorn tells who ended a request in its middle
            self._forget(request)
            self._give_to_thread(request)
        elif not data:
            self._close(request)
        elif request.expects_continue:
            request.expects_continue = False
            self._send(request, _CONTINUE)
        while self._buffered_bytes > MAX_BUFFERED_BYTES:
            self._close(next(iter(self._unfinished.values())))

    def _give_to_thread(self, request: UnfinishedRequest) -> None:
        conn = request.conn
        conn.init()
        conn.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, _SEND_TIMEOUT)
        conn.parser.unreader.unread(bytes(request.received))
        conn.data_ready = True
        super().enqueue_req(conn)

    def _close(self, request: UnfinishedRequest, *, answer: bytes = b"") -> None:
        self._forget(request)
        if answer:
            self._send(request, answer)
        self.nr_conns -= 1
        request.conn.close()

    def _forget(self, request: UnfinishedRequest) -> None:
        self.poller.unregister(request.conn.sock)
        del self._unfinished[request.conn.sock.fileno()]
        self._buffered_bytes -= len(request.received)

    @staticmethod
    def _send(request: UnfinishedRequest, answer: bytes) -> None:
        with suppress(OSError):  # nobody is there to read it
            request.conn.sock.send(answer)
