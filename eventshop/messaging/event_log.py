"""The port: what the projections ask of the log, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event as Signal
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

from eventshop.eventstore.records import Row


class Delivered(NamedTuple):
    """One event as the log hands it over, and where to go on after it."""

    offset: int  # the checkpoint once this event is folded: in the database log its position, in Kafka the next offset
    row: Row
    partition: int = 0
    sequence: int = 0  # its number within the partition, gap-free; 0 where the log has none


class Unreadable(NamedTuple):
    """A record that is no event of ours, as it lay there; it is set aside, never dropped."""

    offset: int
    partition: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    error: str


Delivery: TypeAlias = Delivered | Unreadable


class Place(NamedTuple):
    """How far a reader has come in one partition."""

    offset: int
    sequence: int = 0
    position: int = 0  # of the last event, in the store


class Reader(Protocol):
    """One reader's way through the log; used by one thread."""

    def read(
        self, after: Mapping[int, Place], limit: int, *, up_to: Mapping[int, Place] | None = None
    ) -> Sequence[Delivery]:
        """At most `limit` deliveries after these places, by rising offset within each partition.

        `up_to` names places that some reader has passed already. Raises `TailBusy` for "nothing can be said now".
        """
        ...

    def at_end(self, after: Mapping[int, Place]) -> bool:
        """Whether there is nothing behind these places, as far as can be seen now."""
        ...

    def wait(self, seconds: float, stop: Signal) -> None:
        """After an empty `read`: until there may be something, about `seconds` where the log cannot say when."""
        ...

    def close(self) -> None: ...


class EventLog(Protocol):
    """Events in partitions, an aggregate always in the same one."""

    partitions: Sequence[int]

    def reader(self, name: str) -> Reader:
        """A reader of its own for each projection, which goes its own pace; `name` is what lag tools show."""
        ...

    def heads(self) -> Mapping[int, int]:
        """Where each partition ends: the offset of a checkpoint that is not behind."""
        ...

    def partition_of(self, aggregate_id: UUID) -> int:
        """Where all events of an aggregate lie."""
        ...
