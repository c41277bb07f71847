"""The operator log: what staff did to projections, sagas and topics, in the admin and on the command line."""

from __future__ import annotations

from typing import Final

from eventshop.operations.models import OperatorAction

_LONGEST: Final = 500


def record_action(*, actor: str, action: str, target: str, reason: str = "", result: str = "") -> None:
    """Record one action: in the transaction of what was done, or after it where that commits in batches."""
    OperatorAction.objects.create(
        actor=actor[:200], action=action, target=target[:200], reason=reason[:_LONGEST], result=result[:_LONGEST]
    )
