"""Reads the topic `event-store` as one stream in the order of positions, to compare it or to restore from it.

Decoding a record takes longer than everything that is done with it afterwards. So of a large topic each of several
processes reads some partitions, and this one merges what they send.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from operator import itemgetter
from time import monotonic
from typing import Any, Final, NamedTuple, Self

import msgspec

from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_last_records, written_end_offsets
from eventshop.messaging.reconciliation.partition_reader import (
    READ_TIMEOUT_S,
    PartitionReader,
    TopicSpan,
    create_reading_consumer,
    unavailable,
)
from eventshop.messaging.reconciliation.topic_items import (
    ForeignRecord,
    Tombstone,
    TopicEvent,
    TopicItem,
    parse_record,
)
from eventshop.runtime import process_pool

#: With fewer records, one process has read them before further processes have started.
SINGLE_PROCESS_MAX_RECORDS: Final = 50_000
#: Items that a process sends at a time; it prepares the next ones meanwhile.
_BATCH: Final = 500
#: How many offsets before the end are searched for an event when a partition ends with another record.
_WINDOWS: Final = (16, 256, 4_096, 65_536, 1 << 62)


class _Sent(NamedTuple):
    """An item and its position, as one process sends it to another; one of the three is set."""

    position: int
    event: TopicEvent | None = None
    tombstone: Tombstone | None = None
    foreign: ForeignRecord | None = None

    @property
    def item(self) -> TopicItem:
        items: list[TopicItem] = [item for item in (self.event, self.tombstone, self.foreign) if item]
        return items[0]


_encode_batch: Final = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode_batch: Final = msgspec.msgpack.Decoder(list[_Sent]).decode


class OrderedTopicReader:
    """Iterates over the topic up to `position`, the last event committed when it was opened (0 if there is none).

    `after` leaves out what lies before the first event of each partition with a higher position. Events are ordered by
    position. Any other record follows the event that precedes it in its partition. `processes` read at most; by default
    one for every two processors if the topic is large. Raises `KafkaUnavailable` and `ProcessLost`.
    """

    def __init__(self, topic: str, *, after: int = 0, processes: int | None = None) -> None:
        self.topic = topic
        self.consumer = create_reading_consumer()
        self.partitions = clients.topic_partitions(topic, PARTITIONS)
        self._on_exit = ExitStack()
        self._on_exit.callback(self.consumer.close, autocommit=False)
        try:
            begins = self.consumer.beginning_offsets(self.partitions)
            self.position = self._last_position(begins)
            # Read after the position: these ends include every transaction up to it, in every partition.
            ends = written_end_offsets(self.partitions)
            if after:
                begins = self._offsets_after(begins, after)
        except clients.KafkaError as error:
            raise unavailable(topic, error) from error
        self.after = after
        self.span = TopicSpan(
            topic,
            {tp.partition: begins[tp] for tp in self.partitions},
            {tp.partition: ends[tp] for tp in self.partitions},
            after,
            self.position,
        )
        self.shares = divide_partitions(self.span, processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._on_exit.close()

    def __iter__(self) -> Iterator[TopicItem]:
        if len(self.shares) == 1:
            return (item for _, item in PartitionReader(self.consumer, self.span))
        arguments = [(self.span.select(share),) for share in self.shares]
        streams = self._on_exit.enter_context(process_pool.parallel_streams(read_encoded, arguments))
        return (sent.event or sent.item for sent in merge(*map(_decode_stream, streams), key=itemgetter(0)))

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

    def _offsets_after(self, begins: Mapping[Any, int], after: int) -> dict[Any, int]:
        """Where the first event after a position lies in each partition, found by bisection."""
        offsets = dict(begins)
        for tp, end in self.consumer.end_offsets(self.partitions).items():
            while offsets[tp] < end:
                middle = (offsets[tp] + end) // 2
                events = ((record.offset, _event_position(record)) for record in self._read_between(tp, middle, end))
                offset, position = next((event for event in events if event[1]), (end, 0))
                if 0 < position <= after:
                    offsets[tp] = offset + 1
                else:
                    end = middle
        return offsets

    def _read_between(self, tp: Any, begin: int, end: int) -> Iterator[Any]:
        """Yield the records of one partition between two offsets. Afterwards only this partition is assigned."""
        self.consumer.assign([tp])
        self.consumer.seek(tp, begin)
        timeout_s = clients.timeout_s(READ_TIMEOUT_S)
        deadline = monotonic() + timeout_s
        while self.consumer.position(tp) < end:
            if monotonic() > deadline:
                raise clients.KafkaUnavailable(
                    f"Kafka did not return the end of the topic {self.topic} within {timeout_s:.0f} s",
                    topic=self.topic,
                )
            yield from self.consumer.poll(timeout_ms=clients.POLL_MS).get(tp, ())


def divide_partitions(span: TopicSpan, processes: int | None) -> list[set[int]]:
    """Divide the partitions among as many processes, the longest first, each to the one with the fewest records.

    None: one for every two processors, as PostgreSQL and the merging process need others; one for a small topic.
    """
    sizes = {number: span.size(number) for number in span.begins}
    if processes is None:
        processes = max(1, (os.cpu_count() or 1) // 2) if sum(sizes.values()) > SINGLE_PROCESS_MAX_RECORDS else 1
    shares: list[set[int]] = [set() for _ in range(min(processes, len(sizes)))]
    for number in sorted(sizes, key=lambda number: -sizes[number]):
        min(shares, key=lambda share: sum(sizes[other] for other in share)).add(number)
    return shares


def read_encoded(span: TopicSpan) -> Iterator[bytes]:
    """Read a span in a process of its own; yields batches of items."""
    with PartitionReader(create_reading_consumer(), span) as reader:
        items = iter(reader)
        while batch := [_to_send(*item) for item in islice(items, _BATCH)]:
            yield _encode_batch(batch)


def _to_send(position: int, item: TopicItem) -> _Sent:
    match item:
        case TopicEvent():
            return _Sent(position, item)
        case Tombstone():
            return _Sent(position, tombstone=item)
        case ForeignRecord():
            return _Sent(position, foreign=item)


def _decode_stream(batches: Iterator[bytes]) -> Iterator[_Sent]:
    for batch in batches:
        yield from _decode_batch(batch)


def _event_position(record: Any) -> int:
    item = parse_record(record, 0)
    return item.row.position if isinstance(item, TopicEvent) else 0
