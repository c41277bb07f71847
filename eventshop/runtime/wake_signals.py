"""Signals that wake waiting worker threads. They only save time: every waiter also polls slowly."""

from __future__ import annotations

from enum import StrEnum
from threading import Event as Signal
from threading import Lock
from typing import Final

from django.db import transaction


class Channel(StrEnum):
    """What there may be work for."""

    EVENTS = "events"
    INBOX = "inbox"
    EFFECTS = "effects"
    TIMERS = "timers"
    OUTBOX = "outbox"
    WEBHOOKS = "webhooks"
    REBUILDS = "rebuilds"


#: The longest time in seconds that a thread waits without looking for work.
_POLL_INTERVAL_S: Final = 1.0

_waiters: Final[set[Waiter]] = set()
_waiters_lock: Final = Lock()


class Waiter:
    """Waits for signals on some channels. One thread waits at a time."""

    def __init__(self, *channels: Channel) -> None:
        self.channels = frozenset(channels)
        self._signal = Signal()
        with _waiters_lock:
            _waiters.add(self)

    def wait(self, seconds: float) -> bool:
        """Wait until woken, at most `seconds`; return whether it was woken since the last call."""
        woken = self._signal.wait(seconds)
        self._signal.clear()
        return woken

    def notify(self) -> None:
        """End the current wait, or the next one."""
        self._signal.set()

    def close(self) -> None:
        """Receive no more signals."""
        with _waiters_lock:
            _waiters.discard(self)


def wake(*channels: Channel) -> None:
    """Wake the threads that wait for these channels, once the current transaction has committed."""
    transaction.on_commit(lambda: _notify(*channels))


def wake_all() -> None:
    """Wake every waiting thread of this process, for example to stop it."""
    _notify(*Channel)


def poll_interval_s() -> float:
    """How long a thread may wait without looking for work, in seconds."""
    return _POLL_INTERVAL_S


def _notify(*channels: Channel) -> None:
    with _waiters_lock:
        waiters = [waiter for waiter in _waiters if not waiter.channels.isdisjoint(channels)]
    for waiter in waiters:
        waiter.notify()
