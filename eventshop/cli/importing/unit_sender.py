"""Sends the commands of units: each unit is stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from eventshop.cli.importing.importer import UnitPlan
from eventshop.cli.importing.unit_index import Row
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.unit_of_work import batch_write

#: The receipts of a unit, or the error that refused one of its commands.
UnitOutcome: TypeAlias = list[Receipt] | EventShopError


class _UnitRefused(Exception):
    """Rolls back the transaction of a refused unit."""


def send_units(plans: Sequence[UnitPlan[Row]], requested_by: str = "") -> Iterator[tuple[UnitPlan[Row], UnitOutcome]]:
    """Send the commands of some units in one transaction; if one is refused, each unit in a transaction of its own.

    `requested_by` is noted with each command; its actor is the importer's, by which it recognises what it has stored.
    """
    plans = [plan for plan in plans if plan.commands]
    if isinstance(receipts := _send(plans, requested_by), EventShopError):
        yield from ((plan, _send([plan], requested_by)) for plan in plans)
        return
    start = 0
    for plan in plans:
        yield plan, receipts[start : start + len(plan.commands)]
        start += len(plan.commands)


def _send(plans: Sequence[UnitPlan[Row]], requested_by: str) -> UnitOutcome:
    """All receipts, or the first refusal, after which nothing is stored."""
    if not plans:
        return []
    refusal: EventShopError | None = None
    receipts: list[Receipt] = []
    try:
        with batch_write():
            commands = [sent for plan in plans for sent in plan.commands]
            for outcome in send_many([(command, _note(requested_by, envelope)) for command, envelope in commands]):
                if isinstance(outcome, EventShopError):
                    refusal = outcome
                    raise _UnitRefused
                receipts.append(outcome)
    except _UnitRefused:
        assert refusal is not None  # noqa: S101  # for the type checker
        return refusal
    return receipts


def _note(requested_by: str, envelope: Envelope) -> Envelope:
    if not requested_by:
        return envelope
    return replace(envelope, metadata={**envelope.metadata, "requested_by": requested_by})
