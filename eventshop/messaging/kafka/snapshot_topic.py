"""Snapshots on the topic `snapshots`: compaction keeps the newest one per stream id, and a tombstone deletes one.

The value is the state as stored in the table, JSON or ciphertext; the other columns are headers. The value is not Avro:
only the version of the code that took a snapshot reads it, so its format needs no schema for other versions.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.models import Snapshot, StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import Headers
from eventshop.messaging.kafka.topic_scan import read_records

TOPIC: Final = "snapshots"
_PAGE_SIZE: Final = 500


def encode_snapshot(snapshot: Snapshot) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Encode a snapshot as the value and headers of a record. The record's key is the stream id."""
    encrypted = not snapshot.state.startswith("{")
    return snapshot.state.encode(), [
        ("content-type", b"application/octet-stream" if encrypted else b"application/json"),
        ("aggregate-type", snapshot.aggregate_type.encode()),
        ("version", b"%d" % snapshot.version),
        ("hash", bytes(snapshot.hash).hex().encode()),
        ("fingerprint", snapshot.fingerprint.encode()),
        ("taken-at", snapshot.taken_at.isoformat().encode()),
    ]


def decode_snapshot(key: bytes, value: bytes, headers: Headers) -> Snapshot:
    """Decode the snapshot of a record; raises `BrokenStream` for a record that EventShop did not write."""
    values = dict(headers)
    try:
        return Snapshot(
            aggregate_id=UUID(key.decode()),
            aggregate_type=values["aggregate-type"].decode(),
            version=int(values["version"]),
            hash=bytes.fromhex(values["hash"].decode()),
            fingerprint=values["fingerprint"].decode(),
            state=value.decode(),
            taken_at=datetime.fromisoformat(values["taken-at"].decode()),
        )
    except (KeyError, ValueError, AttributeError) as error:
        raise BrokenStream(f"not a snapshot: {error!r}") from error


class SnapshotRestoreResult(NamedTuple):
    """Counts of a restore."""

    restored: int
    skipped: int  # the table has a newer one, or lacks the snapshot's event
    foreign: int  # records that are not snapshots


def restore_snapshots() -> SnapshotRestoreResult:
    """Fill the snapshot table from the topic; idempotent. Raises `KafkaUnavailable` and `TopicRefused`.

    Only snapshots of events in this event store are restored. Run `verify_snapshots` to check the result.
    """
    topics.require_topic(topics.topic_name(TOPIC))
    records, restored, skipped, foreign = read_records(topics.topic_name(TOPIC)), 0, 0, 0
    while page := list(islice(records, _PAGE_SIZE)):
        newest: dict[bytes, Any] = {record.key: record for record in page}  # a key's last record is its newest
        with transaction.atomic():
            for record in newest.values():
                try:
                    is_restored = _restore_record(record)
                except BrokenStream:
                    foreign += 1
                else:
                    restored += is_restored
                    skipped += not is_restored
    return SnapshotRestoreResult(restored, skipped, foreign)


def _restore_record(record: Any) -> bool:
    """Save the snapshot of a record, or apply its tombstone; return whether a snapshot was saved."""
    if record.value is None:
        deleted_at = datetime.fromtimestamp(record.timestamp / 1000).astimezone()
        Snapshot.objects.filter(aggregate_id=_decode_stream_id(record.key), taken_at__lte=deleted_at).delete()
        return False
    snapshot = decode_snapshot(record.key, record.value, record.headers)
    event = StoredEvent.objects.filter(aggregate_id=snapshot.aggregate_id, version=snapshot.version, hash=snapshot.hash)
    newer = Snapshot.objects.filter(aggregate_id=snapshot.aggregate_id, version__gte=snapshot.version)
    if newer.exists() or not event.exists():
        return False
    snapshot.save()
    return True


class SnapshotComparison(NamedTuple):
    """The snapshot table compared with the topic."""

    equal: int
    unpublished: int  # the topic has an older one, or none
    only_on_topic: int  # missing from the table: run `restore_snapshots`
    differences: list[str]  # one sentence each


def compare_snapshots() -> SnapshotComparison:
    """Compare the table with the newest snapshots on the topic. Raises `KafkaUnavailable` and `TopicRefused`."""
    topics.require_topic(topics.topic_name(TOPIC))
    on_topic, differences = _topic_digests()
    equal = unpublished = 0
    for snapshot in Snapshot.objects.iterator(chunk_size=100):
        taken_at, digest = on_topic.pop(snapshot.aggregate_id, (None, b""))
        if taken_at is None or taken_at < snapshot.taken_at:
            unpublished += 1
        elif taken_at == snapshot.taken_at and digest == _digest(snapshot):
            equal += 1
        else:
            differences.append(f"{snapshot}: the topic has a different snapshot")
    return SnapshotComparison(equal, unpublished, len(on_topic), differences)


def _topic_digests() -> tuple[dict[UUID, tuple[datetime, bytes]], list[str]]:
    """The time and digest of each stream's newest snapshot, and a sentence for each record that is not a snapshot."""
    newest, differences = dict[UUID, tuple[datetime, bytes]](), list[str]()
    for record in read_records(topics.topic_name(TOPIC)):
        try:
            stream_id = _decode_stream_id(record.key)
            if record.value is None:
                newest.pop(stream_id, None)
                continue
            snapshot = decode_snapshot(record.key, record.value, record.headers)
            newest[stream_id] = snapshot.taken_at, _digest(snapshot)
        except BrokenStream as error:
            differences.append(f"{record.topic}/{record.partition}@{record.offset}: {error}")
    return newest, differences


def _decode_stream_id(key: bytes) -> UUID:
    try:
        return UUID(key.decode())
    except (ValueError, AttributeError) as error:
        raise BrokenStream(f"not a snapshot: {error!r}") from error


def _digest(snapshot: Snapshot) -> bytes:
    value, headers = encode_snapshot(snapshot)
    return sha256(repr((value, headers)).encode()).digest()
