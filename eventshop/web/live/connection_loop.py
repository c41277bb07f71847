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

from eventshop.web.live.subscriptions import Source

log = logging.getLogger(__name__)

#: Streams of one login, and of all, in one process. Who is refused looks now and then instead.
MOST_OF_ONE: Final = 5
MOST: Final = 500
#: Looking takes a twentieth of the time at most.
_SHARE: Final = 20
#: While the database is away.
_AWAY_S: Final = 2.0


class Pace(NamedTuple):
    """Seconds between what the thread does."""

    look: float = 0.25
    #: Proxies close what is silent for a minute.
    heartbeat: float = 15.0
    #: How soon a stream ends whose session has ended.
    sessions: float = 5.0
    #: A stream ends after this time and is opened anew, which checks every right again.
    lifetime: float = 300.0


HEARTBEAT: Final = b": still here\n\n"
OVER: Final = b"event: over\ndata:\n\n"


def changed(mark: int) -> bytes:
    return f"id: {mark}\ndata: {mark}\n\n".encode()


@dataclass(eq=False, slots=True)
class Follower:
    """One stream: what it follows, what its page shows, and whose session it belongs to."""

    sock: socket.socket
    source: Source
    key: UUID
    mark: int
    login: int
    session: str
    written: float = 0.0
    ends: float = 0.0

    def write(self, data: bytes) -> bool:
        """Whether the whole of it went out; a client that has stopped reading is not waited for."""
        self.written = monotonic()
        try:
            return self.sock.send(data) == len(data)
        except OSError:
            return False


class Followers:
    """Every stream of this process. The thread lives while there are any, and holds the only connection."""

    def __init__(self, pace: Pace = Pace()) -> None:  # noqa: B008  (it is frozen)
        self._pace = pace
        self._lock = Lock()
        self._new = deque[Follower]()
        self._selector = selectors.DefaultSelector()
        self._of_one = Counter[int]()
        self._thread: Thread | None = None
        self._stopping = False
        self._sessions_checked = 0.0

    @property
    def count(self) -> int:
        return self._of_one.total()

    def reserve(self, login: int) -> bool:
        """Whether there is room for one more stream; if so, `join` or `release` has to follow."""
        with self._lock:
            room = not self._stopping and self.count < MOST and self._of_one[login] < MOST_OF_ONE
            if room:
                self._of_one[login] += 1
            return room

    def release(self, login: int) -> None:
        with self._lock:
            self._of_one[login] -= 1
            self._of_one += Counter()  # forgets those who have none left

    def join(self, follower: Follower) -> None:
        """From now on the thread writes to it and closes it."""
        # Not all at once: what was opened together after a restart would come back together.
        follower.ends = monotonic() + uniform(0.8, 1.2) * self._pace.lifetime  # noqa: S311  (no secret)
        with self._lock:
            self._new.append(follower)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="live pages", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Close every stream and wait until that is done."""
        self._stopping = True
        if thread := self._thread:
            thread.join(5)

    def _run(self) -> None:
        pause = self._pace.look
        try:
            while self._goes_on():
                self._hear(pause)
                pause = self._look()
        finally:
            connection.close()
            self._leave(self._all())
            with self._lock:
                if self._thread is current_thread():
                    self._thread = None

    def _goes_on(self) -> bool:
        with self._lock:
            while self._new:
                self._selector.register(self._new[0].sock, selectors.EVENT_READ, self._new.popleft())
            if self._stopping or not self._selector.get_map():
                self._thread = None
                return False
        return True

    def _hear(self, pause: float) -> None:
        """Wait, and let those go who went."""
        gone = []
        for key, _ in self._selector.select(pause):
            try:
                heard = key.data.sock.recv(1_024)
            except OSError:
                heard = b""
            if not heard:
                gone.append(key.data)
        self._leave(gone)

    def _look(self) -> float:
        """Tell everybody what is new to them; gives the seconds until the next look."""
        began = monotonic()
        try:
            if began - self._sessions_checked > self._pace.sessions:
                close_old_connections()
                self._end_sessions()
                self._sessions_checked = began
            self._tell_changes()
        except DatabaseError as error:
            log.warning("live pages wait for the database: %s", error)
            connection.close()
            return _AWAY_S
        finally:
            self._keep_open()
        return max(self._pace.look, _SHARE * (monotonic() - began))

    def _tell_changes(self) -> None:
        watched: defaultdict[Source, set[UUID]] = defaultdict(set)
        for follower in self._all():
            watched[follower.source].add(follower.key)
        marks = {source: source.marks(keys) for source, keys in watched.items()}
        gone = []
        for follower in self._all():
            mark = marks[follower.source].get(follower.key, 0)
            if mark != follower.mark:
                follower.mark = mark
                if not follower.write(changed(mark)):
                    gone.append(follower)
        self._leave(gone)

    def _end_sessions(self) -> None:
        everybody = self._all()
        sessions = Session.objects.filter(
            session_key__in={one.session for one in everybody}, expire_date__gt=timezone.now()
        )
        logins = Login.objects.filter(pk__in={one.login for one in everybody}, is_active=True)
        good, active = set(sessions.values_list("pk", flat=True)), set(logins.values_list("pk", flat=True))
        over = [one for one in everybody if one.session not in good or one.login not in active]
        for follower in over:
            follower.write(OVER)
        self._leave(over)

    def _keep_open(self) -> None:
        now = monotonic()
        self._leave(
            follower
            for follower in self._all()
            if now > follower.ends or (now - follower.written > self._pace.heartbeat and not follower.write(HEARTBEAT))
        )

    def _all(self) -> list[Follower]:
        return [key.data for key in self._selector.get_map().values()]

    def _leave(self, gone: Iterable[Follower]) -> None:
        for follower in list(gone):
            self._selector.unregister(follower.sock)
            follower.sock.close()
            self.release(follower.login)


followers: Final = Followers()
atexit.register(followers.stop)
