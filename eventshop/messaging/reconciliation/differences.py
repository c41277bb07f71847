"""What is different about one event between the event table and Kafka, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.records import EventRow, ReceiptRow
from eventshop.messaging.kafka.event_records import decode_receipt, encode_headers, partition_for, record_key
from eventshop.messaging.reconciliation.ordered_topic_reader import TopicEvent, TopicItem

#: Characters shown of a long value, from shortly before the place where the two part.
_MAX_SHOWN: Final = 80


class Difference(NamedTuple):
    """The position it is about, and what is wrong there."""

    position: int
    message: str


def describe_location(item: TopicItem) -> str:
    return f"partition {item.partition} at offset {item.offset}"


def find_differences(
    row: EventRow, receipt: ReceiptRow | None, item: TopicEvent, counted: Sequence[int]
) -> Iterator[Difference]:
    """What differs between a row with its receipt and a record; `counted`: events of each partition so far."""
    for name, in_table, on_kafka in _differing_fields(row, receipt, item, counted):
        told = _abbreviate(in_table, on_kafka), _abbreviate(on_kafka, in_table)
        said = (
            f"position {row.position} (event {row.event_id}, {describe_location(item)}): {name} is {told[0]} in the table, "
            f"but {told[1]} on Kafka"
        )
        yield Difference(
            row.position, f"{said}; {_describe_hash_check(row, item.row)}" if name in EventRow._fields else said
        )


def _differing_fields(
    row: EventRow, receipt: ReceiptRow | None, item: TopicEvent, counted: Sequence[int]
) -> Iterator[tuple[str, object, object]]:
    partition = partition_for(row.aggregate_id)
    if row != item.row:
        yield from (
            (name, mine, its) for name, mine, its in zip(EventRow._fields, row, item.row, strict=True) if mine != its
        )
    if partition != item.partition:
        yield "the partition", partition, item.partition
    if record_key(row.aggregate_id, row.version) != item.key:
        yield "the key", record_key(row.aggregate_id, row.version), item.key
    if counted[partition] != item.sequence:
        yield "the number within the partition", counted[partition], item.sequence
    try:
        travelled = decode_receipt(item.row, item.headers)
    except BrokenStream as error:
        yield "the receipt", receipt, str(error)
        return
    if travelled is not None and travelled != receipt:
        yield from _differing_receipt_fields(receipt, travelled)
    wanted = encode_headers(row, counted[partition], travelled)
    if wanted != item.headers:
        yield from _differing_header(wanted, item.headers)


def _differing_receipt_fields(
    receipt: ReceiptRow | None, travelled: ReceiptRow
) -> Iterator[tuple[str, object, object]]:
    if receipt is None:
        yield "the command's receipt", None, travelled.command_type
        return
    for name, mine, its in _unequal_fields(ReceiptRow._fields, receipt, travelled):
        yield f"the receipt's {name}", mine, its


def _unequal_fields(
    names: Sequence[str], mine: Sequence[object], its: Sequence[object]
) -> Iterator[tuple[str, object, object]]:
    return (field for field in zip(names, mine, its, strict=True) if field[1] != field[2])


def _differing_header(
    wanted: list[tuple[str, bytes]], found: list[tuple[str, bytes]]
) -> Iterator[tuple[str, object, object]]:
    """The first header that is not what the relay writes."""
    for mine, its in zip(wanted, found, strict=False):
        if mine != its:
            yield f"header {mine[0]}", mine[1], its[1] if mine[0] == its[0] else f"{its[0]}={its[1]!r}"
            return
    yield "the number of headers", len(wanted), len(found)


def _describe_hash_check(row: EventRow, on_kafka: EventRow) -> str:
    """Which side still fits the hash it carries: the other one was changed."""
    fit = [name for name, it in (("the table", row), ("Kafka", on_kafka)) if _hash_matches(it)]
    if len(fit) == 1:
        return f"the hash speaks for {fit[0]}"
    return "the hash fits both" if fit else "the hash fits neither"


def _hash_matches(row: EventRow) -> bool:
    previous = [GENESIS_HASH] if row.version == 1 else [before.hash for before in _previous_rows(row)]
    return bool(previous) and hash_event(previous[0], row) == row.hash


def _previous_rows(row: EventRow) -> list[EventRow]:
    return backend().select_events("WHERE aggregate_id = %s AND version = %s", (row.aggregate_id, row.version - 1))


def _abbreviate(value: object, other: object) -> str:
    if isinstance(value, bytes):
        return value.hex() if len(value) == 32 or not value.isascii() else repr(value.decode())
    if not isinstance(value, str):
        return "nothing" if value is None else str(value)
    if len(value) <= _MAX_SHOWN:
        return repr(value)
    parts = (place for place, pair in enumerate(zip(value, str(other), strict=False)) if pair[0] != pair[1])
    start = max(0, next(parts, 0) - _MAX_SHOWN // 4)
    return (
        f"{'…' if start else ''}{value[start : start + _MAX_SHOWN]!r}{'…' if start + _MAX_SHOWN < len(value) else ''}"
    )
