"""Reads the topic `event-store` as one stream in the order of positions, to compare it or to restore from it.

It merges the partitions. A partition is fetched only when its buffer runs empty, so memory does not grow with the
topic, however unequal the partitions are. Only the partitions to fetch are assigned to the consumer; the others are not
paused: kafka-python 3.0.12 never returns to records that it has parsed and set aside for a paused partition, because
`Fetcher.fetched_records` restores them only when `_next_partition_records` is None, and a drained one stays there.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import sha256
from heapq import heappop, heappush
from time import monotonic
from typing import Any, Final, NamedTuple, Self, TypeAlias

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_record, record_numbers
from eventshop.messaging.kafka.topic_end import read_last_records, written_end_offsets

#: A partition with fewer records in memory is fetched together with one that has none.
_REFILL_BELOW: Final = 250
#: How much of a partition is fetched at a time, compressed: at least one batch of records, usually a thousand records.
_FETCH_BYTES: Final = 65_536
#: More than twelve fetches hold: a poll returns all that was fetched.
_MAX_POLLED: Final = 100_000
#: How many offsets before the end are searched for an event when a partition ends with another record.
_WINDOWS: Final = (16, 256, 4_096, 65_536, 1 << 62)
#: A relay that was killed in a transaction blocks readers until Kafka aborts the transaction, up to 25 s.
_READ_TIMEOUT_S: Final = 60.0
_KEY: Final = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{10}")


class TopicEvent(NamedTuple):
    """An event, with its partition and offset."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    sequence: int
    preceding_position: int  # the highest before it in its partition; not below its own: it is late or a duplicate
    row: EventRow
    receipt: ReceiptRow | None  # on the last event of its command


class Tombstone(NamedTuple):
    """Erases one event. Its sequence number is that of the last event before it in its partition."""

    partition: int
    offset: int
    key: bytes
    sequence: int


class ForeignRecord(NamedTuple):
    """A record that the relay did not write."""

    partition: int
    offset: int
    error: str
    digest: str  # SHA-256 of key, value and headers, in hexadecimal


TopicItem: TypeAlias = TopicEvent | Tombstone | ForeignRecord


class OrderedTopicReader:
    """Iterates over the topic up to `position`, the last event committed when it was opened (0 if there is none).

    `after` leaves out what lies before the first event of each partition with a higher position. Events are ordered by
    position. Any other record follows the event that precedes it in its partition. Raises `KafkaUnavailable`.
    """

    def __init__(self, topic: str, *, after: int = 0) -> None:
        self.topic = topic
        self.after = after
        self.consumer = clients.create_consumer(max_poll_records=_MAX_POLLED, max_partition_fetch_bytes=_FETCH_BYTES)
        self.partitions = clients.topic_partitions(topic, PARTITIONS)
        try:
            begins = self.consumer.beginning_offsets(self.partitions)
            self.position = self._last_position(begins)
            # Read after the position: these ends include every transaction up to it, in every partition.
            ends = written_end_offsets(self.partitions)
            if after:
                begins = self._offsets_after(begins)
        except clients.KafkaError as error:
            raise self._unavailable(error) from error
        self._ends = {tp.partition: ends[tp] for tp in self.partitions}
        self._next_offsets = {tp.partition: begins[tp] for tp in self.partitions}
        self._open = {tp.partition for tp in self.partitions if ends[tp] > begins[tp]}
        self._assigned: set[int] = set()
        self._buffers: list[deque[tuple[int, TopicItem]]] = [deque() for _ in self.partitions]
        self._highest_positions = [after] * PARTITIONS
        self._moved_at = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close(autocommit=False)

    def __iter__(self) -> Iterator[TopicItem]:
        heap: list[tuple[int, int]] = []  # the first position in each buffer, and its partition
        pending = set(self._open)  # partitions whose next record is not known yet
        while True:
            while pending:
                self._fetch(pending)
                for partition in [number for number in pending if self._buffers[number] or number not in self._open]:
                    pending.remove(partition)
                    if self._buffers[partition]:
                        heappush(heap, (self._buffers[partition][0][0], partition))
            if not heap:
                return
            _, partition = heappop(heap)
            buffer = self._buffers[partition]
            yield buffer.popleft()[1]
            if buffer:
                heappush(heap, (buffer[0][0], partition))
            elif partition in self._open:
                pending.add(partition)

    def _fetch(self, pending: set[int]) -> None:
        """Fetch once for the partitions whose next record is not known, and for others that soon need more."""
        before = dict(self._next_offsets)
        try:
            self._assign({number for number in self._open if number in pending or self._is_low(number)})
            for tp, records in self.consumer.poll(timeout_ms=clients.POLL_MS).items():
                self._buffer_records(tp.partition, records)
            for number in self._assigned:
                self._next_offsets[number] = self.consumer.position(self.partitions[number])
        except clients.KafkaError as error:
            raise self._unavailable(error) from error
        self._open = {number for number in self._open if self._next_offsets[number] < self._ends[number]}
        if self._next_offsets != before:
            self._moved_at = monotonic()
        elif monotonic() > self._moved_at + clients.timeout_s(_READ_TIMEOUT_S):
            raise clients.KafkaUnavailable(
                f"Kafka returned no further record of the topic {self.topic} for "
                f"{clients.timeout_s(_READ_TIMEOUT_S):.0f} s",
                topic=self.topic,
            )

    def _is_low(self, number: int) -> bool:
        return len(self._buffers[number]) < _REFILL_BELOW

    def _assign(self, numbers: set[int]) -> None:
        """Let the consumer fetch exactly these partitions, each from where it was left."""
        if numbers != self._assigned:
            self._assigned = numbers
            self.consumer.assign([self.partitions[number] for number in numbers])
            for number in numbers:
                self.consumer.seek(self.partitions[number], self._next_offsets[number])

    def _buffer_records(self, partition: int, records: list[Any]) -> None:
        buffer, end = self._buffers[partition], self._ends[partition]
        for record in records:
            item = parse_record(record, self._highest_positions[partition])
            if isinstance(item, TopicEvent):
                if item.row.position > self.position:
                    continue
                self._highest_positions[partition] = max(item.preceding_position, item.row.position)
            if record.offset < end:
                buffer.append((self._highest_positions[partition], item))

    def _last_position(self, begins: Mapping[Any, int]) -> int:
        """The highest position on the topic. It is complete: a transaction is visible completely or not at all."""
        highest = 0
        for partition, record in read_last_records(self.topic, PARTITIONS).items():
            position = _event_position(record)
            tp = self.partitions[partition]
            for window in _WINDOWS if not position else ():
                begin = max(begins[tp], record.offset - window)
                position = max(map(_event_position, self._read_between(tp, begin, record.offset)), default=0)
                if position or begin == begins[tp]:
                    break
            highest = max(highest, position)
        return highest

    def _offsets_after(self, begins: Mapping[Any, int]) -> dict[Any, int]:
        """Where the first event after the position `after` lies in each partition, found by bisection."""
        offsets = dict(begins)
        for tp, end in self.consumer.end_offsets(self.partitions).items():
            while offsets[tp] < end:
                middle = (offsets[tp] + end) // 2
                events = ((record.offset, _event_position(record)) for record in self._read_between(tp, middle, end))
                offset, position = next((event for event in events if event[1]), (end, 0))
                if 0 < position <= self.after:
                    offsets[tp] = offset + 1
                else:
                    end = middle
        return offsets

    def _read_between(self, tp: Any, begin: int, end: int) -> Iterator[Any]:
        """Yield the records of one partition between two offsets. Afterwards only this partition is assigned."""
        self.consumer.assign([tp])
        self.consumer.seek(tp, begin)
        timeout_s = clients.timeout_s(_READ_TIMEOUT_S)
        deadline = monotonic() + timeout_s
        while self.consumer.position(tp) < end:
            if monotonic() > deadline:
                raise clients.KafkaUnavailable(
                    f"Kafka did not return the end of the topic {self.topic} within {timeout_s:.0f} s",
                    topic=self.topic,
                )
            yield from self.consumer.poll(timeout_ms=clients.POLL_MS).get(tp, ())

    def _unavailable(self, error: Exception) -> clients.KafkaUnavailable:
        return clients.KafkaUnavailable(
            f"reading the topic {self.topic} failed: {type(error).__name__}: {error}", topic=self.topic
        )


def parse_record(record: Any, preceding_position: int) -> TopicItem:
    """What a record is; `preceding_position` is the highest before it in its partition."""
    try:
        sequence = record_numbers(record).partition_sequence
        if record.value is not None:
            row, receipt = decode_record(record.value, record.headers)
            return TopicEvent(
                *(record.partition, record.offset, record.key, record.value, record.headers),
                *(sequence, preceding_position, row, receipt),
            )
        if record.key is None or not _KEY.fullmatch(record.key):
            raise BrokenStream("a tombstone whose key names no event")
        return Tombstone(record.partition, record.offset, record.key, sequence)
    except (BrokenStream, ValueError) as error:
        return ForeignRecord(record.partition, record.offset, str(error), _digest(record))


def _digest(record: Any) -> str:
    return sha256(repr((record.key, record.value, list(record.headers))).encode()).hexdigest()


def _event_position(record: Any) -> int:
    item = parse_record(record, 0)
    return item.row.position if isinstance(item, TopicEvent) else 0
