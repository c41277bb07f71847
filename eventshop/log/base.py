"""The port: what a projection asks of the log, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from eventshop.store.rows import Row


class Delivered(NamedTuple):
    """One event as the log hands it over: where it lay, and its row."""

    offset: int
    row: Row


class EventLog(Protocol):
    """Events in partitions: by rising offset within one, an aggregate always in the same one."""

    partitions: Sequence[int]

    def read(self, partition: int, after: int, limit: int, *, up_to: int | None = None) -> list[Delivered]:
        """At most `limit` events after an offset. `up_to` is an offset that some reader has already passed.

        Raises `TailBusy` for "nothing can be said now, ask again soon".
        """
        ...

    def head(self, partition: int) -> int:
        """The newest offset, for showing lag."""
        ...
