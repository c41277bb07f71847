"""Whether event table, Kafka and readers agree is an entry of its own, everywhere with a code and a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import call_command

from eventshop.eventstore import store_epochs
from eventshop.eventstore.models import StoreEpoch
from eventshop.operations.divergence_health import RESOLVING_COMMANDS, find_store_state
from eventshop.projections.models import Checkpoint
from eventshop.sagas.models import PartitionLease, SagaLivePoint
from tests.support.order_fulfilment import receive_stock
from tests.support.staff import boss

pytestmark = pytest.mark.usefixtures("clean_database")

Divergence = StoreEpoch.Divergence


@pytest.fixture(autouse=True)
def agreement() -> Iterator[None]:
    """What this process knows of a divergence must not outlive the test."""
    receive_stock("a", 1)
    yield
    store_epochs.clear_divergence()


def is_ahead() -> None:
    Checkpoint.objects.create(projection="order-summary", store_position=1_000_000)


def record(divergence: Divergence) -> Callable[[], None]:
    return lambda: store_epochs.record_divergence(divergence, "the reason")


STATES = {value.value: record(value) for value in Divergence if value} | {"checkpoint-ahead": is_ahead}


def test_every_state_has_a_command() -> None:
    assert STATES.keys() == RESOLVING_COMMANDS.keys()


@pytest.mark.parametrize("code", STATES)
def test_a_state_is_named_with_its_command_everywhere(code: str) -> None:
    STATES[code]()
    client, command, out = boss(), RESOLVING_COMMANDS[code], StringIO()
    [part] = [part for part in client.get("/readyz").json()["parts"] if part["name"] == "divergence"]
    call_command("projections_status", stdout=out)
    page = client.get("/admin/").content.decode()
    assert not part["ok"]
    assert [part["detail"].startswith(f"{code}: "), command in part["detail"]] == [True, True]
    assert f"Event table, Kafka and readers: {code}: " in out.getvalue()
    assert code in page and command in page


def test_agreement_is_ok() -> None:
    assert str(find_store_state()) == "ok"
    assert "store-state" not in boss().get("/admin/").content.decode()


def test_sagas_are_ahead_unless_their_past_is_being_restored() -> None:
    PartitionLease.objects.create(name="database", number=0, offset=1_000_000)
    assert "sagas (at 1000000)" in find_store_state().reason
    SagaLivePoint.objects.create(kind="k", version=1, live_from=1_000_000, routed_to=0, restoring=True)
    assert find_store_state().code == "ok"
