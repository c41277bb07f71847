"""The commands of a unit are stored together or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from eventshop.cli.importing.importer import CommandToSend, FileUnit, UnitPlan
from eventshop.cli.importing.unit_sender import send_units
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from orders.domain.commands import DispatchInventory, ReceiveStock

pytestmark = pytest.mark.usefixtures("clean_database")


def plan(name: str, *commands: ReceiveStock | DispatchInventory) -> UnitPlan[Any]:
    envelopes: list[CommandToSend] = [(command, Envelope(new_id())) for command in commands]
    return UnitPlan(FileUnit(name, ()), envelopes)


def received(sku: str) -> ReceiveStock:
    return ReceiveStock(sku, 5, "D-1")


def test_a_unit_with_a_refused_command_leaves_nothing_and_the_others_are_stored() -> None:
    refused = DispatchInventory("B", new_id(), 1)  # nothing is reserved for this order
    plans = [plan("1", received("A")), plan("2", received("B"), refused), plan("3", received("C"))]
    outcomes = {plan.unit.name: outcome for plan, outcome in send_units(plans)}
    assert isinstance(outcomes["2"], EventShopError)
    receipts = {name: len(outcome) for name, outcome in outcomes.items() if isinstance(outcome, list)}
    assert receipts == {"1": 1, "3": 1}
    assert sorted(event.payload[:10] for event in StoredEvent.objects.all()) == ['{"sku":"A"', '{"sku":"C"']
    assert StoredReceipt.objects.count() == 2


def test_a_plan_without_commands_sends_nothing() -> None:
    assert list(send_units([plan("1")])) == []
