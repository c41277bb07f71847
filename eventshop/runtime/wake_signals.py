"""Signals that wake waiting worker threads, of this process and of others on the same database.

They only save time: every waiter also polls slowly. A thread that was woken writes only what it has work for: on SQLite
every write wakes all waiters of all processes.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Collection, Iterable
from enum import StrEnum
from threading import Event as Signal
from threading import Lock
from typing import Final, Protocol

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction


class Channel(StrEnum):
    """What there may be work for."""

    EVENTS = "events"
    INBOX = "inbox"
    EFFECTS = "effects"
    TIMERS = "timers"
    OUTBOX = "outbox"
    WEBHOOKS = "webhooks"
    IMPORTS = "imports"
    REBUILDS = "rebuilds"
    PROJECTED_EFFECTS = "projected-effects"

    __hash__ = str.__hash__  # an enumeration's own hash runs in Python; signals are sent with every command


class Link(Protocol):
    """Carries signals between the processes that use the same database."""

    #: Whether the signals of other processes arrive.
    is_listening: bool

    def send(self, channels: Iterable[Channel]) -> None:
        """Pass a signal to other processes, soon; never raises."""

    def listen(self) -> None:
        """Begin to receive the signals of other processes."""

    def close(self) -> None:
        """End the thread and the connection."""


class _NoLink:
    """For a database in memory, which no other process uses."""

    is_listening = True

    def send(self, channels: Iterable[Channel]) -> None:
        """There is nobody else to wake."""

    def listen(self) -> None:
        """There is nobody else to hear."""

    def close(self) -> None:
        """There is nothing to end."""


#: The longest time in seconds that a thread waits without looking for work.
POLL_INTERVAL_S: Final = 3.0
#: The same while the signals of other processes do not arrive.
_POLL_INTERVAL_DEAF_S: Final = 0.05

_lock = Lock()
#: Replaced as a whole and never changed, so that signals are delivered without a lock.
_waiters: dict[str, tuple[Waiter, ...]] = {}
_link: Link | None = None
#: Links of the parent process. A child must not close them: the connections are the parent's.
_inherited: Final[list[Link]] = []


class Waiter:
    """Waits for signals on some channels. One thread waits at a time."""

    def __init__(self, *channels: Channel) -> None:
        self.channels = frozenset(channels)
        self._signal = Signal()
        self._signalled: set[str] = set()
        with _lock:
            for channel in self.channels:
                _waiters[channel] = (*_waiters.get(channel, ()), self)

    def wait(self, seconds: float) -> bool:
        """Wait until woken, at most `seconds`; return whether it was woken since the last call."""
        if not self._signal.wait(seconds):
            return False  # not cleared: a signal that comes just now ends the next wait
        self._signal.clear()
        return True

    def take_signalled(self) -> Collection[str]:
        """The channels that were signalled since the last call. Work that was committed before must be looked for."""
        signalled = self._signalled.copy()
        # Not replaced as a whole: a signal that comes just now must not be added to a set that nobody reads.
        self._signalled -= signalled
        return signalled

    def notify(self, channel: str | None = None) -> None:
        """End the current wait, or the next one."""
        if channel is not None:
            self._signalled.add(channel)
        self._signal.set()

    def close(self) -> None:
        """Receive no more signals."""
        with _lock:
            for channel in self.channels:
                _waiters[channel] = tuple(waiter for waiter in _waiters[channel] if waiter is not self)


def wake(*channels: Channel) -> None:
    """Wake the threads that wait for these channels, in every process, once the current transaction has committed."""
    if connections[DEFAULT_DB_ALIAS].in_atomic_block:
        transaction.on_commit(lambda: _send(channels))
    else:
        _send(channels)


def wake_all() -> None:
    """Wake every waiting thread of this process, for example to stop it."""
    _deliver(Channel)


def start_listening() -> None:
    """Receive the signals of other processes from now on. Further calls have no effect."""
    _open_link().listen()


def stop_listening() -> None:
    """Close the connection for signals; the next `wake` opens it again."""
    global _link
    with _lock:
        link, _link = _link, None
    if link is not None:
        link.close()


def poll_interval_s() -> float:
    """How long a thread may wait without looking for work, in seconds."""
    return POLL_INTERVAL_S if _link is not None and _link.is_listening else _POLL_INTERVAL_DEAF_S


def _send(channels: Iterable[Channel]) -> None:
    _deliver(channels)
    (_link or _open_link()).send(channels)


def _deliver(channels: Iterable[str]) -> None:
    """Wake the waiters of this process. Unknown channels are those of another release: nobody waits for them."""
    for channel in channels:
        for waiter in _waiters.get(channel, ()):
            waiter.notify(channel)


def _open_link() -> Link:
    global _link
    with _lock:
        if _link is None:
            _link = _new_link()
        return _link


def _new_link() -> Link:
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "postgresql":
        from eventshop.runtime.postgres_signals import PostgresSignals  # psycopg is needed only with PostgreSQL

        return PostgresSignals(_deliver, all_channels=Channel, listen_url=settings.DATABASE_LISTEN_URL)
    path = str(database.settings_dict["NAME"])
    if ":memory:" in path or "mode=memory" in path:
        return _NoLink()
    from eventshop.runtime.sqlite_signals import SqliteSignals

    return SqliteSignals(path, wake_all)


def _forget_parent() -> None:
    global _link, _lock
    _lock = Lock()  # another thread of the parent may have held it
    if _link is not None:
        _inherited.append(_link)
        _link = None


atexit.register(stop_listening)
os.register_at_fork(after_in_child=_forget_parent)
