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
from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.models import Snapshot, SnapshotProgress, StoredEvent
from eventshop.eventstore.records import SNAPSHOT, Past, recorded
from eventshop.eventstore.snapshots import state_codec
from eventshop.eventstore.unit_of_work import RELAXED_COMMIT

log = logging.getLogger(__name__)

_CORE: Final = "eventshop.core"
#: Positions looked at in one go.
SPAN: Final = 50_000

_AnyAggregate = type[Aggregate[Any, Any]]
_REPLACED: Final = [field.name for field in Snapshot._meta.fields if not field.primary_key]

_told: Final[list[Callable[[UUID, Snapshot | None], None]]] = []


def read(aggregate: _AnyAggregate, aggregate_id: UUID, found: Past) -> Aggregate[Any, Any] | None:
    """The state of a snapshot; None when another fold made it, or it cannot be read."""
    if found.event_type != SNAPSHOT + fingerprint(aggregate) or found.aggregate_type != aggregate.__name__:
        return None
    return state_codec.read(aggregate, aggregate_id, found)


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


def take(aggregate_id: UUID, registry: Registry = program) -> bool:
    """Take a snapshot of a stream as it is now; False when its aggregate has none, or it may not be kept."""
    from eventshop.eventstore.command_execution import loaded, whole  # which read snapshots themselves

    _, past = engine().history(aggregate_id, UUID(int=0))
    if not past:
        return False
    aggregate = registry.aggregate(past[0].aggregate_type)
    if not every(aggregate.__name__):
        return False
    if past[0].event_type.startswith(SNAPSHOT) and read(aggregate, aggregate_id, past[0]) is None:
        past = whole(aggregate_id)
    at = loaded(aggregate, aggregate_id, past, registry)
    state = state_codec.written(at.state, aggregate_id, past, at.head.version, registry)
    if state is None:
        remove([aggregate_id])
        return False
    _keep(
        Snapshot(
            aggregate_id=aggregate_id,
            aggregate_type=aggregate.__name__,
            version=at.head.version,
            hash=at.head.hash,
            fingerprint=fingerprint(aggregate),
            state=state,
            taken_at=timezone.now(),
        )
    )
    return True


def _keep(snapshot: Snapshot) -> None:
    """In place of the one before, with one statement; whatever is lost with a crash is only taken again."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute(RELAXED_COMMIT)
        Snapshot.objects.bulk_create(
            [snapshot], update_conflicts=True, unique_fields=["aggregate_id"], update_fields=_REPLACED
        )
        for tell in _told:
            tell(snapshot.aggregate_id, snapshot)


def remove(aggregate_ids: Collection[UUID]) -> int:
    """Forget the snapshots of some streams, wherever they are kept; how many there were."""
    with transaction.atomic():
        removed, _ = Snapshot.objects.filter(aggregate_id__in=aggregate_ids).delete()
        for aggregate_id in aggregate_ids:
            for tell in _told:
                tell(aggregate_id, None)
    return removed


def tells(tell: Callable[[UUID, Snapshot | None], None]) -> None:
    """Have this told of every snapshot that is taken, and of every one that goes (None), in that transaction."""
    _told.append(tell)


def every(aggregate_type: str) -> int:
    """After how many events; 0: never."""
    wanted: dict[str, int] = settings.SNAPSHOT_EVERY
    return wanted.get(aggregate_type, wanted[""])


def take_due(registry: Registry = program) -> int:
    """Take a snapshot of every stream that passed a multiple of its number of events since the last time; how many.

    One that cannot be read (it was tampered with, or a later program wrote it) keeps no other from its snapshot.
    """
    taken = 0
    for aggregate_id in _due(registry):
        try:
            taken += take(aggregate_id, registry)
        except EventShopError as error:
            log.warning("no snapshot of %s: %s", aggregate_id, error)
    return taken


def _due(registry: Registry) -> Iterator[UUID]:
    progress, _ = SnapshotProgress.objects.get_or_create(pk=1)
    try:
        horizon = engine().horizon(progress.position)
    except TailBusy:
        return  # the next time
    while progress.position < horizon:
        to = min(horizon, progress.position + SPAN)
        seen = StoredEvent.objects.filter(position__gt=progress.position, position__lte=to).order_by()
        due: dict[UUID, None] = {}
        for name in registry.aggregates:
            if every(name):
                passed = seen.filter(aggregate_type=name).extra(where=["version %% %s = 0"], params=[every(name)])
                due.update(dict.fromkeys(passed.values_list("aggregate_id", flat=True)))
        yield from due
        progress.position = to
        progress.save()


class Wrong(NamedTuple):
    """A snapshot that is not what a full replay gives."""

    snapshot: Snapshot
    why: str


def verify(registry: Registry = program) -> Iterator[Wrong | None]:
    """Each snapshot against a full replay; None for a right one, and for one that nobody reads.

    Nobody reads one of another fold, and one of somebody who was erased since.
    """
    from eventshop.eventstore.event_store import EventStore

    for snapshot in Snapshot.objects.iterator(chunk_size=100):
        try:
            yield _compared(snapshot, EventStore(registry), registry)
        except EventShopError as error:
            yield Wrong(snapshot, str(error))


def _compared(snapshot: Snapshot, store: Any, registry: Registry) -> Wrong | None:
    aggregate = registry.aggregate(snapshot.aggregate_type)
    if snapshot.fingerprint != fingerprint(aggregate):
        return None
    state, last = aggregate(), None
    for last in store.rows(snapshot.aggregate_id, to_version=snapshot.version):
        state = state.evolve(recorded(last, registry).event)
    if last is None or last.version != snapshot.version or bytes(last.hash) != bytes(snapshot.hash):
        return Wrong(snapshot, "it names no event of the store")
    found = Past(snapshot.version, SNAPSHOT + snapshot.fingerprint, snapshot.state, b"", snapshot.aggregate_type, 0)
    if read(aggregate, snapshot.aggregate_id, found) == state or _locked(snapshot):
        return None
    return Wrong(snapshot, "its state is not what its events make")


def _locked(snapshot: Snapshot) -> bool:
    """Whether a key that it was sealed with is gone; then its text is noise to everybody."""
    try:
        names = (
            field_encryption.names_of_state(snapshot.state)
            if snapshot.state.startswith(field_encryption.SEALED)
            else ()
        )
    except ValueError:
        return False
    return field_encryption.any_gone(names)
