"""Snapshots: aggregates with a long past, kept as they were after one of their events.

They are taken beside the commands, by periodic work, and read only by the very fold that made them: the fingerprint
covers the source of the aggregate and of everything of its domain and of the core that it uses. Where personal data
was folded into a state, it is encrypted under all keys which that data has (`states.py`).
"""

from __future__ import annotations

import ast
import inspect
import logging
import sys
from collections.abc import Callable, Collection, Iterator
from functools import cache
from hashlib import sha256
from types import ModuleType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import EventShopError, TailBusy
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import Snapshot, SnapshotProgress, StoredEvent
from eventshop.eventstore.records import SNAPSHOT_PREFIX, HistoryEntry, to_recorded_event
from eventshop.eventstore.snapshots import state_codec
from eventshop.eventstore.unit_of_work import RELAXED_COMMIT_SQL

log = logging.getLogger(__name__)

_CORE: Final = "eventshop.core"
#: Positions looked at in one go.
SCAN_POSITIONS: Final = 50_000

_AnyAggregate = type[Aggregate[Any, Any]]
_REPLACED: Final = [field.name for field in Snapshot._meta.fields if not field.primary_key]

_listeners: Final[list[Callable[[UUID, Snapshot | None], None]]] = []


def read_snapshot(aggregate: _AnyAggregate, aggregate_id: UUID, entry: HistoryEntry) -> Aggregate[Any, Any] | None:
    """The state of a snapshot; None when another fold made it, or it cannot be read."""
    if entry.event_type != SNAPSHOT_PREFIX + fingerprint(aggregate) or entry.aggregate_type != aggregate.__name__:
        return None
    return state_codec.decode_state(aggregate, aggregate_id, entry)


@cache
def fingerprint(aggregate: _AnyAggregate) -> str:
    """A digest that another fold, or another shape of the state, does not have."""
    digest = sha256(aggregate.__qualname__.encode())
    for module in sorted(_modules(sys.modules[aggregate.__module__]), key=lambda module: module.__name__):
        digest.update(module.__name__.encode() + b"\n" + inspect.getsource(module).encode())
    return digest.hexdigest()


def _modules(first: ModuleType) -> set[ModuleType]:
    """A module, its domain's upcasters, and what these import of the domain and of the core, directly or not."""
    own, found = first.__name__.partition(".")[0], set[ModuleType]()
    left = [first.__name__, f"{own}.upcasters"]
    while left:
        module = sys.modules.get(left.pop())
        if module and module not in found:
            found.add(module)
            left += [name for name in _imported(module) if name.startswith((f"{own}.", f"{_CORE}."))]
    return found


def _imported(module: ModuleType) -> Iterator[str]:
    """What a module imports; a name that is imported may be a module itself."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def take_snapshot(aggregate_id: UUID, registry: MessageRegistry = program) -> bool:
    """Take a snapshot of a stream as it is now; False when its aggregate has none, or it may not be kept."""
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
            fingerprint=fingerprint(aggregate),
            state=state,
            taken_at=timezone.now(),
        )
    )
    return True


def _save_snapshot(snapshot: Snapshot) -> None:
    """In place of the one before, with one statement; whatever is lost with a crash is only taken again."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute(RELAXED_COMMIT_SQL)
        Snapshot.objects.bulk_create(
            [snapshot], update_conflicts=True, unique_fields=["aggregate_id"], update_fields=_REPLACED
        )
        for tell in _listeners:
            tell(snapshot.aggregate_id, snapshot)


def delete_snapshots(aggregate_ids: Collection[UUID]) -> int:
    """Forget the snapshots of some streams, wherever they are kept; how many there were."""
    with transaction.atomic():
        removed, _ = Snapshot.objects.filter(aggregate_id__in=aggregate_ids).delete()
        for aggregate_id in aggregate_ids:
            for tell in _listeners:
                tell(aggregate_id, None)
    return removed


def add_snapshot_listener(listener: Callable[[UUID, Snapshot | None], None]) -> None:
    """Have this told of every snapshot that is taken, and of every one that goes (None), in that transaction."""
    _listeners.append(listener)


def snapshot_interval(aggregate_type: str) -> int:
    """After how many events; 0: never."""
    intervals: dict[str, int] = settings.SNAPSHOT_EVERY
    return intervals.get(aggregate_type, intervals[""])


def take_due_snapshots(registry: MessageRegistry = program) -> int:
    """Take a snapshot of every stream that passed a multiple of its number of events since the last time; how many.

    One that cannot be read (it was tampered with, or a later program wrote it) keeps no other from its snapshot.
    """
    count = 0
    for aggregate_id in _find_due_streams(registry):
        try:
            count += take_snapshot(aggregate_id, registry)
        except EventShopError as error:
            log.warning("no snapshot of %s: %s", aggregate_id, error)
    return count


def _find_due_streams(registry: MessageRegistry) -> Iterator[UUID]:
    progress, _ = SnapshotProgress.objects.get_or_create(pk=1)
    try:
        horizon = backend().read_horizon(progress.position)
    except TailBusy:
        return  # the next time
    while progress.position < horizon:
        to = min(horizon, progress.position + SCAN_POSITIONS)
        seen = StoredEvent.objects.filter(position__gt=progress.position, position__lte=to).order_by()
        due: dict[UUID, None] = {}
        for name in registry.aggregates:
            if snapshot_interval(name):
                passed = seen.filter(aggregate_type=name).extra(
                    where=["version %% %s = 0"], params=[snapshot_interval(name)]
                )
                due.update(dict.fromkeys(passed.values_list("aggregate_id", flat=True)))
        yield from due
        progress.position = to
        progress.save()


class InvalidSnapshot(NamedTuple):
    """A snapshot that is not what a full replay gives."""

    snapshot: Snapshot
    reason: str


def verify_snapshots(registry: MessageRegistry = program) -> Iterator[InvalidSnapshot | None]:
    """Each snapshot against a full replay; None for a right one, and for one that nobody reads.

    Nobody reads one of another fold, and one of somebody who was erased since.
    """
    from eventshop.eventstore.event_store import EventStore

    for snapshot in Snapshot.objects.iterator(chunk_size=100):
        try:
            yield _compare_with_replay(snapshot, EventStore(registry), registry)
        except EventShopError as error:
            yield InvalidSnapshot(snapshot, str(error))


def _compare_with_replay(snapshot: Snapshot, store: Any, registry: MessageRegistry) -> InvalidSnapshot | None:
    aggregate = registry.aggregate_class(snapshot.aggregate_type)
    if snapshot.fingerprint != fingerprint(aggregate):
        return None
    state, last = aggregate(), None
    for last in store.rows(snapshot.aggregate_id, to_version=snapshot.version):
        state = state.evolve(to_recorded_event(last, registry).event)
    if last is None or last.version != snapshot.version or bytes(last.hash) != bytes(snapshot.hash):
        return InvalidSnapshot(snapshot, "it names no event of the store")
    found = HistoryEntry(
        snapshot.version, SNAPSHOT_PREFIX + snapshot.fingerprint, snapshot.state, b"", snapshot.aggregate_type, 0
    )
    if read_snapshot(aggregate, snapshot.aggregate_id, found) == state or _is_key_missing(snapshot):
        return None
    return InvalidSnapshot(snapshot, "its state is not what its events make")


def _is_key_missing(snapshot: Snapshot) -> bool:
    """Whether a key that it was sealed with is gone; then its text is noise to everybody."""
    try:
        names = (
            field_encryption.key_ids_of_state(snapshot.state)
            if snapshot.state.startswith(field_encryption.ENCRYPTED_STATE_PREFIX)
            else ()
        )
    except ValueError:
        return False
    return field_encryption.any_key_missing(names)
