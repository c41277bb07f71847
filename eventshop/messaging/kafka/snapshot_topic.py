"""Snapshots on their topic: each under its stream's id, the newest for ever (compaction), a tombstone where one went.

The value is the state as the table has it, JSON or ciphertext; what stands beside it are headers. It is no Avro: only
the very fold that made a state reads it, so there is no other version of a program that it must be told to.
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
    """What is sent for a snapshot; its key is the stream's id."""
    sealed = not snapshot.state.startswith("{")
    return snapshot.state.encode(), [
        ("content-type", b"application/octet-stream" if sealed else b"application/json"),
        ("aggregate-type", snapshot.aggregate_type.encode()),
        ("version", b"%d" % snapshot.version),
        ("hash", bytes(snapshot.hash).hex().encode()),
        ("fingerprint", snapshot.fingerprint.encode()),
        ("taken-at", snapshot.taken_at.isoformat().encode()),
    ]


def decode_snapshot(key: bytes, value: bytes, headers: Headers) -> Snapshot:
    """The snapshot behind a record; raises `BrokenStream` for anything that we have not written."""
    found = dict(headers)
    try:
        return Snapshot(
            aggregate_id=UUID(key.decode()),
            aggregate_type=found["aggregate-type"].decode(),
            version=int(found["version"]),
            hash=bytes.fromhex(found["hash"].decode()),
            fingerprint=found["fingerprint"].decode(),
            state=value.decode(),
            taken_at=datetime.fromisoformat(found["taken-at"].decode()),
        )
    except (KeyError, ValueError, AttributeError) as error:
        raise BrokenStream(f"no snapshot of ours: {error!r}") from error


# --- back from there ---------------------------------------------------------------------------------------------


class SnapshotRestoreResult(NamedTuple):
    """What came of a restore: snapshots that are in the table now, and those that were left."""

    restored: int
    left: int  # there is a newer one, or their event is not in this store
    foreign: int  # records that are no snapshots


def restore_snapshots() -> SnapshotRestoreResult:
    """Fill the table from the topic; twice, it does nothing more. Raises `KafkaAway` and `TopicRefused`.

    Only what stands on an event of this very store is taken. What it makes is for `verify_snapshots` to say.
    """
    topics.require_topic(topics.topic_name(TOPIC))
    found, restored, left, foreign = read_records(topics.topic_name(TOPIC)), 0, 0, 0
    while page := list(islice(found, _PAGE_SIZE)):
        newest: dict[bytes, Any] = {record.key: record for record in page}  # in each partition the later one wins
        with transaction.atomic():
            for record in newest.values():
                try:
                    put = _restore_record(record)
                except BrokenStream:
                    foreign += 1
                else:
                    restored += put
                    left += not put
    return SnapshotRestoreResult(restored, left, foreign)


def _restore_record(record: Any) -> bool:
    """Whether the table has it now, and had not before."""
    if record.value is None:
        gone_at = datetime.fromtimestamp(record.timestamp / 1000).astimezone()
        Snapshot.objects.filter(aggregate_id=_decode_stream_id(record.key), taken_at__lte=gone_at).delete()
        return False
    snapshot = decode_snapshot(record.key, record.value, record.headers)
    on = StoredEvent.objects.filter(aggregate_id=snapshot.aggregate_id, version=snapshot.version, hash=snapshot.hash)
    there = Snapshot.objects.filter(aggregate_id=snapshot.aggregate_id, version__gte=snapshot.version)
    if there.exists() or not on.exists():
        return False
    snapshot.save()
    return True


# --- against the table -------------------------------------------------------------------------------------------


class SnapshotComparison(NamedTuple):
    """Table and topic, snapshot by snapshot."""

    equal: int
    unpublished: int  # not published yet: the topic has an older one, or none
    only_on_topic: int  # the table has lost them: `restore_snapshots`
    differences: list[str]  # in words


def compare_snapshots() -> SnapshotComparison:
    """Whether the topic ends with what the table has. Raises `KafkaAway` and `TopicRefused`."""
    topics.require_topic(topics.topic_name(TOPIC))
    there, wrong = _topic_digests()
    equal = waiting = 0
    for snapshot in Snapshot.objects.iterator(chunk_size=100):
        taken_at, digest = there.pop(snapshot.aggregate_id, (None, b""))
        if taken_at is None or taken_at < snapshot.taken_at:
            waiting += 1
        elif taken_at == snapshot.taken_at and digest == _digest(snapshot):
            equal += 1
        else:
            wrong.append(f"{snapshot}: the topic has another one")
    return SnapshotComparison(equal, waiting, len(there), wrong)


def _topic_digests() -> tuple[dict[UUID, tuple[datetime, bytes]], list[str]]:
    """The newest of each stream, as little of it as comparing needs; and what is none of ours, in words."""
    newest, wrong = dict[UUID, tuple[datetime, bytes]](), list[str]()
    for record in read_records(topics.topic_name(TOPIC)):
        try:
            stream = _decode_stream_id(record.key)
            if record.value is None:
                newest.pop(stream, None)
                continue
            snapshot = decode_snapshot(record.key, record.value, record.headers)
            newest[stream] = snapshot.taken_at, _digest(snapshot)
        except BrokenStream as error:
            wrong.append(f"{record.topic}/{record.partition}@{record.offset}: {error}")
    return newest, wrong


def _decode_stream_id(key: bytes) -> UUID:
    try:
        return UUID(key.decode())
    except (ValueError, AttributeError) as error:
        raise BrokenStream(f"no snapshot of ours: {error!r}") from error


def _digest(snapshot: Snapshot) -> bytes:
    value, headers = encode_snapshot(snapshot)
    return sha256(repr((value, headers)).encode()).digest()
