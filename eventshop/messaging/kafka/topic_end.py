"""Reads the end of a topic: the last record of each partition, however many transaction markers follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import decode_event, record_numbers

#: How many offsets before the end are searched, step by step, until a partition returns a record. A transaction's
#: last record is followed by its marker.
_WINDOWS: Final = (2, 16, 256, 4_096, 65_536, 1 << 62)
#: How long the broker may keep a request, in ms: everything up to the end is there, and nothing after it is awaited.
_MAX_WAIT_MS: Final = 1
_READ_TIMEOUT_S: Final = 20.0


class TopicEnd(NamedTuple):
    """The highest position on a topic; each partition's last position and sequence number (0 in an empty one).

    Each transaction of the relay holds a contiguous range of positions across all partitions, and is visible completely
    or not at all. So the highest position is the last one that was published.
    """

    position: int
    positions: list[int]
    sequences: list[int]
    events: list[EventRow]  # the last one of each partition, if this program can read it


def read_topic_end(topic: str, partitions: int, *, await_open_transactions: bool = False) -> TopicEnd:
    """Read the end of a topic.

    `await_open_transactions`: see `read_last_records`. Raises `KafkaUnavailable`, and `BrokenStream` for a record that
    the relay did not write.
    """
    last = read_last_records(topic, partitions, await_open_transactions=await_open_transactions)
    positions, sequences, events = [0] * partitions, [0] * partitions, list[EventRow]()
    for partition, record in last.items():
        sequences[partition], positions[partition] = record_numbers(record)
        if record.value is not None:  # not a tombstone
            with suppress(BrokenStream):  # a newer release wrote it, or it is damaged
                events.append(decode_event(record.value, record.headers))
    return TopicEnd(max(positions), positions, sequences, events)


def read_last_records(topic: str, partitions: int, *, await_open_transactions: bool = False) -> dict[int, Any]:
    """Read the last committed record of each partition that has one.

    `await_open_transactions` waits for the outcome of everything written up to now. Kafka confirms a commit before it
    makes the records visible; a broker that dies in between makes them visible only some time after its restart. A
    producer that continued from the last visible record without waiting would repeat that transaction.
    """
    reader = clients.create_consumer(max_poll_records=5_000, fetch_max_wait_ms=_MAX_WAIT_MS)
    try:
        all_partitions = clients.topic_partitions(topic, partitions)
        reader.assign(all_partitions)
        begins = reader.beginning_offsets(all_partitions)
        ends = written_end_offsets(all_partitions) if await_open_transactions else reader.end_offsets(all_partitions)
        pending = {tp for tp in all_partitions if ends[tp] > begins[tp]}
        last: dict[int, Any] = {}
        for window in _WINDOWS:
            reader.assign(list(pending))
            for tp in pending:
                reader.seek(tp, max(begins[tp], ends[tp] - window))
            last |= _read_until(reader, pending, ends)
            pending = {tp for tp in pending if tp.partition not in last and ends[tp] - window > begins[tp]}
            if not pending:
                break
        return last
    finally:
        reader.close()


def written_end_offsets(partitions: Sequence[Any]) -> Mapping[Any, int]:
    """The end offsets after everything written, whether it is committed, aborted or still open."""
    reader = clients.create_consumer(isolation_level="read_uncommitted")
    try:
        ends: Mapping[Any, int] = reader.end_offsets(partitions)
        return ends
    finally:
        reader.close()


def _read_until(reader: Any, partitions: set[Any], ends: Mapping[Any, int]) -> dict[int, Any]:
    """Read the assigned partitions up to their ends; return the last record of each."""
    last: dict[int, Any] = {}
    timeout_s = clients.timeout_s(_READ_TIMEOUT_S)
    deadline = monotonic() + timeout_s
    while any(reader.position(tp) < ends[tp] for tp in partitions):
        if monotonic() > deadline:
            topic = next(iter(partitions)).topic
            raise clients.KafkaUnavailable(
                f"Kafka did not return the end of the topic {topic} within {timeout_s:.0f} s", topic=topic
            )
        for tp, records in reader.poll(timeout_ms=clients.POLL_MS).items():
            if records:
                last[tp.partition] = records[-1]
    return last
