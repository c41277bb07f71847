"""The event feed of a worker: events are read and decoded once, and handed in memory to all readers of the process.

The feed reads the log ahead into a bounded buffer. A reader whose offset lies in the buffer is served from there; one
that is further behind (it is being rebuilt, was paused or is slow) reads the log by itself until it has caught up, and
so delays no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Condition
from threading import Event as Signal
from time import monotonic
from typing import Final

from django.conf import settings

from eventshop.core.errors import TailBusy
from eventshop.messaging.event_log import Delivery, EventLog, LogOffset, LogReader
from eventshop.messaging.feed_buffer import FeedBuffer
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.watchdog import Watchdog
from eventshop.runtime.worker_loop import run_rounds

log = logging.getLogger(__name__)

#: Events read from the log at a time.
BATCH: Final = 1_000
#: Events that the buffer holds at most, and characters of their payloads.
CAPACITY: Final = 10_000
CAPACITY_CHARS: Final = 32_000_000
#: Events that a buffer keeps for readers that come later, though all others have read them.
KEPT_WHEN_IDLE: Final = 2_000
#: How long a full buffer waits for a slow reader while another one has nothing left to read.
PATIENCE_S: Final = 0.5
#: The longest wait for new events, in seconds.
IDLE_S: Final = 0.5
#: How often the offsets of readers that have moved are reported.
REPORT_INTERVAL_S: Final = 10.0
#: Far longer than one round of the feed may take with all time-outs of its log. A call that never returns then ends
#: the process, so that it is started again, instead of leaving all its readers without events.
ROUND_LIMIT_S: Final = 180.0
#: The waits while a running transaction makes the order of the newest events undecided.
BUSY_BACKOFF: Final = Backoff(timedelta(seconds=0.001), timedelta(seconds=0.1))


class FeedInterrupted(Exception):
    """The feed failed and began again. A reader's offsets may no longer be valid: look them up again."""


class EventFeed:
    """Reads an event log for all readers of the process; `run` must run in a thread of its own as long as they wait."""

    def __init__(
        self,
        source: EventLog,
        *,
        capacity: int = CAPACITY,
        kept_when_idle: int = KEPT_WHEN_IDLE,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.source = source
        self.partitions = source.partitions
        self._capacity = capacity
        self._kept_when_idle = kept_when_idle
        self._patience_s = patience_s
        self._changed = Condition()
        self._buffers: dict[int, FeedBuffer] = {}
        self._readers: list[FeedReader] = []
        self._reader: LogReader | None = None
        self._failure: Exception | None = None
        self._failures = 0
        self._busy_count = 0
        self._report_at = 0.0
        self._reported: dict[str, Mapping[int, LogOffset]] = {}

    def open_reader(self, name: str, on_events: Callable[[], None] = lambda: None) -> FeedReader:
        """Return a new reader; `on_events` is called from the feed's thread when there may be events for it."""
        reader = FeedReader(self, name, on_events)
        with self._changed:
            reader.failures = self._failures
            self._readers.append(reader)
        return reader

    def run(self, stop: Signal) -> None:
        """Read the log into the buffer until stopped."""
        watchdog = Watchdog()
        try:
            run_rounds("event-feed", lambda failures: self._run_watched(watchdog), stop)
        finally:
            watchdog.close()
            self._report_moves(force=True)
            self._close_reader()

    # --- the feed's thread ------------------------------------------------------------------------------------------

    def _run_watched(self, watchdog: Watchdog) -> None:
        limit_s = max(ROUND_LIMIT_S, 2 * float(settings.KAFKA_MIN_TIMEOUT_S))
        with watchdog.deadline(limit_s, "reading the event log"):
            self._run_round()

    def _run_round(self) -> None:
        try:
            ends = self._await_room()
            if not ends:
                return
            self._reader = self._reader or self.source.open_reader("feed")
            deliveries = self._reader.read(ends, BATCH)
            self._busy_count = 0
            if deliveries:
                self._append(deliveries)
            else:
                self._release_when_idle()
                self._reader.wait(IDLE_S)
            self._report_moves()
        except TailBusy:
            self._busy_count += 1
            with self._changed:
                self._changed.wait(BUSY_BACKOFF.delay_s(self._busy_count))
        except Exception as error:
            self._fail(error)
            raise

    def _await_room(self) -> dict[int, LogOffset]:
        """Where to go on in each partition that is read; empty while there is none, or no room."""
        with self._changed:
            added = self._follow_readers()
            if not self._buffers:
                self._changed.wait(IDLE_S)
                return {}
            if self._is_full() and not self._make_room():
                self._changed.wait(self._patience_s)
                return {}
            ends = {number: buffer.end for number, buffer in self._buffers.items()}
        if added:
            self._notify_readers()  # those that are behind the buffer read by themselves now
        return ends

    def _follow_readers(self) -> bool:
        """Read exactly the partitions that some reader reads; return whether there are new ones.

        A new partition starts at the lowest of its readers' offsets, leaving out readers that are far behind.
        """
        wanted: dict[int, list[LogOffset]] = {}
        for reader in self._readers:
            for number, offset in reader.offsets.items():
                wanted.setdefault(number, []).append(offset)
        for number in self._buffers.keys() - wanted.keys():
            del self._buffers[number]
        added = wanted.keys() - self._buffers.keys()
        for number in added:
            newest = max(wanted[number])
            self._buffers[number] = FeedBuffer(
                min(offset for offset in wanted[number] if offset.offset > newest.offset - self._capacity)
            )
        return bool(added)

    def _is_full(self) -> bool:
        return (
            self._buffered() >= self._capacity
            or sum(buffer.characters for buffer in self._buffers.values()) >= CAPACITY_CHARS
        )

    def _buffered(self) -> int:
        return sum(len(buffer) for buffer in self._buffers.values())

    def _make_room(self) -> bool:
        """Discard what every reader has read; if that is not enough, leave the slowest reader behind."""
        self._discard_read()
        if not self._is_full():
            return True
        unread = {reader: self._unread(reader) for reader in self._readers if reader.cursors}
        now = monotonic()
        if any(not count and now - reader.read_at > self._patience_s for reader, count in unread.items()):
            slowest = max(unread, key=lambda reader: unread[reader])
            log.info("%s is slow and reads the log by itself until it has caught up", slowest.name)
            slowest.cursors = {}
            return self._make_room()
        return False

    def _release_when_idle(self) -> None:
        """Do not keep decoded events that everybody has read: ten thousand take 30 MB."""
        with self._changed:
            if self._buffered() > self._kept_when_idle and all(
                reader.cursors.keys() >= reader.offsets.keys()
                for reader in self._readers  # none has yet to begin
            ):
                self._discard_read()

    def _discard_read(self) -> None:
        for number, buffer in self._buffers.items():
            cursors = [reader.cursors[number] for reader in self._readers if number in reader.cursors]
            buffer.discard_before(min(cursors, default=buffer.last))

    def _unread(self, reader: FeedReader) -> int:
        return sum(
            self._buffers[number].last - cursor for number, cursor in reader.cursors.items() if number in self._buffers
        )

    def _append(self, deliveries: Sequence[Delivery]) -> None:
        with self._changed:
            for delivery in deliveries:
                self._buffers[delivery.partition].append(delivery)
        self._notify_readers()

    def _notify_readers(self) -> None:
        with self._changed:
            readers = list(self._readers)
            self._changed.notify_all()
        for reader in readers:
            reader.on_events()

    def _fail(self, error: Exception) -> None:
        """Begin again at the readers' own offsets, once they have looked up what they are."""
        with self._changed:
            self._failure, self._failures = error, self._failures + 1
            self._buffers.clear()
            for reader in self._readers:
                reader.cursors, reader.offsets = {}, {}
        self._close_reader()
        self._notify_readers()

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            with suppress(Exception):  # it may be what failed
                reader.close()

    def _report_moves(self, *, force: bool = False) -> None:
        if monotonic() < self._report_at and not force:
            return
        self._report_at = monotonic() + REPORT_INTERVAL_S
        with self._changed:
            offsets = {reader.name: reader.offsets for reader in self._readers if reader.offsets}
        moved = {name: offset for name, offset in offsets.items() if self._reported.get(name) != offset}
        if moved:
            try:
                self.source.report_offsets(moved)
            except Exception as error:  # only tools read it; the next report repeats it
                log.info("the readers' offsets were not reported: %s", error)
            else:
                self._reported |= moved

    # --- the readers' threads ---------------------------------------------------------------------------------------

    def take(self, reader: FeedReader, after: Mapping[int, LogOffset], limit: int) -> tuple[list[Delivery], set[int]]:
        """Return deliveries from the buffer, and the partitions that the reader must read by itself.

        Raises `FeedInterrupted` once for each reader and failure.
        """
        with self._changed:
            if reader.failures != self._failures:
                reader.failures = self._failures
                raise FeedInterrupted(f"the event feed began again: {self._failure}")
            reader.offsets, reader.read_at = dict(after), monotonic()
            reader.cursors, reader.read_cursors = {}, {}
            deliveries: list[Delivery] = []
            behind: set[int] = set()
            for number in reader.next_order(after):
                buffer, offset = self._buffers.get(number), reader.skip_repeats(number, after[number])
                if buffer is None:
                    continue
                if buffer.is_before(offset):
                    behind.add(number)
                else:
                    reader.cursors[number], part, reader.read_cursors[number] = buffer.read_after(
                        offset, limit - len(deliveries)
                    )
                    deliveries += part
            self._changed.notify_all()
            return deliveries, behind

    def acknowledge(self, reader: FeedReader) -> None:
        """What the reader's last read returned has been processed, and may be discarded."""
        with self._changed:
            reader.cursors = {number: reader.read_cursors[number] for number in reader.cursors}
            self._changed.notify_all()

    def has_events(self, reader: FeedReader) -> bool:
        """Whether another read would return events or an error, if what the last one returned has been processed."""
        with self._changed:
            return reader.failures != self._failures or any(
                number in self._buffers and reader.read_cursors.get(number, -1) < self._buffers[number].last
                for number in reader.offsets
            )

    def peek(self, reader: FeedReader, limit: int) -> Sequence[Delivery] | None:
        """What another read would return from the buffer; None if it would not only do that, or return too much."""
        with self._changed:
            if reader.failures != self._failures:
                return None
            unread: list[Delivery] = []
            for number in reader.offsets:
                if number in self._buffers:
                    part = self._buffers[number].peek(reader.read_cursors.get(number, -1), limit - len(unread))
                    if part is None:
                        return None
                    unread += part
            return unread

    def wait_for_change(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def forget(self, reader: FeedReader) -> None:
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
            self._changed.notify_all()


class FeedReader:
    """Reads from a feed's buffer, and from the log itself while it is further behind. One thread at a time."""

    def __init__(self, feed: EventFeed, name: str, on_events: Callable[[], None]) -> None:
        self.feed = feed
        self.name = name
        self.on_events = on_events
        self.offsets: Mapping[int, LogOffset] = {}  # as of the last read
        self.cursors: dict[int, int] = {}  # the places of these offsets in the buffer
        self.read_cursors: dict[int, int] = {}  # the places behind what the last read returned
        self.read_at = 0.0
        self.failures = 0
        self._skipped: dict[int, tuple[LogOffset, LogOffset]] = {}
        self._turn = 0
        self._own_reader: LogReader | None = None

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[Delivery]:
        if up_to is not None:
            return list(self._open_own_reader().read(after, limit, up_to=up_to))
        deliveries, behind = self.feed.take(self, after, limit)
        if not behind:
            self._close_own_reader()
            return deliveries
        own = self._open_own_reader()
        missed = own.read({number: after[number] for number in behind}, limit)
        if not missed:
            self._skipped = {
                number: (after[number], offset) for number, offset in own.read_up_to().items() if number in behind
            }
        if not missed and not deliveries:
            own.wait(IDLE_S)
        return [*deliveries, *missed]

    def acknowledge(self) -> None:
        """Say that what the last read returned has been processed."""
        self.feed.acknowledge(self)

    def has_events(self) -> bool:
        """Whether another read would return events or an error, if what the last one returned has been processed."""
        return self.feed.has_events(self)

    def peek(self, limit: int) -> Sequence[Delivery] | None:
        """What another read would return from the buffer; None if it would not only do that, or return too much."""
        return self.feed.peek(self, limit)

    def skip_repeats(self, number: int, offset: LogOffset) -> LogOffset:
        """Where to go on after an offset behind which this reader has found nothing but records that repeat."""
        before, skipped = self._skipped.get(number, (None, offset))
        return max(offset, skipped) if before == offset else offset

    def read_up_to(self) -> Mapping[int, LogOffset]:
        return {}

    def next_order(self, partitions: Collection[int]) -> list[int]:
        """The partitions, beginning with another one each time, so that none is always the last."""
        numbers = sorted(partitions)
        self._turn = (self._turn + 1) % max(1, len(numbers))
        return numbers[self._turn :] + numbers[: self._turn]

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        ends = self.feed.source.ends()
        return all(offset.offset >= ends[number].offset for number, offset in after.items())

    def wait(self, seconds: float) -> None:
        if not self.has_events():
            self.feed.wait_for_change(seconds)

    def close(self) -> None:
        self.feed.forget(self)
        self._close_own_reader()

    def _open_own_reader(self) -> LogReader:
        if self._own_reader is None:
            self._own_reader = self.feed.source.open_reader(self.name)
        return self._own_reader

    def _close_own_reader(self) -> None:
        reader, self._own_reader = self._own_reader, None
        if reader is not None:
            reader.close()
