"""The port through which projections and sagas read events: the event table or Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event as Signal
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

from eventshop.eventstore.records import EventRow


class DeliveredEvent(NamedTuple):
    """One event as the log delivers it."""

    offset: int  # the checkpoint after this event: its position in the database log, the next offset in Kafka
    row: EventRow
    partition: int = 0
    sequence: int = 0  # its gap-free number within the partition; 0 where the log has none


class UnreadableDelivery(NamedTuple):
    """A record that is not a valid event, unchanged. Readers store it as a dead letter; they never drop it."""

    offset: int
    partition: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    error: str


Delivery: TypeAlias = DeliveredEvent | UnreadableDelivery


class LogOffset(NamedTuple):
    """How far a reader has read one partition."""

    offset: int
    sequence: int = 0
    position: int = 0  # of the last event, in the event store


class LogReader(Protocol):
    """One consumer of the log. It is used by one thread."""

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> Sequence[Delivery]:
        """Return at most `limit` deliveries after these offsets, in offset order within each partition.

        `up_to` names offsets that some reader has already passed. Raises `TailBusy` when a running transaction makes
        the order of the newest events undecided.
        """
        ...

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        """Whether the log has no more events after these offsets, as far as can be seen now."""
        ...

    def wait(self, seconds: float, stop: Signal) -> None:
        """After an empty `read`, wait for more events; about `seconds` where the log cannot notify."""
        ...

    def close(self) -> None:
        """Release the connections of this reader."""
        ...


class EventLog(Protocol):
    """Events in partitions. All events of an aggregate are in the same partition."""

    partitions: Sequence[int]

    def open_reader(self, name: str) -> LogReader:
        """Return a new reader with its own pace. Tools that show consumer lag list it as `name`."""
        ...

    def end_offsets(self) -> Mapping[int, int]:
        """The end of each partition: the offset of a checkpoint that has no lag."""
        ...

    def partition_for(self, aggregate_id: UUID) -> int:
        """The partition that holds all events of an aggregate."""
        ...
