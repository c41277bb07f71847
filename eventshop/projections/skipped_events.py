"""Skip dead letters: a projection goes on without an event, on an operator's word, and so does each later rebuild.

A restored event is folded by the next rebuild: the rows that were made without it are made again.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.projections import rebuild
from eventshop.projections.dead_letters import queue_of
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, SkippedEvent
from eventshop.projections.projection import projection_registry
from eventshop.runtime.database_clock import database_now


def skip(name: str, event_id: UUID, *, reason: str, actor: str) -> SkippedEvent:
    """Take the first dead letter of an aggregate off its queue for good; those behind it are retried at once.

    Raises `UnknownProjection`, `InvalidMessage` without a reason, and `ProjectionError` when the event is no dead
    letter, waits behind another one or for a newer release, or while the projection is being rebuilt.
    """
    projection_registry.get(name)
    if not (reason := reason.strip()):
        raise InvalidMessage("give a reason for skipping this event")
    with transaction.atomic():
        partition = DeadLetter.objects.filter(projection=name, event_id=event_id).values_list("partition", flat=True)
        # As for a retry: the lock keeps the worker from adding to the queue meanwhile, or folding from it.
        checkpoint = Checkpoint.objects.select_for_update().filter(projection=name, partition__in=partition).first()
        row = DeadLetter.objects.filter(projection=name, event_id=event_id).first()
        if checkpoint is None or row is None:
            raise ProjectionError(f"{event_id} is no dead letter of {name}", projection=name)
        queue = queue_of(name, row.aggregate_id)
        if queue.first() != row:
            raise ProjectionError(
                f"{row.event_type} {event_id} waits behind an earlier dead letter: skip that one, or mend it",
                projection=name,
            )
        if row.waits_for:
            raise ProjectionError(
                f"{row.event_type} {event_id} waits for a release that knows {row.waits_for}: run that release",
                projection=name,
            )
        skipped = SkippedEvent.objects.create(
            projection=name,
            event_id=row.event_id,
            aggregate_id=row.aggregate_id,
            aggregate_type=row.aggregate_type,
            position=row.position,
            version=row.version,
            event_type=row.event_type,
            error=row.error,
            reason=reason[:500],
            skipped_by=actor[:200],
        )
        row.delete()
        Checkpoint.objects.filter(pk=checkpoint.pk).update(parked=F("parked") - 1)
        if (following := queue.first()) is not None:
            DeadLetter.objects.filter(pk=following.pk).update(next_attempt_at=database_now())
        rebuild.refuse_during_rebuild(name)
    return skipped


def restore(name: str, event_id: UUID, *, reason: str, actor: str) -> Rebuild:
    """Have a skipped event folded again, by a rebuild that this requests.

    When it fails again it is a dead letter again. Raises `UnknownProjection`, `InvalidMessage` without a reason, and
    `ProjectionError` when the event was not skipped, or while the projection is being rebuilt.
    """
    projection_registry.get(name)
    if not reason.strip():
        raise InvalidMessage("give a reason for restoring this event")
    with transaction.atomic():
        rebuild.refuse_during_rebuild(name)
        rows = SkippedEvent.objects.filter(projection=name, event_id=event_id)
        if not rows.update(restored_at=database_now()):
            raise ProjectionError(f"{event_id} was not skipped in {name}", projection=name)
        return rebuild.request_rebuild(name, requested_by=actor, reason=f"restores {event_id}: {reason.strip()}"[:500])
