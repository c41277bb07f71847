"""The topic `event-store` as one stream in the order of positions: what is compared, and restored from.

A merge of the partitions: each is read at its own pace into a small buffer and waits while its buffer is full, so
that memory does not grow with the topic.
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
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_event, read_int_header
from eventshop.messaging.kafka.topic_end import read_last_records, written_end_offsets

#: Records of one partition that wait in memory; fetched again when so few are left.
_MAX_BUFFERED: Final = 1_000
_RESUME_BELOW: Final = 250
#: How far back an event is looked for, in offsets, when a partition ends with something else.
_WINDOWS: Final = (16, 256, 4_096, 65_536, 1 << 62)
#: A relay that was killed in a transaction holds readers up until Kafka gives it up, up to 25 s.
_READ_TIMEOUT_S: Final = 60.0
_KEY: Final = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{10}")


class TopicEvent(NamedTuple):
    """An event of ours where it lies."""

    partition: int
    offset: int
    key: bytes | None
    headers: list[tuple[str, bytes]]
    sequence: int
    preceding_position: (
        int  # the highest position before it in its partition: at or above its own, it is late or a repeat
    )
    row: EventRow


class Tombstone(NamedTuple):
    """One event was erased. It has no number of its own, but that of the last event before it in its partition."""

    partition: int
    offset: int
    key: bytes
    sequence: int


class ForeignRecord(NamedTuple):
    """A record that our relay did not write."""

    partition: int
    offset: int
    error: str


TopicItem: TypeAlias = TopicEvent | Tombstone | ForeignRecord


class OrderedTopicReader:
    """Everything on the topic up to the last event committed when it was opened, `position`; 0: there is none.

    Events come by rising position; whatever has no place of its own comes right behind the event it lies behind.
    Raises `KafkaAway`.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.consumer = clients.create_consumer(max_poll_records=2_000)
        self.partitions = clients.topic_partitions(topic, PARTITIONS)
        try:
            begins = self.consumer.beginning_offsets(self.partitions)
            self.position = self._last_position(begins)
            # Asked only now: whatever was committed up to that position lies below, its transaction in every partition.
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
        turn: list[tuple[int, int]] = []  # the first of each buffer
        wanted = set(self._open)  # partitions whose next record is not known yet
        while True:
            while wanted:
                self._fetch()
                for partition in [part for part in wanted if self._buffers[part] or part not in self._open]:
                    wanted.remove(partition)
                    if self._buffers[partition]:
                        heappush(turn, (self._buffers[partition][0][0], partition))
            if not turn:
                return
            _, partition = heappop(turn)
            buffer = self._buffers[partition]
            yield buffer.popleft()[1]
            if buffer:
                heappush(turn, (buffer[0][0], partition))
            elif partition in self._open:
                wanted.add(partition)

    def _fetch(self) -> None:
        self._pause_full_buffers()
        try:
            polled = self.consumer.poll(timeout_ms=200)
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
        elif monotonic() > self._moved_at + _READ_TIMEOUT_S:
            raise clients.KafkaUnavailable(f"Kafka does not give the rest of {self.topic}", topic=self.topic)

    def _pause_full_buffers(self) -> None:
        for partition in self._open:
            waiting, paused = len(self._buffers[partition]), partition in self._paused
            if waiting >= _MAX_BUFFERED and not paused:
                self._paused.add(partition)
                self.consumer.pause(self.partitions[partition])
            elif waiting <= _RESUME_BELOW and paused:
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
        """Each transaction of the relay is there wholly or not at all: the highest position is the last one there."""
        highest = 0
        for partition, record in read_last_records(self.topic, PARTITIONS).items():
            found = _event_position(record)
            tp = self.partitions[partition]
            for window in _WINDOWS if not found else ():
                begin = max(begins[tp], record.offset - window)
                found = max(map(_event_position, self._read_between(tp, begin, record.offset)), default=0)
                if found or begin == begins[tp]:
                    break
            highest = max(highest, found)
        return highest

    def _read_between(self, tp: Any, begin: int, end: int) -> Iterator[Any]:
        """The records of one partition between two offsets. Leaves the consumer with this partition alone."""
        self.consumer.assign([tp])
        self.consumer.seek(tp, begin)
        give_up = monotonic() + _READ_TIMEOUT_S
        while self.consumer.position(tp) < end:
            if monotonic() > give_up:
                raise clients.KafkaUnavailable(f"Kafka does not give the end of {self.topic}", topic=self.topic)
            yield from self.consumer.poll(timeout_ms=200).get(tp, ())

    def _unavailable(self, error: Exception) -> clients.KafkaUnavailable:
        return clients.KafkaUnavailable(
            f"Kafka does not give {self.topic}: {type(error).__name__}: {error}", topic=self.topic
        )


def _parse_record(record: Any, preceding_position: int) -> TopicItem:
    try:
        sequence = read_int_header(record.headers, "partition-sequence")
        if record.value is not None:
            row = decode_event(record.value, record.headers)
            return TopicEvent(
                record.partition, record.offset, record.key, record.headers, sequence, preceding_position, row
            )
        if record.key is None or not _KEY.fullmatch(record.key):
            raise BrokenStream("a tombstone that names no event")
        return Tombstone(record.partition, record.offset, record.key, sequence)
    except (BrokenStream, ValueError) as error:
        return ForeignRecord(record.partition, record.offset, str(error))


def _event_position(record: Any) -> int:
    item = _parse_record(record, 0)
    return item.row.position if isinstance(item, TopicEvent) else 0
