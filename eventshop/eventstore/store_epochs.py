"""The epochs of the event store, and whether the store was found to differ from Kafka.

A restore begins an epoch. Its row says up to which position the events are a past that was not accepted in this epoch.
The relay compares the epoch with the one on Kafka, and records in the row of the present epoch what it finds.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from eventshop.eventstore.models import StoreEpoch

Divergence = StoreEpoch.Divergence


def current_epoch() -> StoreEpoch:
    """The present epoch; a store without one begins its first. One statement."""
    epoch = StoreEpoch.objects.order_by("number").last()
    if epoch is None:
        first = {"installation_id": uuid4(), "reason": "the store was created"}
        epoch, _ = StoreEpoch.objects.get_or_create(number=1, defaults=first)
    return epoch


def begin_epoch(
    reason: str, *, restored_to_position: int, beyond: int = 0, installation_id: UUID | None = None
) -> StoreEpoch:
    """Begin the next epoch, in the transaction of whatever begins it. A divergence found before is forgotten.

    `restored_to_position` is the last event that was there before. `beyond` is the highest epoch number known from
    elsewhere, such as from Kafka; `installation_id` that of the restored data, if it is not this store's own.
    """
    with transaction.atomic():
        current = current_epoch()
        return StoreEpoch.objects.create(
            number=max(current.number, beyond) + 1,
            installation_id=installation_id or current.installation_id,
            reason=reason[:500],
            restored_to_position=restored_to_position,
        )


def record_divergence(divergence: StoreEpoch.Divergence, reason: str) -> None:
    """Record that the store and Kafka differ, and since when."""
    epoch = current_epoch()
    StoreEpoch.objects.filter(number=epoch.number).exclude(divergence=divergence).update(diverged_at=Now())
    StoreEpoch.objects.filter(number=epoch.number).update(divergence=divergence, divergence_reason=reason)


def clear_divergence() -> None:
    """Record that the store and Kafka agree. Writes only if something else is recorded."""
    StoreEpoch.objects.exclude(divergence=Divergence.NONE).update(
        divergence=Divergence.NONE, divergence_reason="", diverged_at=None
    )
