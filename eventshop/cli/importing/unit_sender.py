"""Sends the commands of units: each unit is stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from eventshop.cli.importing.importer import UnitPlan
from eventshop.cli.importing.unit_index import Row
from eventshop.core.errors import EventShopError
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.unit_of_work import batch_write

#: The receipts of a unit, or the error that refused one of its commands.
UnitOutcome: TypeAlias = list[Receipt] | EventShopError


class _UnitRefused(Exception):
    """Rolls back the transaction of a refused unit."""


def send_units(plans: Sequence[UnitPlan[Row]]) -> Iterator[tuple[UnitPlan[Row], UnitOutcome]]:
    """Send the commands of some units in one transaction; if one is refused, each unit in a transaction of its own."""
    plans = [plan for plan in plans if plan.commands]
    if isinstance(receipts := _send(plans), EventShopError):
        yield from ((plan, _send([plan])) for plan in plans)
        return
    start = 0
    for plan in plans:
        yield plan, receipts[start : start + len(plan.commands)]
        start += len(plan.commands)


def _send(plans: Sequence[UnitPlan[Row]]) -> UnitOutcome:
    """All receipts, or the first refusal, after which nothing is stored."""
    if not plans:
        return []
    refusal: EventShopError | None = None
    receipts: list[Receipt] = []
    try:
        with batch_write():
            for outcome in send_many([command for plan in plans for command in plan.commands]):
                if isinstance(outcome, EventShopError):
                    refusal = outcome
                    raise _UnitRefused
                receipts.append(outcome)
    except _UnitRefused:
        assert refusal is not None  # noqa: S101  # for the type checker
        return refusal
    return receipts
