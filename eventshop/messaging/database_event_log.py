"""The event log of the embedded mode: the event table as one partition, with the position as offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event as Signal
from uuid import UUID

from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.messaging.event_log import DeliveredEvent, LogOffset


class DatabaseEventLog:
    """Reads the event table. All readers of a process share one instance, and so one tail reader with its fence."""

    partitions: Sequence[int] = (0,)

    def __init__(self) -> None:
        self._tail = TailReader()

    def open_reader(self, name: str) -> DatabaseEventLog:
        return self

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[DeliveredEvent]:
        if 0 not in after:
            return []
        end = None if up_to is None else up_to[0].offset
        rows = self._tail.read(after[0].offset, limit, up_to=end)
        return [DeliveredEvent(row.position, row) for row in rows]

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        return True  # an empty `read` already means that the end is reached

    def wait(self, seconds: float, stop: Signal) -> None:
        stop.wait(seconds)

    def end_offsets(self) -> dict[int, int]:
        return {0: newest_position()}

    def partition_for(self, aggregate_id: UUID) -> int:
        return 0

    def close(self) -> None:
        """Do nothing: the log holds no resources."""
