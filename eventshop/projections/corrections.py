"""Corrections: what one projection reads in place of some fields of an event. The event itself stays as it is.

A correction is made for a dead letter, and holds for every fold of the projection from then on: retries, rebuilds, dry
runs, views of the past. Personal fields are never corrected: they would be stored in clear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.core.message_registry import registry
from eventshop.core.messages import Event
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.event_log import DeliveredEvent
from eventshop.projections import dead_letters, rebuild
from eventshop.projections.fold import apply_correction
from eventshop.projections.models import Checkpoint, DeadLetter, EventCorrection, Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.runtime.database_clock import database_now


def read_fields(position: int) -> dict[str, Any]:
    """The fields of an event that can be corrected, as JSON values. Raises `ProjectionError` for an unreadable one."""
    event = _read_event(position)
    personal = {field.name for field in registry.personal_fields_of(type(event))}
    return {name: _plain(getattr(event, name)) for name in event.__struct_fields__ if name not in personal}


def propose(name: str, event_id: UUID, fields: Mapping[str, Any], *, reason: str, actor: str) -> EventCorrection:
    """Store what a projection is to read of a dead letter; those of `fields` that differ from the event.

    It holds at once, or with `CORRECTIONS_NEED_APPROVAL` when somebody else has approved it. Raises
    `UnknownProjection`, `InvalidMessage` without a reason or a difference, for an unknown or personal field or a wrong
    value, and `ProjectionError` when the event is no dead letter, or while the projection is being rebuilt.
    """
    projection_registry.get(name)
    if not reason.strip():
        raise InvalidMessage("give a reason for correcting this event")
    with transaction.atomic():
        rebuild.refuse_during_rebuild(name)
        letter = DeadLetter.objects.select_for_update().filter(projection=name, event_id=event_id).first()
        if letter is None:
            raise ProjectionError(f"{event_id} is no dead letter of {name}", projection=name)
        known = read_fields(letter.position)
        if unknown := sorted(fields.keys() - known.keys()):
            raise InvalidMessage(f"{letter.event_type} has no field that can be corrected: {', '.join(unknown)}")
        changes = {field: value for field, value in fields.items() if value != known[field]}
        if not changes:
            raise InvalidMessage("nothing differs from the event")
        apply_correction(_read_event(letter.position), changes)  # raises `InvalidMessage`
        correction, _ = EventCorrection.objects.update_or_create(
            projection=name,
            event_id=event_id,
            defaults={
                "aggregate_id": letter.aggregate_id,
                "aggregate_type": letter.aggregate_type,
                "position": letter.position,
                "version": letter.version,
                "event_type": letter.event_type,
                "changes": json.dumps(changes),
                "original": json.dumps({field: known[field] for field in changes}),
                "reason": reason.strip()[:500],
                "made_by": actor[:200],
                "made_at": database_now(),
                "approved_by": "",
                "approved_at": None,
            },
        )
        if not settings.CORRECTIONS_NEED_APPROVAL:
            _put_in_force(correction, actor)
    return correction


def approve(correction: EventCorrection, *, actor: str) -> None:
    """Let a correction hold. Raises `ProjectionError` for whoever made it, and if it holds already."""
    with transaction.atomic():
        rebuild.refuse_during_rebuild(correction.projection)
        row = EventCorrection.objects.select_for_update().get(pk=correction.pk)
        if row.approved_at is not None:
            raise ProjectionError("this correction is approved already", projection=row.projection)
        if row.made_by == actor:
            raise ProjectionError("a second person has to approve this correction", projection=row.projection)
        _put_in_force(row, actor)


def withdraw(correction: EventCorrection, *, reason: str, actor: str) -> Rebuild | None:
    """Remove a correction: the projection reads the event itself again, if need be by a rebuild, which is returned.

    Raises `InvalidMessage` without a reason, and `ProjectionError` while the projection is being rebuilt.
    """
    if not reason.strip():
        raise InvalidMessage("give a reason for withdrawing this correction")
    with transaction.atomic():
        rebuild.refuse_during_rebuild(correction.projection)
        row = EventCorrection.objects.select_for_update().get(pk=correction.pk)
        row.delete()
        is_queued = DeadLetter.objects.filter(projection=row.projection, event_id=row.event_id).exists()
        if is_queued or row.approved_at is None:
            return None
        text = f"without the correction of {row.event_id}: {reason.strip()}"[:500]
        return rebuild.request_rebuild(row.projection, requested_by=actor, reason=text)


def _put_in_force(correction: EventCorrection, actor: str) -> None:
    now = database_now()
    EventCorrection.objects.filter(pk=correction.pk).update(approved_by=actor[:200], approved_at=now)
    # After a reset the live rows meet the event once more: their batches look for corrections then.
    Checkpoint.objects.filter(projection=correction.projection).update(corrected=True)
    first = dead_letters.queue_of(correction.projection, correction.aggregate_id).first()
    if first is not None:
        DeadLetter.objects.filter(pk=first.pk).update(next_attempt_at=now)


def _read_event(position: int) -> Event:
    rows = backend().select_events("WHERE position = %s", (position,))
    try:
        return DeliveredEvent(position, rows[0]).event(registry)
    except Exception as error:
        raise ProjectionError(f"the event at position {position} cannot be read, so it cannot be corrected") from error


def _plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))
