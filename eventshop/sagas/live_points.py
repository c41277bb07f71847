"""Where the past of each kind of saga ends. What a saga hears up to its live point happened before it was there.

Until its kind has been sent its whole past, and has gone live, a saga is muted: it processes events and records its
steps, but sends no command, asks for no effect, and its timers do not fire.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from eventshop.eventstore.models import StoredEvent, StoreEpoch
from eventshop.eventstore.tail_reader import newest_position
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.database_clock import database_now
from eventshop.sagas.models import PartitionLease, Saga, SagaLivePoint
from eventshop.sagas.muting import mute_past
from eventshop.sagas.saga_registry import SagaRegistry

Past = SagaLivePoint.Past
#: Sagas that start for the first time on events older than this come late: they hear those muted.
LATE_AFTER: Final = timedelta(hours=1)
#: The actor of points that nobody set.
PROGRAM: Final = "event router"


def muted_points(kinds: Collection[str] | None = None) -> list[SagaLivePoint]:
    """The points of these kinds (None: of all) that have not gone live, one for each: that of its newest version."""
    points = SagaLivePoint.objects.filter(live_at=None).order_by("version")
    selected = points if kinds is None else points.filter(kind__in=kinds)
    return list({point.kind: point for point in selected}.values())


def ensure_live_points(sagas: SagaRegistry, lease: PartitionLease) -> None:
    """Record a point for each saga that has none, and mute all when events were restored. `lease` is the router's.

    The first sagas of a store hear everything live, unless they come late or were there before: their tables are lost
    then, and they resume. A saga that is added later hears its past muted and leaves it as it is, unless it says so.
    """
    versions = [
        (saga.kind, saga.version) for by_version in sagas.versions_by_kind.values() for saga in by_version.values()
    ]
    known = {(point.kind, point.version): point for point in SagaLivePoint.objects.all()}
    if not known and not lease.offset:
        _begin(versions, lease)
    else:
        _add(sagas, [version for version in versions if version not in known], lease.offset)
    epoch = StoreEpoch.objects.order_by("number").last()
    if epoch is not None and epoch.restored_to_position > lease.offset:
        reason = f"epoch {epoch.number}: {epoch.reason}"
        mute_past(epoch.restored_to_position, reason=reason, actor=PROGRAM, sagas=sagas)
        PartitionLease.objects.filter(pk=lease.pk, owner="").update(owner=lease.owner, leased_until=lease.leased_until)
    lease.refresh_from_db(fields=["offset", "position"])


def _begin(versions: Collection[tuple[str, int]], lease: PartitionLease) -> None:
    first_event = StoredEvent.objects.order_by("position").values_list("recorded_at", flat=True).first()
    past, reason = 0, "the first start"
    if first_event is not None:
        if StoredEvent.objects.exclude(saga_id=None).exists():
            past, reason = newest_position(), "sagas have sent commands, but their tables are empty"
        elif database_now() - first_event > LATE_AFTER:
            past, reason = newest_position(), "the first start, on a store in use"
    with batch_write():
        _insert(versions, live_from=past, reason=reason)
        PartitionLease.objects.filter(pk=lease.pk).update(offset=past, position=past)


def _add(sagas: SagaRegistry, versions: Collection[tuple[str, int]], position: int) -> None:
    """Points of sagas that are new to a store in use."""
    for kind, version in versions:
        other = SagaLivePoint.objects.filter(kind=kind).order_by("version").last()
        if other is not None and other.live_at is None:
            other.pk, other.version = None, version
            other.save(force_insert=True)
        elif other is not None or Saga.objects.filter(kind=kind).exists():
            _insert([(kind, version)], live_from=position, reason="a version of a saga that is there", is_live=True)
        else:
            past = Past.RESUME if sagas.get(kind, version).acts_on_past else Past.LEAVE
            _insert([(kind, version)], live_from=position, past=past, reason="a new saga")


def _insert(
    versions: Collection[tuple[str, int]],
    *,
    live_from: int,
    reason: str,
    past: str = Past.RESUME,
    is_live: bool = False,
    actor: str = PROGRAM,
) -> None:
    live_at = database_now() if is_live or not live_from else None
    SagaLivePoint.objects.bulk_create(
        [
            SagaLivePoint(
                kind=kind,
                version=version,
                live_from=live_from,
                routed_to=live_from if live_at else 0,
                past=past,
                reason=reason,
                actor=actor,
                live_at=live_at,
            )
            for kind, version in versions
        ],
        ignore_conflicts=True,
    )


def describe(point: SagaLivePoint) -> str:
    """How far a kind of saga is, in words."""
    if point.live_at is not None:
        return f"live from position {point.live_from}"
    waits = "; waits for the restore to be completed" if point.restoring else ""
    return f"muted until position {point.live_from}, at {point.routed_to} now{waits}"


def describe_muted() -> list[str]:
    """The kinds that are muted, each in words. One statement."""
    return [f"{point.kind} is {describe(point)}" for point in muted_points()]
