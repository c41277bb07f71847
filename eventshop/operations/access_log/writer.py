"""The writer of the access log: a bounded queue and one thread per process, which writes batches.

A read costs a place in the queue, not a statement. While the queue is full, because the database does not answer, reads
wait, and are refused after `MAX_WAIT_S`: nobody reads unrecorded. A process that is killed loses at most what it read
within `BATCH_INTERVAL_S`; one that ends writes everything first.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Final

from django.db import DatabaseError, connection

from eventshop.core.errors import EventShopError
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.operations.access_log.batch import PendingAccess, build_records
from eventshop.operations.models import AccessRecord
from eventshop.runtime.connections import close_connections

log = logging.getLogger(__name__)

#: Reads that wait to be written, in one process.
QUEUE_SIZE: Final = 10_000
#: How long a read waits for a place in the queue.
MAX_WAIT_S: Final = 2.0
#: How long records are collected before they are written.
BATCH_INTERVAL_S: Final = 0.5
MAX_BATCH: Final = 1_000
#: When a failed batch is written again.
RETRY_S: Final = 1.0
#: How long the end of the process waits for what is not written yet.
MAX_FLUSH_S: Final = 10.0


class AccessLogFull(EventShopError):
    """The access log cannot be written at present, and nothing is read unrecorded"""

    code = "access-log-full"


class AccessLogWriter:
    """A queue of reads, and the thread that writes them; it starts with the first read of a process."""

    def __init__(
        self,
        write: Callable[[Sequence[PendingAccess]], None],
        *,
        size: int = QUEUE_SIZE,
        max_wait_s: float = MAX_WAIT_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._write, self._retry_s = write, retry_s
        self._queue: Queue[PendingAccess] = Queue(size)
        self._max_wait_s = max_wait_s
        self._starting = Lock()
        self._changed = Condition()
        self._unwritten = 0
        self._hurry = Event()
        self._process = 0

    def add(self, access: PendingAccess) -> None:
        """Queue a read. Raises `AccessLogFull` when there is no place within the time that a read waits."""
        self._start()
        with self._changed:
            self._unwritten += 1
        try:
            self._queue.put(access, timeout=self._max_wait_s)
        except Full:
            self._settle(1)
            raise AccessLogFull(waiting=self._queue.qsize()) from None

    def flush(self, timeout_s: float = MAX_FLUSH_S) -> bool:
        """Write what is queued; whether all of it was written in time."""
        if self._process != os.getpid():
            return True
        self._hurry.set()
        with self._changed:
            is_written = self._changed.wait_for(lambda: self._unwritten == 0, timeout_s)
        self._hurry.clear()
        return is_written

    def _start(self) -> None:
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process != os.getpid():  # also after a fork, which copies the queue and not the thread
                self._queue, self._changed, self._unwritten = Queue(self._queue.maxsize), Condition(), 0
                self._process = os.getpid()
                Thread(target=self._run, name="access-log", daemon=True).start()
                atexit.register(self._flush_at_exit)

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            self._collect(batch)
            self._write_until_done(batch)
            if self._queue.empty():
                close_connections()
            self._settle(len(batch))

    def _collect(self, batch: list[PendingAccess]) -> None:
        self._hurry.wait(BATCH_INTERVAL_S)
        while len(batch) < MAX_BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                return

    def _write_until_done(self, batch: Sequence[PendingAccess]) -> None:
        while True:
            try:
                self._write(batch)
                return
            except Exception as error:  # any error: the thread must live, and the records must not be lost
                log.warning("%s reads could not be recorded yet: %s", len(batch), error)
                close_connections()
                Event().wait(self._retry_s)

    def _settle(self, count: int) -> None:
        with self._changed:
            self._unwritten -= count
            self._changed.notify_all()

    def _flush_at_exit(self) -> None:
        started = monotonic()
        if not self.flush():
            log.error("%s reads were not recorded within %.0f s", self._unwritten, monotonic() - started)


def write_batch(batch: Sequence[PendingAccess]) -> None:
    """Write these reads in one transaction. Raises `DatabaseError`."""
    records = build_records(batch)
    try:
        with batch_write():
            AccessRecord.objects.bulk_create(records)
    except DatabaseError:
        if connection.in_atomic_block or len(records) < 2 or not connection.is_usable():
            raise
        # One that the database refuses must not keep back the others.
        for record in records:
            record.pk = None
            record.save(force_insert=True)


writer: Final = AccessLogWriter(write_batch)
