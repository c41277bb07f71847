"""What is different about one event between the event table and Kafka, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.hash_chain.chain import START, link
from eventshop.eventstore.records import ReceiptRow, Row
from eventshop.messaging.kafka.event_records import headers_of, key_of, partition_of, receipt_of
from eventshop.messaging.reconciliation.ordered_topic_reader import Event, Item

#: Characters shown of a long value, from shortly before the place where the two part.
_SHOWN: Final = 80


class Difference(NamedTuple):
    """The position it is about, and what is wrong there."""

    position: int
    sentence: str


def where(item: Item) -> str:
    return f"partition {item.partition} at offset {item.offset}"


def differences(row: Row, receipt: ReceiptRow | None, item: Event, counted: Sequence[int]) -> Iterator[Difference]:
    """What differs between a row with its receipt and a record; `counted`: events of each partition so far."""
    for name, in_table, on_kafka in _fields(row, receipt, item, counted):
        told = _shown(in_table, on_kafka), _shown(on_kafka, in_table)
        said = (
            f"position {row.position} (event {row.event_id}, {where(item)}): {name} is {told[0]} in the table, "
            f"but {told[1]} on Kafka"
        )
        yield Difference(row.position, f"{said}; {_proven(row, item.row)}" if name in Row._fields else said)


def _fields(
    row: Row, receipt: ReceiptRow | None, item: Event, counted: Sequence[int]
) -> Iterator[tuple[str, object, object]]:
    partition = partition_of(row.aggregate_id)
    if row != item.row:
        yield from (
            (name, mine, its) for name, mine, its in zip(Row._fields, row, item.row, strict=True) if mine != its
        )
    if partition != item.partition:
        yield "the partition", partition, item.partition
    if key_of(row.aggregate_id, row.version) != item.key:
        yield "the key", key_of(row.aggregate_id, row.version), item.key
    if counted[partition] != item.sequence:
        yield "the number within the partition", counted[partition], item.sequence
    try:
        travelled = receipt_of(item.row, item.headers)
    except BrokenStream as error:
        yield "the receipt", receipt, str(error)
        return
    if travelled is not None and travelled != receipt:
        yield from _receipt(receipt, travelled)
    wanted = headers_of(row, counted[partition], travelled)
    if wanted != item.headers:
        yield from _headers(wanted, item.headers)


def _receipt(receipt: ReceiptRow | None, travelled: ReceiptRow) -> Iterator[tuple[str, object, object]]:
    if receipt is None:
        yield "the command's receipt", None, travelled.command_type
        return
    for name, mine, its in _unequal(ReceiptRow._fields, receipt, travelled):
        yield f"the receipt's {name}", mine, its


def _unequal(
    names: Sequence[str], mine: Sequence[object], its: Sequence[object]
) -> Iterator[tuple[str, object, object]]:
    return (field for field in zip(names, mine, its, strict=True) if field[1] != field[2])


def _headers(wanted: list[tuple[str, bytes]], found: list[tuple[str, bytes]]) -> Iterator[tuple[str, object, object]]:
    """The first header that is not what the relay writes."""
    for mine, its in zip(wanted, found, strict=False):
        if mine != its:
            yield f"header {mine[0]}", mine[1], its[1] if mine[0] == its[0] else f"{its[0]}={its[1]!r}"
            return
    yield "the number of headers", len(wanted), len(found)


def _proven(row: Row, on_kafka: Row) -> str:
    """Which side still fits the hash it carries: the other one was changed."""
    fit = [name for name, it in (("the table", row), ("Kafka", on_kafka)) if _fits(it)]
    if len(fit) == 1:
        return f"the hash speaks for {fit[0]}"
    return "the hash fits both" if fit else "the hash fits neither"


def _fits(row: Row) -> bool:
    previous = [START] if row.version == 1 else [before.hash for before in _before(row)]
    return bool(previous) and link(previous[0], row) == row.hash


def _before(row: Row) -> list[Row]:
    return engine().select("WHERE aggregate_id = %s AND version = %s", (row.aggregate_id, row.version - 1))


def _shown(value: object, other: object) -> str:
    if isinstance(value, bytes):
        return value.hex() if len(value) == 32 or not value.isascii() else repr(value.decode())
    if not isinstance(value, str):
        return "nothing" if value is None else str(value)
    if len(value) <= _SHOWN:
        return repr(value)
    parts = (place for place, pair in enumerate(zip(value, str(other), strict=False)) if pair[0] != pair[1])
    start = max(0, next(parts, 0) - _SHOWN // 4)
    return f"{'…' if start else ''}{value[start : start + _SHOWN]!r}{'…' if start + _SHOWN < len(value) else ''}"
