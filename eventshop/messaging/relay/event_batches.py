"""Encodes the events of one Kafka transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eventshop.core.errors import BrokenStream, ProgramTooOld
from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow, traceparent_of
from eventshop.messaging.kafka.event_records import TRACE_HEADER, encode_event, partition_for
from eventshop.messaging.kafka.record_batches import ProducerRecord
from eventshop.messaging.relay.leader_election import ManualInterventionRequired
from eventshop.runtime import tracing


class RelayStopped(ManualInterventionRequired):
    """The relay stops until an operator intervenes."""

    code = "relay-stopped"


class PreparedBatch(NamedTuple):
    """Encoded events, and the state of the relay once they are in Kafka."""

    rows: Sequence[EventRow]
    records: list[ProducerRecord]
    is_full: bool  # a limit ended it
    position: int
    sequences: list[int]


def encode_batch(
    rows: Sequence[EventRow],
    *,
    topic: str,
    after: int,
    sequences: Sequence[int],
    most_records: int,
    most_bytes: int,
) -> PreparedBatch:
    """Encode rows with their commands' receipts, up to about `most_bytes`; continue each partition's numbers.

    The batch ends before an event that does not fit its schema. If that is the first one, raises
    `ProgramTooOld` when only a newer release knows its type, otherwise `RelayStopped`.
    """
    receipts = _load_receipts(rows)
    numbers, records, size = list(sequences), list[ProducerRecord](), 0
    for row in rows:
        partition = partition_for(row.aggregate_id)
        try:
            record = encode_event(row, partition, numbers[partition] + 1, receipts.get(row.position))
        except BrokenStream as error:
            if records:
                break
            if not registry.can_read(row.event_type, row.schema_version):
                raise ProgramTooOld(
                    event_type=row.event_type, schema_version=row.schema_version, position=row.position
                ) from error
            raise event_refused(row, f"{error}. Publish its schema, or install a release that has it") from error
        size += len(record.value)
        if size > most_bytes and records:
            break
        numbers[partition] += 1
        timestamp_ms = int(row.recorded_at.timestamp() * 1000)
        headers = [*record.headers, *_trace_headers(row)]
        records.append(ProducerRecord(topic, partition, record.key, record.value, headers, timestamp_ms))
    encoded = rows[: len(records)]
    is_full = len(records) == most_records or len(records) < len(rows)
    return PreparedBatch(encoded, records, is_full, encoded[-1].position if encoded else after, numbers)


def _trace_headers(row: EventRow) -> list[tuple[str, bytes]]:
    """The header that tells other consumers the span of an event; it costs time, so only while tracing is on."""
    traceparent = traceparent_of(row) if tracing.is_on() else ""
    return [(TRACE_HEADER, traceparent.encode())] if traceparent else []


def event_refused(row: EventRow, reason: str) -> RelayStopped:
    """The error for an event that cannot be published."""
    return RelayStopped(
        f"the event at position {row.position} cannot be published, and no event after it: {row.event_type} "
        f"{row.event_id}, version {row.version} of {row.aggregate_type} {row.aggregate_id}: {reason}",
        position=row.position,
        event_id=row.event_id,
    )


def _load_receipts(rows: Sequence[EventRow]) -> dict[int, ReceiptRow]:
    """The receipts of the events' commands, by the position of each command's last event."""
    command_ids = list({row.command_id for row in rows})
    return {receipt.position: receipt for receipt in backend().load_receipts(command_ids)} if rows else {}
