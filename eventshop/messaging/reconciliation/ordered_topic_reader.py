"""Reads the topic `event-store` as one stream in the order of positions, to compare it or to restore from it.

It merges the partitions. Each partition is read into a small buffer and paused while the buffer is full, so memory does
not grow with the topic.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from time import monotonic
from typing import Any, Final, NamedTuple, Self, TypeAlias

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_event, record_numbers
from eventshop.messaging.kafka.topic_end import read_last_records, written_end_offsets

#: A partition is paused at this many records in memory, and resumed at that many.
_MAX_BUFFERED: Final = 1_000
_RESUME_BELOW: Final = 250
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


TopicItem: TypeAlias = TopicEvent | Tombstone | ForeignRecord


class OrderedTopicReader:
    """Iterates over the topic up to `position`, the last event committed when it was opened (0 if there is none).

    Events are ordered by position. Any other record follows the event that precedes it in its partition. Raises
    `KafkaUnavailable`.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.consumer = clients.create_consumer(max_poll_records=2_000)
        self.partitions = clients.topic_partitions(topic, PARTITIONS)
        try:
            begins = self.consumer.beginning_offsets(self.partitions)
            self.position = self._last_position(begins)
            # Read after the position: these ends include every transaction up to it, in every partition.
            ends = written_end_offsets(self.partitions)
            self.consumer.assign(self.partitions)
            for tp in self.partitions:
                self.consumer.seek(tp, begins[tp])
        except clients.KafkaError as error:
            raise self._unavailable(error) from error
        self._ends = {tp.partition: ends[tp] for tp in self.partitions}
        self._open = {tp.partition for tp in self.partitions if ends[tp] > begins[tp]}
        self._paused: set[int] = set()
        self._buffers: list[deque[tuple[int, TopicItem]]] = [deque() for _ in self.partitions]
        self._highest_positions = [0] * PARTITIONS
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
                self._fetch()
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

    def _fetch(self) -> None:
        self._pause_full_buffers()
        try:
            polled = self.consumer.poll(timeout_ms=clients.POLL_MS)
            for tp, records in polled.items():
                self._buffer_records(tp.partition, records)
            for tp in self.partitions:
                if tp.partition in self._open and self.consumer.position(tp) >= self._ends[tp.partition]:
                    self._open.remove(tp.partition)
                    self.consumer.pause(tp)
                    self._moved_at = monotonic()
        except clients.KafkaError as error:
            raise self._unavailable(error) from error
        if polled:
            self._moved_at = monotonic()
        elif monotonic() > self._moved_at + clients.timeout_s(_READ_TIMEOUT_S):
            raise clients.KafkaUnavailable(
                f"Kafka returned no further record of the topic {self.topic} for "
                f"{clients.timeout_s(_READ_TIMEOUT_S):.0f} s",
                topic=self.topic,
            )

    def _pause_full_buffers(self) -> None:
        for partition in self._open:
            buffered, is_paused = len(self._buffers[partition]), partition in self._paused
            if buffered >= _MAX_BUFFERED and not is_paused:
                self._paused.add(partition)
                self.consumer.pause(self.partitions[partition])
            elif buffered <= _RESUME_BELOW and is_paused:
                self._paused.remove(partition)
                self.consumer.resume(self.partitions[partition])

    def _buffer_records(self, partition: int, records: list[Any]) -> None:
        buffer, end = self._buffers[partition], self._ends[partition]
        for record in records:
            item = _parse_record(record, self._highest_positions[partition])
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


def _parse_record(record: Any, preceding_position: int) -> TopicItem:
    try:
        sequence = record_numbers(record).partition_sequence
        if record.value is not None:
            row = decode_event(record.value, record.headers)
            return TopicEvent(
                *(record.partition, record.offset, record.key, record.value, record.headers),
                *(sequence, preceding_position, row),
            )
        if record.key is None or not _KEY.fullmatch(record.key):
            raise BrokenStream("a tombstone whose key names no event")
        return Tombstone(record.partition, record.offset, record.key, sequence)
    except (BrokenStream, ValueError) as error:
        return ForeignRecord(record.partition, record.offset, str(error))


def _event_position(record: Any) -> int:
    item = _parse_record(record, 0)
    return item.row.position if isinstance(item, TopicEvent) else 0
