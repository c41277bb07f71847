"""The open streams of one process: one thread and one reader for all of them, whatever their number.

What is followed is compared with what each page shows, so nothing that happened while a stream was away is missed.
"""

from __future__ import annotations

import atexit
import logging
import selectors
import socket
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import uniform
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.contrib.sessions.models import Session
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from eventshop.web.live.subscriptions import LiveSource

log = logging.getLogger(__name__)

#: Streams of one login, and of all, in one process. Who is refused looks now and then instead.
MAX_PER_LOGIN: Final = 5
MAX_CONNECTIONS: Final = 500
#: Looking takes a twentieth of the time at most.
_IDLE_FACTOR: Final = 20
#: While the database is away.
_DATABASE_RETRY_S: Final = 2.0


class LoopTiming(NamedTuple):
    """Seconds between what the thread does."""

    poll_s: float = 0.25
    #: Proxies close what is silent for a minute.
    heartbeat_s: float = 15.0
    #: How soon a stream ends whose session has ended.
    session_check_s: float = 5.0
    #: A stream ends after this time and is opened anew, which checks every right again.
    lifetime_s: float = 300.0


HEARTBEAT: Final = b": still here\n\n"
END_OF_STREAM: Final = b"event: over\ndata:\n\n"


def encode_change(mark: int) -> bytes:
    return f"id: {mark}\ndata: {mark}\n\n".encode()


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One stream: what it follows, what its page shows, and whose session it belongs to."""

    sock: socket.socket
    source: LiveSource
    key: UUID
    mark: int
    login: int
    session: str
    last_write: float = 0.0
    ends_at: float = 0.0

    def write(self, data: bytes) -> bool:
        """Whether the whole of it went out; a client that has stopped reading is not waited for."""
        self.last_write = monotonic()
        try:
            return self.sock.send(data) == len(data)
        except OSError:
            return False


class ConnectionLoop:
    """Every stream of this process. The thread lives while there are any, and holds the only connection."""

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
        """Whether there is room for one more stream; if so, `join` or `release` has to follow."""
        with self._lock:
            room = not self._stopping and self.count < MAX_CONNECTIONS and self._count_per_login[login] < MAX_PER_LOGIN
            if room:
                self._count_per_login[login] += 1
            return room

    def release(self, login: int) -> None:
        with self._lock:
            self._count_per_login[login] -= 1
            self._count_per_login += Counter()  # forgets those who have none left

    def add(self, live: LiveConnection) -> None:
        """From now on the thread writes to it and closes it."""
        # Not all at once: what was opened together after a restart would come back together.
        live.ends_at = monotonic() + uniform(0.8, 1.2) * self._timing.lifetime_s  # noqa: S311  (no secret)
        with self._lock:
            self._new.append(live)
            if self._thread is None:
                self._thread = Thread(target=self._loop, name="live pages", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Close every stream and wait until that is done."""
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
        """Wait, and let those go who went."""
        gone = []
        for key, _ in self._selector.select(timeout_s):
            try:
                received = key.data.sock.recv(1_024)
            except OSError:
                received = b""
            if not received:
                gone.append(key.data)
        self._remove(gone)

    def _poll(self) -> float:
        """Tell everybody what is new to them; gives the seconds until the next look."""
        started = monotonic()
        try:
            if started - self._sessions_checked > self._timing.session_check_s:
                close_old_connections()
                self._close_ended_sessions()
                self._sessions_checked = started
            self._send_changes()
        except DatabaseError as error:
            log.warning("live pages wait for the database: %s", error)
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
        gone = []
        for live in self._connections():
            mark = marks[live.source].get(live.key, 0)
            if mark != live.mark:
                live.mark = mark
                if not live.write(encode_change(mark)):
                    gone.append(live)
        self._remove(gone)

    def _close_ended_sessions(self) -> None:
        connections = self._connections()
        sessions = Session.objects.filter(
            session_key__in={one.session for one in connections}, expire_date__gt=timezone.now()
        )
        logins = Login.objects.filter(pk__in={one.login for one in connections}, is_active=True)
        valid, active = set(sessions.values_list("pk", flat=True)), set(logins.values_list("pk", flat=True))
        ended = [one for one in connections if one.session not in valid or one.login not in active]
        for live in ended:
            live.write(END_OF_STREAM)
        self._remove(ended)

    def _send_heartbeats(self) -> None:
        now = monotonic()
        self._remove(
            follower
            for follower in self._connections()
            if now > follower.ends_at or (now - follower.last_write > self._timing.heartbeat_s and not follower.write(HEARTBEAT))
        )

    def _connections(self) -> list[LiveConnection]:
        return [key.data for key in self._selector.get_map().values()]

    def _remove(self, gone: Iterable[LiveConnection]) -> None:
        for live in list(gone):
            self._selector.unregister(live.sock)
            live.sock.close()
            self.release(live.login)


connection_loop: Final = ConnectionLoop()
atexit.register(connection_loop.stop)
