"""Reads some partitions of the topic `event-store` as one stream in the order of positions.

A partition is fetched only when its buffer runs empty, so memory does not grow with the topic, however unequal the
partitions are. Only the partitions to fetch are assigned to the consumer; the others are not paused: kafka-python
3.0.12 never returns to records that it has parsed and set aside for a paused partition, because
`Fetcher.fetched_records` restores them only when `_next_partition_records` is None, and a drained one stays there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from time import monotonic
from typing import Any, Final, NamedTuple, Self

from eventshop.messaging.kafka import clients
from eventshop.messaging.reconciliation.topic_items import TopicEvent, TopicItem, parse_record

#: A partition with fewer records in memory is fetched together with one that has none.
_REFILL_BELOW: Final = 250
#: How much of a partition is fetched at a time, compressed: at least one batch of records, usually a thousand records.
_FETCH_BYTES: Final = 65_536
#: More than twelve fetches hold: a poll returns all that was fetched.
_MAX_POLLED: Final = 100_000
#: A relay that was killed in a transaction blocks readers until Kafka aborts the transaction, up to 25 s.
READ_TIMEOUT_S: Final = 60.0


class TopicSpan(NamedTuple):
    """What is read of a topic: for each partition the offsets from which and up to which."""

    topic: str
    begins: Mapping[int, int]
    ends: Mapping[int, int]
    after: int  # the position before the first one
    position: int  # the last one

    def select(self, partitions: set[int]) -> TopicSpan:
        """The same of these partitions only."""
        return self._replace(
            begins={number: self.begins[number] for number in partitions},
            ends={number: self.ends[number] for number in partitions},
        )

    def size(self, partition: int) -> int:
        return self.ends[partition] - self.begins[partition]


def create_reading_consumer() -> Any:
    return clients.create_consumer(max_poll_records=_MAX_POLLED, max_partition_fetch_bytes=_FETCH_BYTES)


def unavailable(topic: str, error: Exception) -> clients.KafkaUnavailable:
    return clients.KafkaUnavailable(f"reading the topic {topic} failed: {type(error).__name__}: {error}", topic=topic)


class PartitionReader:
    """Iterates over the items of a span with the position of each; one that is no event has that of the event before.

    Raises `KafkaUnavailable`. Closing it closes the consumer.
    """

    def __init__(self, consumer: Any, span: TopicSpan) -> None:
        self.consumer = consumer
        self.span = span
        self._topic_partitions = {number: clients.TopicPartition(span.topic, number) for number in span.begins}
        self._next_offsets = dict(span.begins)
        self._open = {number for number in span.begins if span.size(number) > 0}
        self._assigned: set[int] = set()
        self._buffers: dict[int, deque[tuple[int, TopicItem]]] = {number: deque() for number in span.begins}
        self._highest_positions = dict.fromkeys(span.begins, span.after)
        self._moved_at = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close(autocommit=False)

    def __iter__(self) -> Iterator[tuple[int, TopicItem]]:
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
            yield buffer.popleft()
            if buffer:
                heappush(heap, (buffer[0][0], partition))
            elif partition in self._open:
                pending.add(partition)

    @property
    def records_in_memory(self) -> int:
        return sum(map(len, self._buffers.values()))

    def _fetch(self, pending: set[int]) -> None:
        """Fetch once for the partitions whose next record is not known, and for others that soon need more."""
        before = dict(self._next_offsets)
        try:
            self._assign({number for number in self._open if number in pending or self._is_low(number)})
            for tp, records in self.consumer.poll(timeout_ms=clients.POLL_MS).items():
                self._buffer_records(tp.partition, records)
            for number in self._assigned:
                self._next_offsets[number] = self.consumer.position(self._topic_partitions[number])
        except clients.KafkaError as error:
            raise unavailable(self.span.topic, error) from error
        self._open = {number for number in self._open if self._next_offsets[number] < self.span.ends[number]}
        if self._next_offsets != before:
            self._moved_at = monotonic()
        elif monotonic() > self._moved_at + clients.timeout_s(READ_TIMEOUT_S):
            raise clients.KafkaUnavailable(
                f"Kafka returned no further record of the topic {self.span.topic} for "
                f"{clients.timeout_s(READ_TIMEOUT_S):.0f} s",
                topic=self.span.topic,
            )

    def _is_low(self, number: int) -> bool:
        return len(self._buffers[number]) < _REFILL_BELOW

    def _assign(self, numbers: set[int]) -> None:
        """Let the consumer fetch exactly these partitions, each from where it was left."""
        if numbers != self._assigned:
            self._assigned = numbers
            self.consumer.assign([self._topic_partitions[number] for number in numbers])
            for number in numbers:
                self.consumer.seek(self._topic_partitions[number], self._next_offsets[number])

    def _buffer_records(self, partition: int, records: list[Any]) -> None:
        buffer, end = self._buffers[partition], self.span.ends[partition]
        for record in records:
            item = parse_record(record, self._highest_positions[partition])
            if isinstance(item, TopicEvent):
                if item.row.position > self.span.position:
                    continue
                self._highest_positions[partition] = max(item.preceding_position, item.row.position)
            if record.offset < end:
                buffer.append((self._highest_positions[partition], item))
