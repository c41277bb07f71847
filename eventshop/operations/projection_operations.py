"""Pausing projections, from the admin, the command line and the API alike; the operator log records it."""

from __future__ import annotations

from django.db import transaction

from eventshop.core.errors import InvalidMessage
from eventshop.operations.operator_log import record_action
from eventshop.projections import checkpoints
from eventshop.projections.projection import projection_registry


def set_paused(name: str, *, paused: bool, actor: str, reason: str) -> bool:
    """Pause a projection or resume it, and record it; False when it was so already, or has never run.

    Raises `UnknownProjection`, and `InvalidMessage` to pause without a reason.
    """
    projection_registry.get(name)
    if paused and not reason.strip():
        raise InvalidMessage("give a reason: the operator log shows why a projection stands still")
    with transaction.atomic():
        changed = checkpoints.set_paused(name, paused=paused)
        record_action(
            actor=actor,
            action="pause projection" if paused else "resume projection",
            target=name,
            reason=reason,
            result="" if changed else "it was so already, or has never run",
        )
    return changed
