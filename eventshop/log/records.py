"""An event as a Kafka record: its key and partition, CloudEvents headers in binary mode, the payload in Avro.

Source: CloudEvents 1.0 Kafka protocol binding (attributes as `ce_` headers). Everything else a reader needs to restore
the row, and to prove that nothing was lost on the way, stands in plain headers beside them. The last event of a
command carries what the command's receipt knows more than the event, so that a restored store answers it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID
from zlib import crc32

from eventshop.core.errors import BrokenStream
from eventshop.log import avro
from eventshop.store.rows import ReceiptRow, Row

#: Partitions of `event-store`. Never changed: an aggregate must stay where its first event lies.
PARTITIONS: Final = 12

Headers: TypeAlias = Sequence[tuple[str, bytes]]

FIXED: Final = [
    ("ce_specversion", b"1.0"),
    ("ce_source", b"/eventshop/event-store"),
    ("content-type", b"application/avro"),
]


class KafkaRecord(NamedTuple):
    """What is sent for one event."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def partition_of(aggregate_id: UUID) -> int:
    """Where all events of an aggregate lie."""
    return crc32(str(aggregate_id).encode()) % PARTITIONS


def key_of(aggregate_id: UUID, version: int) -> bytes:
    """One key per event: compaction then folds accidental repeats and nothing else (mechanics 2.1)."""
    return f"{aggregate_id}:{version:010d}".encode()


def written(row: Row, partition: int, partition_sequence: int, receipt: ReceiptRow | None = None) -> KafkaRecord:
    """The record of a stored event; raises `BrokenStream` when its payload does not fit its schema.

    `receipt` is its command's; it goes with the last of the command's events.
    """
    headers = [
        *FIXED,
        ("ce_id", str(row.event_id).encode()),
        ("ce_type", row.event_type.encode()),
        ("ce_subject", str(row.aggregate_id).encode()),
        ("ce_time", _time(row.occurred_at)),
        ("aggregate-type", row.aggregate_type.encode()),
        ("version", b"%d" % row.version),
        ("schema-version", b"%d" % row.schema_version),
        ("position", b"%d" % row.position),
        ("partition-sequence", b"%d" % partition_sequence),
        ("recorded-at", _time(row.recorded_at)),
        ("correlation-id", str(row.correlation_id).encode()),
        ("sequence", b"%d" % row.sequence_number),
        ("command-id", str(row.command_id).encode()),
        ("actor", row.actor.encode()),
        ("hash", row.hash),
    ]
    if row.causation_id is not None:
        headers.append(("causation-id", str(row.causation_id).encode()))
    if row.saga_id is not None:
        headers.append(("saga-id", str(row.saga_id).encode()))
    if row.metadata != "{}":
        headers.append(("metadata", row.metadata.encode()))
    if receipt is not None and receipt.position == row.position:
        headers += [
            ("command-type", receipt.command_type.encode()),
            ("command-hash", bytes(receipt.payload_hash)),
            ("command-events", b"%d" % receipt.events),
        ]
    value = avro.encode(row.event_type, row.schema_version, row.payload)
    return KafkaRecord(partition, key_of(row.aggregate_id, row.version), value, headers)


def read(value: bytes, headers: Headers) -> Row:
    """The row behind a record; raises `BrokenStream` for anything that our relay has not written."""
    found = dict(headers)
    try:
        return Row(
            UUID(found["ce_id"].decode()),
            UUID(found["ce_subject"].decode()),
            found["aggregate-type"].decode(),
            found["ce_type"].decode(),
            int(found["version"]),
            int(found["schema-version"]),
            datetime.fromisoformat(found["ce_time"].decode()),
            datetime.fromisoformat(found["recorded-at"].decode()),
            UUID(found["correlation-id"].decode()),
            _id(found.get("causation-id")),
            _id(found.get("saga-id")),
            int(found["sequence"]),
            UUID(found["command-id"].decode()),
            found["actor"].decode(),
            found.get("metadata", b"{}").decode(),
            avro.decode(value),
            found["hash"],
            int(found["position"]),
        )
    except KeyError as error:
        raise BrokenStream(f"not a record of ours: no header {error}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise BrokenStream(f"not a record of ours: {error}") from error


def receipt_of(row: Row, headers: Headers) -> ReceiptRow | None:
    """The receipt that travels with its command's last event; raises `BrokenStream` for half a receipt."""
    found = dict(headers)
    if "command-type" not in found:
        return None
    try:
        return ReceiptRow(
            row.command_id,
            found["command-type"].decode(),
            found["command-hash"],
            row.aggregate_id,
            row.aggregate_type,
            row.version,
            int(found["command-events"]),
            row.position,
            row.actor,
            row.recorded_at,
        )
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise BrokenStream(f"not a receipt of ours: {error}") from error


def number(headers: Headers, name: str) -> int:
    """A header that is a number; raises `BrokenStream` if there is none."""
    for key, value in headers:
        if key == name and value is not None:
            return int(value)
    raise BrokenStream(f"not a record of ours: no header {name!r}")


def _time(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").encode()


def _id(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(value.decode())
