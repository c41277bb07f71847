"""The outbox: what Kafka gets besides the events is written in the transaction that changes it, and published later.

Every changed row of a read model goes to its projection's topic under its key, as JSON by column name; money is text,
so that no reader rounds it. Dead letters and unreadable records go to `dead-letters`, as they are on the log. The
store's snapshots go to `snapshots`, so that a restored store need not fold its longest streams again. Without Kafka the
outbox is disabled and costs one look at a setting. `outbox_publisher` sends the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, models

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import Snapshot
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import UnreadableDelivery
from eventshop.projections.models import DeadLetter, OutboxRecord, UnreadableRecord
from eventshop.runtime.wake_signals import Channel, wake

DEAD_LETTERS: Final = "dead-letters"
SNAPSHOTS: Final = "snapshots"

#: Limits of a dead letter's value and of foreign headers: together they stay below Kafka's largest request.
_MOST_OF_VALUE: Final = 900_000
_MOST_OF_HEADERS: Final = 100_000

Headers = list[tuple[str, bytes]]


def is_enabled() -> bool:
    """Whether there is a Kafka to publish to, and a database that can be published from."""
    return bool(settings.KAFKA_OPTIONS) and connection.vendor == "postgresql"


def wake_publisher() -> None:
    """Wake the publisher once the current transaction, which has written to the outbox, has committed."""
    if is_enabled():
        wake(Channel.OUTBOX)


def publishing_statement(
    change: str, topic: str, fields: Iterable[models.Field[Any, Any]], key: str, *, deleted: bool = False
) -> str:
    """A statement that makes a change and inserts the rows that it wrote (`deleted`: removed) into the outbox.

    One statement: rows are published as they were stored, and never cross the wire twice. A row gets its outbox
    position while it is locked, so that the changes of one key are in the order in which they were made.
    """
    columns = ", ".join(_json_column(field) for field in fields)
    value = "NULL" if deleted else "convert_to(row_to_json(r)::text, 'UTF8')"
    return (
        f"WITH written AS ({change} RETURNING *) "
        f"INSERT INTO {OutboxRecord._meta.db_table} (topic, key, value) "
        f"SELECT '{topic}', r.\"{key}\"::text, {value} FROM (SELECT {columns} FROM written) AS r"
    )


def _json_column(field: models.Field[Any, Any]) -> str:
    return f'"{field.column}"::text' if isinstance(field, models.DecimalField) else f'"{field.column}"'


def add_dead_letters(rows: Iterable[DeadLetter]) -> None:
    """Publish dead letters, each as the record that it is on `event-store`."""
    by_position = {row.position: row for row in rows}
    if not by_position or not is_enabled():
        return
    from eventshop.messaging.kafka import topics

    placeholders = ", ".join(["%s"] * len(by_position))
    events = backend().select_events(f"WHERE position IN ({placeholders}) ORDER BY position", list(by_position))
    topic = topics.event_store_topic()
    _insert(
        _dead_letter_record(
            str(event.aggregate_id),
            *_encode_event(event, by_position[event.position]),
            _event_headers(by_position[event.position], topic),
        )
        for event in events
    )


def add_unreadable_records(rows: Iterable[UnreadableRecord], records: Iterable[UnreadableDelivery]) -> None:
    """Publish records that are no events of ours as dead letters, byte for byte; `rows` are their rows here."""
    if is_enabled():
        _insert(
            _dead_letter_record(
                f"{row.topic}/{row.partition}/{row.offset}",
                record.value,
                _foreign_headers(record),
                _record_headers(row),
            )
            for row, record in zip(rows, records, strict=True)
        )


def add_snapshot(stream: UUID, snapshot: Snapshot | None) -> None:
    """Publish a snapshot; None: a tombstone."""
    if not is_enabled():
        return
    from eventshop.messaging.kafka import snapshot_topic

    value, headers = snapshot_topic.encode_snapshot(snapshot) if snapshot else (None, [])
    if value is not None and len(value) > _MOST_OF_VALUE:
        return  # the topic keeps an earlier snapshot, which is as valid as before
    _insert([OutboxRecord(topic=SNAPSHOTS, key=str(stream), value=value, headers=_encode_headers(headers))])


def _encode_event(event: EventRow, row: DeadLetter) -> tuple[bytes, Headers]:
    from eventshop.messaging.kafka import event_records

    try:
        record = event_records.encode_event(event, row.partition, row.sequence)
    except BrokenStream:  # it fits no schema: published as it is stored, with personal data still encrypted
        return event.payload.encode(), [("content-type", b"application/json")]
    return record.value, record.headers


def _event_headers(row: DeadLetter, topic: str) -> Mapping[str, object]:
    return {
        "error": row.error,
        "attempts": row.attempts,
        "projection": row.projection,
        "origin-topic": topic,
        "origin-partition": row.partition,
        "origin-offset": row.offset - 1,  # a checkpoint names the offset to go on from
        "event-id": row.event_id,
        "event-type": row.event_type,
        "position": row.position,
        "parked-at": row.parked_at.isoformat(),
    }


def _record_headers(row: UnreadableRecord) -> Mapping[str, object]:
    return {
        "error": row.error,
        "attempts": 1,
        "projection": row.projection,
        "origin-topic": row.topic,
        "origin-partition": row.partition,
        "origin-offset": row.offset,
        "parked-at": row.found_at.isoformat(),
    }


def _foreign_headers(record: UnreadableDelivery) -> Headers:
    """The record's own headers; if they leave no room for ours, they are only in the database."""
    headers = [(name, value or b"") for name, value in record.headers]
    return headers if sum(len(name) + len(value) for name, value in headers) <= _MOST_OF_HEADERS else []


def _dead_letter_record(key: str, value: bytes | None, headers: Headers, ours: Mapping[str, object]) -> OutboxRecord:
    """Our headers come last: a reader that looks them up by name gets ours, whatever the foreign ones contain."""
    headers = headers + [(name, str(header).encode()) for name, header in ours.items()]
    if value is not None and len(value) > _MOST_OF_VALUE:
        headers.append(("cut-from-bytes", str(len(value)).encode()))
        value = value[:_MOST_OF_VALUE]
    return OutboxRecord(topic=DEAD_LETTERS, key=key, value=value, headers=_encode_headers(headers))


def _encode_headers(headers: Headers) -> str:
    return msgspec.json.encode([(name, value.decode("latin-1")) for name, value in headers]).decode()


def _insert(records: Iterable[OutboxRecord]) -> None:
    OutboxRecord.objects.bulk_create(list(records))
    wake_publisher()
