"""The event log of the embedded mode: the event table as one partition, with the position as offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.messaging.event_log import DeliveredEvent, LogOffset
from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s


class DatabaseEventLog:
    """The event table. All readers of one instance share one tail reader with its fence."""

    partitions: Sequence[int] = (0,)

    def __init__(self) -> None:
        self._tail = TailReader()

    def open_reader(self, name: str) -> DatabaseLogReader:
        return DatabaseLogReader(self._tail)

    def ends(self) -> dict[int, LogOffset]:
        return {0: LogOffset(newest_position())}

    def partition_for(self, aggregate_id: UUID) -> int:
        return 0

    def report_offsets(self, offsets: Mapping[str, Mapping[int, LogOffset]]) -> None:
        """Do nothing: the checkpoints are in the same database."""


class DatabaseLogReader:
    """Reads the event table, and is woken by appends."""

    def __init__(self, tail: TailReader) -> None:
        self._tail = tail
        self._waiter = Waiter(Channel.EVENTS)

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[DeliveredEvent]:
        if 0 not in after:
            return []
        end = None if up_to is None else up_to[0].offset
        rows = self._tail.read(after[0].offset, limit, up_to=end)
        return [DeliveredEvent(row.position, row) for row in rows]

    def read_up_to(self) -> dict[int, LogOffset]:
        return {}  # the table repeats nothing

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        return True  # an empty `read` already means that the end is reached

    def wait(self, seconds: float) -> None:
        release_connections()
        self._waiter.wait(min(seconds, poll_interval_s()))

    def close(self) -> None:
        self._waiter.close()
