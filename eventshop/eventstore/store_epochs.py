"""The epochs of the event store, and whether the store was found to differ from Kafka.

A restore begins an epoch. Its row says up to which position the events are a past that was not accepted in this epoch.
The relay compares the epoch with the one on Kafka, and records in the row of the present epoch what it finds.
"""

from __future__ import annotations

from time import monotonic
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from eventshop.core.errors import StoreDiverged
from eventshop.eventstore.models import StoreEpoch

Divergence = StoreEpoch.Divergence

#: What is accepted in these states gets positions that Kafka has for other events.
_REFUSING: Final = (Divergence.DATABASE_BEHIND, Divergence.FORKED, Divergence.WRONG_EPOCH)
#: For how long a process relies on what it last read, in seconds: not every command reads it.
_RELIED_ON_S: Final = 2.0
#: When this process last read the present epoch, and what stood there.
_last_read: tuple[float, StoreEpoch | None] = (float("-inf"), None)


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
    """Begin the next epoch, before the first event of its past is written. A divergence found before is still one.

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
            divergence=current.divergence,
            divergence_reason=current.divergence_reason,
            diverged_at=current.diverged_at,
        )


def find_divergence() -> StoreEpoch | None:
    """The present epoch if the table is recorded to be behind Kafka or forked from it. One statement."""
    epoch = StoreEpoch.objects.order_by("number").last()
    return epoch if epoch is not None and epoch.divergence in _REFUSING else None


def refuse_if_diverged() -> None:
    """Raises `StoreDiverged` if commands are refused now (setting COMMANDS_WHILE_DIVERGED); most calls read nothing."""
    global _last_read
    if not settings.KAFKA_OPTIONS or settings.COMMANDS_WHILE_DIVERGED == "accept":
        return
    read_at, epoch = _last_read
    if monotonic() - read_at >= _RELIED_ON_S:
        epoch = find_divergence()
        _last_read = monotonic(), epoch
    if epoch is not None:
        raise StoreDiverged(f"{Divergence(epoch.divergence).label}: {epoch.divergence_reason}")


def record_divergence(divergence: StoreEpoch.Divergence, reason: str) -> None:
    """Record that the store and Kafka differ, and since when."""
    _read_again()
    epoch = current_epoch()
    StoreEpoch.objects.filter(number=epoch.number).exclude(divergence=divergence).update(diverged_at=Now())
    StoreEpoch.objects.filter(number=epoch.number).update(divergence=divergence, divergence_reason=reason)


def clear_divergence() -> None:
    """Record that the store and Kafka agree."""
    _read_again()
    StoreEpoch.objects.exclude(divergence=Divergence.NONE).update(
        divergence=Divergence.NONE, divergence_reason="", diverged_at=None
    )


def _read_again() -> None:
    global _last_read
    _last_read = float("-inf"), None
