"""The port through which projections and sagas read events: the event table or Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Event, Meta
from eventshop.eventstore.field_encryption import read_event
from eventshop.eventstore.records import EventRow, field_context, to_meta, use_current_name


class DeliveredEvent:
    """One event as the log delivers it. Readers that share it decode it once.

    `offset` is the checkpoint after this event: its position in the database log, the next offset in Kafka. `sequence`
    is its gap-free number within the partition; 0 where the log has none.
    """

    __slots__ = ("_event", "_event_class", "_meta", "offset", "partition", "row", "sequence")

    def __init__(self, offset: int, row: EventRow, partition: int = 0, sequence: int = 0) -> None:
        self.offset = offset
        self.row = row
        self.partition = partition
        self.sequence = sequence
        self._meta: Meta | None = None
        self._event: Event | None = None
        self._event_class: type[Event] | None = None

    def meta(self, registry: MessageRegistry) -> Meta:
        """The event's metadata under its current name; raises `ProgramTooOld` and errors of invalid metadata."""
        if self._meta is None:
            self._meta = use_current_name(to_meta(self.row), registry)
        return self._meta

    def event_class(self, registry: MessageRegistry) -> type[Event]:
        """The current type of the event; raises `ProgramTooOld`."""
        if self._event_class is None:
            self._event_class = registry.reader_for(self.row.event_type, self.row.schema_version).event_class
        return self._event_class

    def event(self, registry: MessageRegistry) -> Event:
        """The event, decrypted and upcast; raises `ProgramTooOld`, `BrokenStream` or `Tampered`.

        One with personal fields is decrypted for each caller: its plain text must not outlive the person's erasure.
        """
        if self._event is not None:
            return self._event
        event = read_event(registry, self.row.payload, field_context(self.row))
        if not registry.personal_fields_of(type(event)):
            self._event = event
        return event


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

    def after(self, delivery: Delivery) -> LogOffset:
        """The offset of a reader that has read this far and then `delivery`."""
        if isinstance(delivery, UnreadableDelivery):
            return self._replace(offset=delivery.offset)
        return LogOffset(delivery.offset, delivery.sequence, delivery.row.position)

    def progress_to(self, end: LogOffset) -> tuple[int, int]:
        """How far a reader is, and how far it is to the end: in events where the log numbers them, else in offsets.

        Offsets also count transaction markers, and begin again in a topic that is made anew.
        """
        return (self.sequence, end.sequence) if end.sequence else (self.offset, end.offset)


class LogReader(Protocol):
    """One consumer of the log. It is used by one thread at a time."""

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> Sequence[Delivery]:
        """Return at most `limit` deliveries after these offsets, in offset order within each partition.

        `up_to` names offsets that some reader has already passed. Raises `TailBusy` when a running transaction makes
        the order of the newest events undecided.
        """
        ...

    def read_up_to(self) -> Mapping[int, LogOffset]:
        """How far this reader has come, where it has skipped records since the last delivery."""
        ...

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        """Whether the log has no more events after these offsets, as far as can be seen now."""
        ...

    def wait(self, seconds: float) -> None:
        """After an empty `read`, wait until there may be more events, at most `seconds`."""
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

    def ends(self) -> Mapping[int, LogOffset]:
        """The end of each partition: the offset of a checkpoint that has no lag."""
        ...

    def partition_for(self, aggregate_id: UUID) -> int:
        """The partition that holds all events of an aggregate."""
        ...

    def report_offsets(self, offsets: Mapping[str, Mapping[int, LogOffset]]) -> None:
        """Tell the tools that show consumer lag how far readers have come, by name; EventShop does not read it."""
        ...
