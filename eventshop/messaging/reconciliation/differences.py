"""Describes how one event differs between the event table and Kafka, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.binary_mode_records import encode_headers
from eventshop.messaging.kafka.event_records import (
    TRACE_HEADER,
    encode_event,
    is_structured,
    partition_for,
    record_key,
)
from eventshop.messaging.reconciliation.topic_items import TopicEvent, TopicItem

#: Characters shown of a long value, from shortly before the first difference.
_MAX_SHOWN: Final = 80


class Difference(NamedTuple):
    """A position, and a sentence about the difference there."""

    position: int
    message: str


def describe_location(item: TopicItem) -> str:
    """The partition and offset of a record, in words."""
    return f"partition {item.partition} at offset {item.offset}"


def find_differences(
    row: EventRow, receipt: ReceiptRow | None, item: TopicEvent, counted: Sequence[int]
) -> Iterator[Difference]:
    """Compare a row and its receipt with a record. `counted` is the number of events of each partition so far."""
    for name, in_table, on_kafka in _differing_fields(row, receipt, item, counted):
        text = (
            f"position {row.position} (event {row.event_id}, {describe_location(item)}): {name} is "
            f"{_abbreviate(in_table, on_kafka)} in the table, but {_abbreviate(on_kafka, in_table)} on Kafka"
        )
        if name in EventRow._fields:
            text += f"; {_describe_hash_check(row, item.row)}"
        yield Difference(row.position, text)


def _differing_fields(
    row: EventRow, receipt: ReceiptRow | None, item: TopicEvent, counted: Sequence[int]
) -> Iterator[tuple[str, object, object]]:
    partition = partition_for(row.aggregate_id)
    if row != item.row:
        yield from _unequal_fields(EventRow._fields, row, item.row)
    if partition != item.partition:
        yield "the partition", partition, item.partition
    if record_key(row.aggregate_id, row.version) != item.key:
        yield "the key", record_key(row.aggregate_id, row.version), item.key
    if counted[partition] != item.sequence:
        yield "the number within the partition", counted[partition], item.sequence
    if item.receipt is not None and item.receipt != receipt:
        yield from _differing_receipt_fields(receipt, item.receipt)
    if not is_structured(item.headers):
        yield from _differing_headers(encode_headers(row, counted[partition], item.receipt), item.headers)
    elif row == item.row:
        expected = encode_event(row, partition, item.sequence, item.receipt)
        without_trace = [header for header in item.headers if header[0] != TRACE_HEADER]
        yield from _differing_headers(expected.headers, without_trace)
        if expected.value != item.value:
            yield "the value", _describe_bytes(expected.value), _describe_bytes(item.value)


def _differing_receipt_fields(
    receipt: ReceiptRow | None, published: ReceiptRow
) -> Iterator[tuple[str, object, object]]:
    if receipt is None:
        yield "the command's receipt", None, published.command_type
        return
    for name, in_table, on_kafka in _unequal_fields(ReceiptRow._fields, receipt, published):
        yield f"the receipt's {name}", in_table, on_kafka


def _unequal_fields(
    names: Sequence[str], in_table: Sequence[object], on_kafka: Sequence[object]
) -> Iterator[tuple[str, object, object]]:
    return (field for field in zip(names, in_table, on_kafka, strict=True) if field[1] != field[2])


def _differing_headers(
    expected: Sequence[tuple[str, bytes]], actual: Sequence[tuple[str, bytes | None]]
) -> Iterator[tuple[str, object, object]]:
    """The first header that differs from what the relay writes."""
    for (name, value), (actual_name, actual_value) in zip(expected, actual, strict=False):
        if (name, value) != (actual_name, actual_value):
            yield f"header {name}", value, actual_value if name == actual_name else f"{actual_name}={actual_value!r}"
            return
    if len(expected) != len(actual):
        yield "the number of headers", len(expected), len(actual)


def _describe_bytes(value: bytes) -> str:
    return f"{len(value)} bytes, SHA-256 {sha256(value).hexdigest()[:16]}"


def _describe_hash_check(row: EventRow, on_kafka: EventRow) -> str:
    """Name the side whose event still matches its own hash: the other side was changed."""
    matching = [name for name, event in (("the table", row), ("Kafka", on_kafka)) if _hash_matches(event)]
    if len(matching) == 1:
        return f"the hash matches only in {matching[0]}"
    return "the hash matches on both sides" if matching else "the hash matches on neither side"


def _hash_matches(row: EventRow) -> bool:
    previous = [GENESIS_HASH] if row.version == 1 else [event.hash for event in _previous_rows(row)]
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
    differing = (index for index, pair in enumerate(zip(value, str(other), strict=False)) if pair[0] != pair[1])
    start = max(0, next(differing, 0) - _MAX_SHOWN // 4)
    end = start + _MAX_SHOWN
    return f"{'…' if start else ''}{value[start:end]!r}{'…' if end < len(value) else ''}"
