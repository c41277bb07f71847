"""What operators do to topics; the operator log records it."""

from __future__ import annotations

from django.db import transaction

from eventshop.core.errors import InvalidMessage
from eventshop.operations.operator_log import record_action
from eventshop.projections.projection import projection_registry
from eventshop.projections.republish_rows import republish_rows


def republish(name: str, first: str, last: str, *, actor: str, reason: str) -> int:
    """As `republish_rows`, and record it. Raises `InvalidMessage` without a reason, `UnknownProjection`."""
    if not reason.strip():
        raise InvalidMessage("give a reason for publishing these rows again")
    with transaction.atomic():
        number = republish_rows(projection_registry.get(name), first, last)
        target = f"{name}: {first or 'first key'} to {last or 'last key'}"
        record_action(actor=actor, action="republish rows", target=target, reason=reason, result=f"{number} rows")
    return number
