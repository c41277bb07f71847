"""Takes, reads, deletes and verifies snapshots of aggregates.

Periodic work takes them, so that commands are not delayed. A snapshot is valid for one `snapshot_version` of its
aggregate; `version_lock.py` detects at build time that a version must be raised. A state with personal data is
encrypted under all keys of that data (`state_codec.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.port import Port
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import Snapshot
from eventshop.eventstore.records import SNAPSHOT_PREFIX, HistoryEntry, to_recorded_event
from eventshop.eventstore.snapshots import state_codec
from eventshop.eventstore.snapshots.policy import snapshot_interval
from eventshop.eventstore.unit_of_work import RELAXED_COMMIT_SQL

log = logging.getLogger(__name__)

_AnyAggregate = type[Aggregate[Any, Any]]
_UPDATED_FIELDS: Final = [field.name for field in Snapshot._meta.fields if not field.primary_key]

#: Is called for every snapshot that is taken, and with None for every one that is deleted, in that transaction.
snapshot_listener: Final = Port[Callable[[UUID, Snapshot | None], None]]("snapshot listener")


def read_snapshot(aggregate: _AnyAggregate, aggregate_id: UUID, entry: HistoryEntry) -> Aggregate[Any, Any] | None:
    """Decode the state of a snapshot; None for another snapshot version, or when it cannot be read."""
    if entry.event_type != SNAPSHOT_PREFIX + version_text(aggregate) or entry.aggregate_type != aggregate.__name__:
        return None
    return state_codec.decode_state(aggregate, aggregate_id, entry)


def version_text(aggregate: _AnyAggregate) -> str:
    """Return the snapshot version of an aggregate as stored in the column `fingerprint`, such as `v1`.

    Releases before snapshot versions stored a digest of 64 hexadecimal digits there, which equals no version text.
    """
    return f"v{aggregate.snapshot_version}"


def take_snapshot(aggregate_id: UUID, registry: MessageRegistry = program) -> bool:
    """Take a snapshot of the current state; False when snapshots are off or the state may not be stored."""
    from eventshop.eventstore.command_execution import (  # which read snapshots themselves
        load_aggregate,
        read_full_history,
    )

    _, history = backend().load_history(aggregate_id, UUID(int=0))
    if not history:
        return False
    aggregate = registry.aggregate_class(history[0].aggregate_type)
    if not snapshot_interval(aggregate.__name__):
        return False
    if history[0].event_type.startswith(SNAPSHOT_PREFIX) and read_snapshot(aggregate, aggregate_id, history[0]) is None:
        history = read_full_history(aggregate_id)
    loaded = load_aggregate(aggregate, aggregate_id, history, registry)
    state = state_codec.encode_state(loaded.state, aggregate_id, history, loaded.head.version, registry)
    if state is None:
        delete_snapshots([aggregate_id])
        return False
    _save_snapshot(
        Snapshot(
            aggregate_id=aggregate_id,
            aggregate_type=aggregate.__name__,
            version=loaded.head.version,
            hash=loaded.head.hash,
            fingerprint=version_text(aggregate),
            state=state,
            taken_at=timezone.now(),
        )
    )
    return True


def _save_snapshot(snapshot: Snapshot) -> None:
    """Replace the stream's snapshot, with one statement. Asynchronous commit: a lost snapshot is taken again."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute(RELAXED_COMMIT_SQL)
        Snapshot.objects.bulk_create(
            [snapshot], update_conflicts=True, unique_fields=["aggregate_id"], update_fields=_UPDATED_FIELDS
        )
        snapshot_listener.get()(snapshot.aggregate_id, snapshot)


def delete_snapshots(aggregate_ids: Collection[UUID]) -> int:
    """Delete the snapshots of streams, and notify the listener; return the number of deleted rows."""
    with transaction.atomic():
        removed, _ = Snapshot.objects.filter(aggregate_id__in=aggregate_ids).delete()
        for aggregate_id in aggregate_ids:
            snapshot_listener.get()(aggregate_id, None)
    return removed


#: The reasons of an `InvalidSnapshot`; another one is the text of the error that the replay raised.
NO_SUCH_EVENT: Final = "its version and hash match no stored event"
STATE_DIFFERS: Final = "its state differs from a full replay"


class InvalidSnapshot(NamedTuple):
    """A snapshot that differs from a full replay."""

    snapshot: Snapshot
    reason: str


class IgnoredSnapshot(NamedTuple):
    """A snapshot that is never read: of another snapshot version, or of a person who was erased since."""

    snapshot: Snapshot


#: What comparing one snapshot gave; None for an equal one.
SnapshotCheck: TypeAlias = InvalidSnapshot | IgnoredSnapshot | None


def verify_snapshots(registry: MessageRegistry = program) -> Iterator[SnapshotCheck]:
    """Compare each snapshot with a full replay."""
    from eventshop.eventstore.event_store import EventStore

    for snapshot in Snapshot.objects.iterator(chunk_size=100):
        try:
            yield _compare_with_replay(snapshot, EventStore(registry), registry)
        except EventShopError as error:
            yield InvalidSnapshot(snapshot, str(error))


def _compare_with_replay(snapshot: Snapshot, store: Any, registry: MessageRegistry) -> SnapshotCheck:
    aggregate = registry.aggregate_class(snapshot.aggregate_type)
    if snapshot.fingerprint != version_text(aggregate):
        return IgnoredSnapshot(snapshot)
    state, last = aggregate(), None
    for last in store.read_rows(snapshot.aggregate_id, to_version=snapshot.version):
        state = state.evolve(to_recorded_event(last, registry).event)
    if last is None or last.version != snapshot.version or bytes(last.hash) != bytes(snapshot.hash):
        return InvalidSnapshot(snapshot, NO_SUCH_EVENT)
    entry = HistoryEntry(
        snapshot.version,
        SNAPSHOT_PREFIX + snapshot.fingerprint,
        snapshot.state,
        b"",
        snapshot.aggregate_type,
        0,
        last.recorded_at,
    )
    if read_snapshot(aggregate, snapshot.aggregate_id, entry) == state:
        return None
    return IgnoredSnapshot(snapshot) if _is_key_missing(snapshot) else InvalidSnapshot(snapshot, STATE_DIFFERS)


def _is_key_missing(snapshot: Snapshot) -> bool:
    """Whether a key of the encrypted state was destroyed, so that it cannot be decrypted."""
    try:
        key_ids = (
            field_encryption.key_ids_of_state(snapshot.state)
            if snapshot.state.startswith(field_encryption.ENCRYPTED_STATE_PREFIX)
            else ()
        )
    except ValueError:
        return False
    return field_encryption.any_key_missing(key_ids)
