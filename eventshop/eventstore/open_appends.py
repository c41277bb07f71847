"""Reports transactions that have appended and stay open: no reader passes their rows until they end.

This holds for the event table and for every other table that is read in order up to a fence.
"""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import OpenAppend

log = logging.getLogger(__name__)

#: How long an append may be open, and a reader may wait, in seconds, before it is reported.
TOO_LONG_S: Final = 3.0
#: Seconds between two reports in the log of a process.
REPORT_INTERVAL_S: Final = 30.0


class Fence(NamedTuple):
    """A table with an advisory lock that its writers share and its readers take for a moment."""

    table: str
    lock: int


#: The fence of the event table ("EVSH"), as in migration 0002.
EVENT_FENCE: Final = Fence("event", 0x45565348)


class StallReporter:
    """Logs who holds readers up, once one has waited `TOO_LONG_S`. One for all readers of a process."""

    def __init__(self, fence: Fence = EVENT_FENCE) -> None:
        self._fence = fence
        self._lock = Lock()
        self._reported_at: float | None = None

    def report(self, waited_s: float) -> None:
        """Log the open appends, unless that was done less than `REPORT_INTERVAL_S` ago."""
        if waited_s < TOO_LONG_S or connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return  # a transaction whose fence was refused can run no other statement
        with self._lock:
            now = monotonic()
            if self._reported_at is not None and now - self._reported_at < REPORT_INTERVAL_S:
                return
            self._reported_at = now
        description = describe_open_appends(self._fence) or "No append is open."
        log.warning("no row of the table %s was readable for %.1f s. %s", self._fence.table, waited_s, description)


class Stall:
    """How long one reader has been refused, time after time."""

    def __init__(self, reporter: StallReporter) -> None:
        self._reporter = reporter
        self._began_at: float | None = None
        self._refused_at = 0.0

    def go_on(self) -> None:
        """The reader was refused again. A reader that has not tried for a while begins anew."""
        now = monotonic()
        if self._began_at is None or now - self._refused_at > TOO_LONG_S:
            self._began_at = now
        self._refused_at = now
        self._reporter.report(now - self._began_at)

    def end(self) -> None:
        """The reader has got through."""
        self._began_at = None


stall_reporter: Final = StallReporter()


def describe_open_appends(fence: Fence = EVENT_FENCE) -> str:
    """Say who has appended and stays open for longer than `TOO_LONG_S`; an empty text if nobody does."""
    try:
        return " ".join(_describe(item) for item in backend().load_open_appends(fence.lock, TOO_LONG_S))
    except DatabaseError as error:
        return f"Open appends could not be read: {type(error).__name__}."


def _describe(item: OpenAppend) -> str:
    if item.pid is None:
        return "A prepared transaction has appended and is not committed: see pg_prepared_xacts."
    return (
        f"Process {item.pid} of PostgreSQL ({item.application_name or 'no application name'}, client {item.client}) "
        f"has appended and is {item.state}: its transaction is open for {_seconds(item.open_s)}, its last statement "
        f"began {_seconds(item.since_statement_s)} ago. SELECT pg_terminate_backend({item.pid}) ends it."
    )


def _seconds(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else f"{seconds:.1f} s"
