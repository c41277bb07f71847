"""What goes to Kafka beside the events, written down in the transaction that changes it (`publish.py` sends it).

Every changed row of a read model goes to its projection's topic, under its key, as JSON with the columns' names; money
is text, so that no reader rounds it. What was set aside goes to `dead-letters`, as it lay on the log, and the store's
snapshots to `snapshots`, so that a restored store need not fold its longest streams again. The embedded mode has
nowhere to send any of it and pays for nothing but a look at one setting.
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

DEAD_LETTERS: Final = "dead-letters"
SNAPSHOTS: Final = "snapshots"

#: What of a dead letter's value and of a stranger's headers Kafka takes: together below the largest request.
_MOST_OF_VALUE: Final = 900_000
_MOST_OF_HEADERS: Final = 100_000

Headers = list[tuple[str, bytes]]


def is_enabled() -> bool:
    """Whether there is a Kafka to publish to, and the database that can be published from."""
    return bool(settings.KAFKA_OPTIONS) and connection.vendor == "postgresql"


def publishing_statement(
    change: str, topic: str, fields: Iterable[models.Field[Any, Any]], key: str, *, gone: bool = False
) -> str:
    """A statement that makes a change and puts the rows it wrote, or with `gone` removed, into the outbox.

    One statement: the rows go out as they were stored, never twice over the wire. A row's place in the outbox is drawn
    while the row is locked, so that the changes of one key are in the order they were made.
    """
    columns = ", ".join(_as_json(field) for field in fields)
    value = "NULL" if gone else "convert_to(row_to_json(r)::text, 'UTF8')"
    return (
        f"WITH written AS ({change} RETURNING *) "
        f"INSERT INTO {OutboxRecord._meta.db_table} (topic, key, value) "
        f"SELECT '{topic}', r.\"{key}\"::text, {value} FROM (SELECT {columns} FROM written) AS r"
    )


def _as_json(field: models.Field[Any, Any]) -> str:
    return f'"{field.column}"::text' if isinstance(field, models.DecimalField) else f'"{field.column}"'


def add_dead_letters(rows: Iterable[DeadLetter]) -> None:
    """Copy parked events to the dead letters, each as the record it is on `event-store`."""
    found = {row.position: row for row in rows}
    if not found or not is_enabled():
        return
    from eventshop.messaging.kafka import topics

    marks = ", ".join(["%s"] * len(found))
    events = backend().select_events(f"WHERE position IN ({marks}) ORDER BY position", list(found))
    _send(
        _letter(str(event.aggregate_id), *_record(event), _of_event(found[event.position], topics.event_store_topic()))
        for event in events
    )


def add_unreadable_records(rows: Iterable[UnreadableRecord], records: Iterable[UnreadableDelivery]) -> None:
    """Copy records that are no events of ours to the dead letters, byte for byte; `rows` is how they were kept here."""
    if is_enabled():
        _send(
            _letter(f"{row.topic}/{row.partition}/{row.offset}", record.value, _foreign(record), _of_record(row))
            for row, record in zip(rows, records, strict=True)
        )


def add_snapshot(stream: UUID, taken: Snapshot | None) -> None:
    """A snapshot that was taken, to its topic; None: a tombstone."""
    if not is_enabled():
        return
    from eventshop.messaging.kafka import snapshot_topic

    value, headers = snapshot_topic.encode_snapshot(taken) if taken else (None, [])
    if value is not None and len(value) > _MOST_OF_VALUE:
        return  # the topic keeps an earlier one, which is as true as it was
    OutboxRecord.objects.create(topic=SNAPSHOTS, key=str(stream), value=value, headers=_written(headers))


def _record(event: EventRow) -> tuple[bytes, Headers]:
    from eventshop.messaging.kafka import event_records

    try:
        record = event_records.encode_event(event, 0, 0)
    except BrokenStream:  # parked for not fitting any schema: then as it is stored, personal data still encrypted
        return event.payload.encode(), [("content-type", b"application/json")]
    return record.value, [header for header in record.headers if header[0] != "partition-sequence"]


def _of_event(row: DeadLetter, topic: str) -> Mapping[str, object]:
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


def _of_record(row: UnreadableRecord) -> Mapping[str, object]:
    return {
        "error": row.error,
        "attempts": 1,
        "projection": row.projection,
        "origin-topic": row.topic,
        "origin-partition": row.partition,
        "origin-offset": row.offset,
        "parked-at": row.found_at.isoformat(),
    }


def _foreign(record: UnreadableDelivery) -> Headers:
    """The record's own headers; so many that no room is left for ours stay in the database only."""
    headers = [(name, said or b"") for name, said in record.headers]
    return headers if sum(len(name) + len(said) for name, said in headers) <= _MOST_OF_HEADERS else []


def _letter(key: str, value: bytes | None, headers: Headers, ours: Mapping[str, object]) -> OutboxRecord:
    """Our headers come last: whoever reads them by name gets ours, whatever a stranger wrote."""
    headers = headers + [(name, str(said).encode()) for name, said in ours.items()]
    if value is not None and len(value) > _MOST_OF_VALUE:
        headers.append(("cut-from-bytes", str(len(value)).encode()))
        value = value[:_MOST_OF_VALUE]
    return OutboxRecord(topic=DEAD_LETTERS, key=key, value=value, headers=_written(headers))


def _written(headers: Headers) -> str:
    return msgspec.json.encode([(name, said.decode("latin-1")) for name, said in headers]).decode()


def _send(letters: Iterable[OutboxRecord]) -> None:
    OutboxRecord.objects.bulk_create(list(letters))
