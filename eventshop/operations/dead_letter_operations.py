"""Corrections of dead letters, from the admin, the command line and the API alike; the operator log records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from eventshop.operations.operator_log import record_action
from eventshop.projections import corrections
from eventshop.projections.models import EventCorrection, Rebuild


def correct(name: str, event_id: UUID, fields: Mapping[str, Any], *, actor: str, reason: str) -> EventCorrection:
    """As `corrections.propose`, and record it."""
    with transaction.atomic():
        row = corrections.propose(name, event_id, fields, reason=reason, actor=actor)
        row.refresh_from_db()
        result = "holds" if row.approved_at else "waits for a second person"
        record_action(actor=actor, action="correct dead letter", target=str(row), reason=reason, result=result)
    return row


def approve(row: EventCorrection, *, actor: str) -> None:
    """As `corrections.approve`, and record it."""
    with transaction.atomic():
        corrections.approve(row, actor=actor)
        record_action(actor=actor, action="approve correction", target=str(row))


def withdraw(row: EventCorrection, *, actor: str, reason: str) -> Rebuild | None:
    """As `corrections.withdraw`, and record it."""
    with transaction.atomic():
        job = corrections.withdraw(row, reason=reason, actor=actor)
        result = f"rebuild {job.pk}" if job else ""
        record_action(actor=actor, action="withdraw correction", target=str(row), reason=reason, result=result)
    return job
