"""The open event streams of one process: one thread with one database connection serves all of them.

The thread polls the marks of all followed objects and sends each stream the marks that differ from what its page
shows. So a change that happened while a stream was disconnected is not missed.
"""

from __future__ import annotations

import atexit
import logging
import selectors
import socket
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import uniform
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User as Login
from django.contrib.sessions.models import Session
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from eventshop.runtime import metrics
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.models import ApiToken

log = logging.getLogger(__name__)

#: The most streams of one login, and of all logins, in one process. A refused page polls instead.
MAX_PER_LOGIN: Final = 5
MAX_CONNECTIONS: Final = 500
#: The thread waits this many times as long as a poll took, so that polling takes about 5 % of the time at most.
_IDLE_FACTOR: Final = 20
#: The wait after a database error.
_DATABASE_RETRY_S: Final = 2.0


class LoopTiming(NamedTuple):
    """The intervals of the loop, in seconds."""

    poll_s: float = 0.25
    #: Proxies close connections that are silent for a minute.
    heartbeat_s: float = 15.0
    #: How often sessions and permissions are checked; a stream ends within this time after one of them.
    session_check_s: float = 5.0
    #: A stream is closed after this time; the browser reconnects, which checks the permissions again.
    lifetime_s: float = 300.0


HEARTBEAT: Final = b": still here\n\n"
END_OF_STREAM: Final = b"event: over\ndata:\n\n"


def encode_change(mark: int) -> bytes:
    """The server-sent event that a mark has changed."""
    return f"id: {mark}\ndata: {mark}\n\n".encode()


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One stream: the object that it follows, the mark that its client has, and its login and session, or token.

    `read_changes` gives what to send when the mark has changed, and the mark that the client then has. `is_allowed`
    says whether the login, as it is now, may still read that.
    """

    sock: socket.socket
    source: LiveSource
    key: UUID
    mark: int
    login: int
    session: str
    token: int | None = None
    read_changes: Callable[[int, int], tuple[bytes, int]] = lambda _, mark: (encode_change(mark), mark)
    is_allowed: Callable[[Login], bool] = lambda _: True
    last_write: float = 0.0
    ends_at: float = 0.0

    def write(self, data: bytes) -> bool:
        """Send without blocking; False if not all was sent, for example because the client has stopped reading."""
        self.last_write = monotonic()
        try:
            return self.sock.send(data) == len(data)
        except OSError:
            return False


class ConnectionLoop:
    """All streams of this process. The thread runs while there are any; only it uses a database connection."""

    def __init__(self, timing: LoopTiming = LoopTiming()) -> None:  # noqa: B008  (it is frozen)
        self._timing = timing
        self._lock = Lock()
        self._new = deque[LiveConnection]()
        self._selector = selectors.DefaultSelector()
        self._count_per_login = Counter[int]()
        self._thread: Thread | None = None
        self._stopping = False
        self._sessions_checked = 0.0

    @property
    def count(self) -> int:
        return self._count_per_login.total()

    def reserve(self, login: int) -> bool:
        """Reserve a place for one more stream; False if there is none. After True, call `add` or `release`."""
        with self._lock:
            has_room = (
                not self._stopping and self.count < MAX_CONNECTIONS and self._count_per_login[login] < MAX_PER_LOGIN
            )
            if has_room:
                self._count_per_login[login] += 1
                metrics.LIVE_CONNECTIONS.inc()
            return has_room

    def release(self, login: int) -> None:
        with self._lock:
            self._count_per_login[login] -= 1
            metrics.LIVE_CONNECTIONS.dec()
            self._count_per_login += Counter()  # removes zero counts

    def add(self, live: LiveConnection) -> None:
        """Hand the connection to the thread, which writes to it and closes it."""
        # The lifetime varies, so that streams opened together after a restart do not all reconnect together.
        live.ends_at = monotonic() + uniform(0.8, 1.2) * self._timing.lifetime_s  # noqa: S311  (no secret)
        with self._lock:
            self._new.append(live)
            if self._thread is None:
                self._thread = Thread(target=self._loop, name="live pages", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Close all streams and wait for the thread to end."""
        self._stopping = True
        if thread := self._thread:
            thread.join(5)

    def _loop(self) -> None:
        timeout_s = self._timing.poll_s
        try:
            while self._register_new():
                self._drop_disconnected(timeout_s)
                timeout_s = self._poll()
        finally:
            connection.close()
            self._remove(self._connections())
            with self._lock:
                if self._thread is current_thread():
                    self._thread = None

    def _register_new(self) -> bool:
        with self._lock:
            while self._new:
                self._selector.register(self._new[0].sock, selectors.EVENT_READ, self._new.popleft())
            if self._stopping or not self._selector.get_map():
                self._thread = None
                return False
        return True

    def _drop_disconnected(self, timeout_s: float) -> None:
        """Wait for at most `timeout_s` and remove the connections that clients have closed."""
        disconnected = []
        for key, _ in self._selector.select(timeout_s):
            try:
                received = key.data.sock.recv(1_024)
            except OSError:
                received = b""
            if not received:
                disconnected.append(key.data)
        self._remove(disconnected)

    def _poll(self) -> float:
        """Send changes and heartbeats; returns the seconds to wait until the next poll."""
        started = monotonic()
        try:
            if started - self._sessions_checked > self._timing.session_check_s:
                close_old_connections()
                self._close_ended_sessions()
                self._sessions_checked = started
            self._send_changes()
        except DatabaseError as error:
            log.warning("live pages: the database is unavailable, next attempt in %s s: %s", _DATABASE_RETRY_S, error)
            connection.close()
            return _DATABASE_RETRY_S
        finally:
            self._send_heartbeats()
        return max(self._timing.poll_s, _IDLE_FACTOR * (monotonic() - started))

    def _send_changes(self) -> None:
        keys_by_source: defaultdict[LiveSource, set[UUID]] = defaultdict(set)
        for live in self._connections():
            keys_by_source[live.source].add(live.key)
        marks = {source: source.read_marks(keys) for source, keys in keys_by_source.items()}
        disconnected = []
        for live in self._connections():
            mark = marks[live.source].get(live.key, 0)
            if mark != live.mark:
                data, live.mark = live.read_changes(live.mark, mark)
                if data and not live.write(data):
                    disconnected.append(live)
        self._remove(disconnected)

    def _close_ended_sessions(self) -> None:
        connections = self._connections()
        sessions = Session.objects.filter(
            session_key__in={live.session for live in connections}, expire_date__gt=timezone.now()
        )
        logins = Login.objects.filter(is_active=True).in_bulk({live.login for live in connections})
        tokens = ApiToken.objects.filter(
            pk__in={live.token for live in connections}, revoked_at=None, expires_at__gt=timezone.now()
        )
        valid_tokens = set(tokens.values_list("pk", flat=True))
        password_digests = {session.pk: session.get_decoded().get(HASH_SESSION_KEY, "") for session in sessions}

        def may_go_on(live: LiveConnection) -> bool:
            login = logins.get(live.login)
            if login is None or not live.is_allowed(login):
                return False
            if live.token is not None:
                return live.token in valid_tokens
            return _is_of_password(login, password_digests.get(live.session, ""))

        ended = [live for live in connections if not may_go_on(live)]
        for live in ended:
            live.write(END_OF_STREAM)
        self._remove(ended)

    def _send_heartbeats(self) -> None:
        now = monotonic()
        self._remove(
            live
            for live in self._connections()
            if now > live.ends_at or (now - live.last_write > self._timing.heartbeat_s and not live.write(HEARTBEAT))
        )

    def _connections(self) -> list[LiveConnection]:
        return [key.data for key in self._selector.get_map().values()]

    def _remove(self, connections: Iterable[LiveConnection]) -> None:
        for live in list(connections):
            self._selector.unregister(live.sock)
            live.sock.close()
            self.release(live.login)


def _is_of_password(login: Login, digest: str) -> bool:
    """Whether a session was begun with the password that the login has now, as Django asks at each request."""
    digests = (login.get_session_auth_hash(), *login.get_session_auth_fallback_hash())
    return any(constant_time_compare(digest, one) for one in digests)


connection_loop: Final = ConnectionLoop()
atexit.register(connection_loop.stop)
