"""The log of the embedded mode: the event table itself, one partition, the position as offset."""

from __future__ import annotations

from collections.abc import Sequence

from eventshop.log.base import Delivered
from eventshop.store.tail import Tail, newest_position


class DatabaseLog:
    """Every reader of one process should share one, and with it the fence (`store.tail`)."""

    partitions: Sequence[int] = (0,)

    def __init__(self) -> None:
        self._tail = Tail()

    def read(self, partition: int, after: int, limit: int, *, up_to: int | None = None) -> list[Delivered]:
        return [Delivered(row.position, row) for row in self._tail.read(after, limit, up_to=up_to)]

    def head(self, partition: int) -> int:
        return newest_position()
