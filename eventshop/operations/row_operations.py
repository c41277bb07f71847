"""Checks and repairs of rows, and the end of replays, that operators ask for; the operator log records them."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from eventshop.core.errors import InvalidMessage
from eventshop.operations.operator_log import record_action
from eventshop.projections import replays
from eventshop.projections.models import Replay


def request_row_check(
    name: str, *, key: str = "", stream: UUID | None = None, repair: bool = False, actor: str, reason: str = ""
) -> Replay:
    """Have one row, or all rows of a stream, compared with their events, and repaired, by a worker.

    Raises `UnknownProjection`, and `InvalidMessage` unless one of key and stream is given, or to repair without reason.
    """
    if repair and not reason.strip():
        raise InvalidMessage("give a reason for repairing this row")
    with transaction.atomic():
        job = replays.request_check(name, key=key, stream=stream, repair=repair, requested_by=actor)
        if repair:
            target = f"{name}: {f'row {key}' if key else f'rows of {stream}'}"
            record_action(actor=actor, action="repair rows", target=target, reason=reason, result=f"replay {job.pk}")
    return job


def cancel_replay(job: Replay, *, actor: str) -> None:
    """As `replays.cancel`, and record it."""
    with transaction.atomic():
        replays.cancel(job)
        record_action(actor=actor, action="cancel replay", target=f"{job.pk} of {job.projection}")
