"""What a topic ends with: the last record of each partition, however many transaction markers lie behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import read_int_header

#: How far back is looked, in offsets, until a partition shows a record.
_WINDOWS: Final = (1, 16, 256, 4_096, 65_536, 1 << 62)
_READ_TIMEOUT_S: Final = 20.0


class TopicEnd(NamedTuple):
    """The highest position on a topic; each partition's last position and sequence number (0 in an empty one).

    Each transaction of the relay holds a contiguous range of positions across all partitions, wholly or not at all:
    the highest position found is therefore the last one published.
    """

    position: int
    positions: list[int]
    sequences: list[int]


def read_topic_end(topic: str, partitions: int, *, await_open_transactions: bool = False) -> TopicEnd:
    """Read the end of a topic. Raises `KafkaAway`, and `BrokenStream` for a record that our relay did not write.

    `settled`: as in `last_records`.
    """
    last = read_last_records(topic, partitions, await_open_transactions=await_open_transactions)
    positions, sequences = [0] * partitions, [0] * partitions
    for partition, record in last.items():
        sequences[partition] = read_int_header(record.headers, "partition-sequence")
        positions[partition] = read_int_header(record.headers, "position")
    return TopicEnd(max(positions), positions, sequences)


def read_last_records(topic: str, partitions: int, *, await_open_transactions: bool = False) -> dict[int, Any]:
    """The last committed record of each partition that has one.

    `settled` waits for the outcome of everything written up to now. Kafka confirms a commit before it shows what was
    committed, and a broker that died in between shows it only some time after it is back: whoever is to go on behind
    the last record, and did not wait, would repeat that transaction.
    """
    reader = clients.create_consumer(max_poll_records=5_000)
    try:
        all_of_them = clients.topic_partitions(topic, partitions)
        reader.assign(all_of_them)
        begins = reader.beginning_offsets(all_of_them)
        ends = written_end_offsets(all_of_them) if await_open_transactions else reader.end_offsets(all_of_them)
        looking = {tp for tp in all_of_them if ends[tp] > begins[tp]}
        last: dict[int, Any] = {}
        for window in _WINDOWS:
            reader.assign(list(looking))
            for tp in looking:
                reader.seek(tp, max(begins[tp], ends[tp] - window))
            last |= _read_until(reader, looking, ends)
            looking = {tp for tp in looking if tp.partition not in last and ends[tp] - window > begins[tp]}
            if not looking:
                break
        return last
    finally:
        reader.close()


def written_end_offsets(partitions: Sequence[Any]) -> Mapping[Any, int]:
    """The ends behind everything written, whether it is committed, aborted or still open."""
    reader = clients.create_consumer(isolation_level="read_uncommitted")
    try:
        ends: Mapping[Any, int] = reader.end_offsets(partitions)
        return ends
    finally:
        reader.close()


def _read_until(reader: Any, wanted: set[Any], ends: Mapping[Any, int]) -> dict[int, Any]:
    """Read from where the partitions were set up to their ends; the last record of each."""
    last: dict[int, Any] = {}
    give_up = monotonic() + _READ_TIMEOUT_S
    while any(reader.position(tp) < ends[tp] for tp in wanted):
        if monotonic() > give_up:
            raise clients.KafkaUnavailable("Kafka does not give the end of the topic", topic=next(iter(wanted)).topic)
        for tp, records in reader.poll(timeout_ms=200).items():
            if records:
                last[tp.partition] = records[-1]
    return last
