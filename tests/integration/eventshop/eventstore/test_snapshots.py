"""Aggregates with long histories are loaded from a snapshot and later events, with the same state as a replay."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.core.errors import CommandRefused
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, new_id
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore import command_dispatcher, command_receipts, field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_execution import load_aggregate, read_full_history
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import Snapshot
from eventshop.eventstore.records import SNAPSHOT_PREFIX
from eventshop.eventstore.snapshots import policy, repository
from eventshop.operations import tasks
from eventshop.operations.models import PeriodicWork
from eventshop.plugins.eventshop_plugin import erase_snapshots
from eventshop.privacy.encryption import personal_keys
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.domain.order import Order
from orders.domain.stock_item import StockItem, stock_item_id
from tests.support.badge_aggregate import MARKER, PERSON, Badge, Rename, badges
from tests.support.command_output import numbers_in
from tests.support.customers import sign_in_customer
from tests.support.database import dump_database
from tests.support.earlier_event_versions import append_earlier_events
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.tally_aggregate import Close, Count, Open, TallyClosed, pounds, tallies
from users.domain.user import User

pytestmark = pytest.mark.usefixtures("clean_database")

MUG = stock_item_id("mug")


@pytest.fixture(autouse=True)
def disable_aggregate_cache(settings: Any) -> None:
    """Every command loads its aggregate from the store."""
    settings.AGGREGATES_IN_MEMORY = 0
    settings.SNAPSHOT_EVERY = {"": 10}


def receive_stock(times: int) -> None:
    for _ in range(times):
        command_dispatcher.send(ReceiveStock(sku="mug", quantity=1, reference="d"))


def load_state() -> Any:
    _, history = backend().load_history(MUG, uuid4())
    return load_aggregate(StockItem, MUG, history, registry).state


def replay_state() -> Any:
    return StockItem().evolve_all(item.event for item in store.get_events(MUG))


def count_loaded_rows() -> int:
    return len(backend().load_history(MUG, uuid4())[1])


def test_loading_is_snapshot_and_tail() -> None:
    receive_stock(12)
    assert policy.take_due_snapshots() == 1
    assert Snapshot.objects.get().version == 12
    assert count_loaded_rows() == 1
    assert load_state() == replay_state()
    receive_stock(3)
    assert count_loaded_rows() == 4
    assert load_state() == replay_state()
    assert load_state().received == 15


def test_commands_go_on_from_a_snapshot_in_every_way_of_sending() -> None:
    receive_stock(10)
    policy.take_due_snapshots()
    assert command_dispatcher.send(WriteOffStock(sku="mug", quantity=2, reason="lost", reference="c")).version == 11
    command = ReceiveStock(sku="mug", quantity=5, reference="d")
    [receipt] = command_dispatcher.send_many([(command, Envelope(new_id()))])
    assert isinstance(receipt, command_receipts.Receipt)
    assert receipt.version == 12
    assert append(MUG, store.get_events(MUG)[0].event)
    assert load_state() == replay_state()
    assert (load_state().received, load_state().written_off) == (16, 2)
    envelope = Envelope(new_id())
    first = command_dispatcher.send(command, envelope=envelope)
    again = command_dispatcher.send(command, envelope=envelope)
    assert (again.version, again.replayed) == (first.version, True)


def test_a_snapshot_is_taken_each_so_many_events_and_not_between() -> None:
    receive_stock(9)
    assert policy.take_due_snapshots() == 0
    receive_stock(1)
    assert policy.take_due_snapshots() == 1
    receive_stock(9)
    assert policy.take_due_snapshots() == 0
    receive_stock(2)
    assert policy.take_due_snapshots() == 1
    assert Snapshot.objects.get().version == 21


def test_a_type_can_have_a_number_of_its_own_or_none(settings: Any) -> None:
    settings.SNAPSHOT_EVERY = {"": 10, "StockItem": 0}
    receive_stock(10)
    assert policy.take_due_snapshots() == 0
    settings.SNAPSHOT_EVERY = {"": 0, "StockItem": 4}
    receive_stock(2)
    assert policy.take_due_snapshots() == 1


@pytest.mark.parametrize("stored", ["v0", "v99", "0" * 64], ids=["earlier", "later", "digest of an earlier release"])
def test_a_snapshot_of_another_version_is_never_read(stored: str) -> None:
    receive_stock(10)
    policy.take_due_snapshots()
    Snapshot.objects.update(fingerprint=stored, state='{"received":99}')
    assert load_state() == replay_state()
    assert [type(check) for check in repository.verify_snapshots()] == [repository.IgnoredSnapshot]
    assert run_verify_snapshots().startswith("There is no snapshot to verify. 1 are never read")
    receive_stock(1)
    assert load_state().received == 11
    receive_stock(9)
    policy.take_due_snapshots()
    assert load_state().received == 20
    assert Snapshot.objects.get().fingerprint == repository.version_text(StockItem)


class RaisedBadge(Badge, frozen=True):
    """`Badge` after a change of its fold."""

    snapshot_version = 2


def test_a_raised_version_ignores_the_snapshots_before_it() -> None:
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges)
    [entry] = backend().load_history(PERSON, uuid4())[1]
    assert entry.event_type == SNAPSHOT_PREFIX + "v1"
    assert repository.read_snapshot(Badge, PERSON, entry) == Badge(MARKER)
    assert repository.version_text(RaisedBadge) == "v2"
    assert repository.read_snapshot(RaisedBadge, PERSON, entry._replace(aggregate_type="RaisedBadge")) is None
    raised = entry._replace(aggregate_type="RaisedBadge", event_type=SNAPSHOT_PREFIX + "v2")
    assert repository.read_snapshot(RaisedBadge, PERSON, raised) == RaisedBadge(MARKER)


def test_losing_every_snapshot_costs_time_only() -> None:
    receive_stock(10)
    policy.take_due_snapshots()
    before = load_state()
    Snapshot.objects.all().delete()
    assert load_state() == before == replay_state()


def load_badge() -> Any:
    return load_aggregate(Badge, PERSON, backend().load_history(PERSON, uuid4())[1], badges).state


def test_a_state_with_personal_data_is_ciphertext_and_loads_as_it_was() -> None:
    for number in range(10):
        command_dispatcher.send(Rename(PERSON, f"{MARKER} {number}"), registry=badges)
    assert policy.take_due_snapshots(badges) == 1
    kept = Snapshot.objects.get()
    assert kept.state.startswith("e1.") and MARKER not in dump_database()
    assert load_badge().name == f"{MARKER} 9"
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert len(backend().load_history(PERSON, uuid4())[1]) == 2
    assert repository.take_snapshot(PERSON, badges)
    assert load_badge().name == MARKER
    assert list(repository.verify_snapshots(badges)) == [None]


def test_a_sealed_state_opens_at_its_own_place_only() -> None:
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges)
    kept = Snapshot.objects.get()
    assert field_encryption.decrypt_state(kept.state, PERSON, 1)
    assert field_encryption.decrypt_state(kept.state, PERSON, 2) is None
    assert field_encryption.decrypt_state(kept.state, MUG, 1) is None
    assert field_encryption.decrypt_state(kept.state[:-4] + "AAA=", PERSON, 1) is None
    Snapshot.objects.update(state="e1.nonsense")
    assert load_badge().name == MARKER
    [wrong] = repository.verify_snapshots(badges)
    assert isinstance(wrong, repository.InvalidSnapshot) and wrong.reason == repository.STATE_DIFFERS


def test_nobody_reads_the_snapshot_of_an_erased_person_and_none_is_taken_again(settings: Any) -> None:
    settings.KEY_CACHE_SECONDS = 0
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges)
    personal_keys.destroy_keys(PERSON)
    assert load_badge().name == Redacted("badge")
    assert [type(check) for check in repository.verify_snapshots(badges)] == [repository.IgnoredSnapshot]
    assert not repository.take_snapshot(PERSON, badges)
    assert not Snapshot.objects.exists()


def test_erasing_removes_the_snapshots_of_all_streams_of_a_person() -> None:
    receive_stock(10)
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges) and repository.take_snapshot(MUG)
    summary = erase_snapshots(uuid4(), [PERSON])
    assert summary == "1 snapshots removed"
    assert Snapshot.objects.get().aggregate_id == MUG


def test_every_real_aggregate_comes_back_from_its_snapshot() -> None:
    """The events of persons and orders hold personal data."""
    _, person = sign_in_customer()
    sale = Sale(1)
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    for stream, kind in ((person, User), (sale.order_id, Order)):
        before = load_aggregate(kind, stream, read_full_history(stream), registry)
        assert repository.take_snapshot(stream), kind
        _, history = backend().load_history(stream, uuid4())
        assert [entry.event_type for entry in history] == [SNAPSHOT_PREFIX + repository.version_text(kind)]
        assert load_aggregate(kind, stream, history, registry) == before


def test_many_commands_at_once_load_snapshot_and_tail_too() -> None:
    receive_stock(12)
    policy.take_due_snapshots()
    receive_stock(1)
    [(_, snapshot), (_, tail)] = backend().load_histories([MUG])
    assert (snapshot.version, tail.version) == (12, 13)
    assert len(backend().load_histories([MUG], snapshots=False)) == 13
    [receipt] = command_dispatcher.send_many([(ReceiveStock(sku="mug", quantity=1, reference="d"), Envelope(new_id()))])
    assert isinstance(receipt, command_receipts.Receipt) and receipt.version == 14
    Snapshot.objects.update(fingerprint="0" * 64, state='{"received":99}')
    [receipt] = command_dispatcher.send_many([(WriteOffStock("mug", 14, "lost", "c"), Envelope(new_id()))])
    assert isinstance(receipt, command_receipts.Receipt) and receipt.version == 15
    assert load_state() == replay_state()


def test_rules_hold_as_ever_on_a_snapshot() -> None:
    tally_id = new_id()
    command_dispatcher.send(Open(tally_id=tally_id, name="x"), registry=tallies)
    command_dispatcher.send(Count(tally_id=tally_id, amount=pounds("1"), times=20), registry=tallies)
    assert repository.take_snapshot(tally_id, tallies)
    command_dispatcher.send(Close(tally_id=tally_id, at=Snapshot.objects.get().taken_at), registry=tallies)
    assert repository.take_snapshot(tally_id, tallies)
    with pytest.raises(TallyClosed):
        command_dispatcher.send(Count(tally_id=tally_id, amount=pounds("1")), registry=tallies)
    assert issubclass(TallyClosed, CommandRefused)


def run_verify_snapshots(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_snapshots", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": '{"received":99}'}, repository.STATE_DIFFERS),
        ({"state": "nonsense"}, repository.STATE_DIFFERS),
        ({"hash": b"x" * 32}, repository.NO_SUCH_EVENT),
        ({"version": 99}, repository.NO_SUCH_EVENT),
    ],
)
def test_a_wrong_snapshot_is_found_and_removed(change: dict[str, Any], why: str) -> None:
    receive_stock(10)
    policy.take_due_snapshots()
    assert numbers_in(run_verify_snapshots()) == [1]
    Snapshot.objects.update(**change)
    with pytest.raises(CommandError, check=lambda error: numbers_in(error) == [1, 1]):
        run_verify_snapshots()
    assert why in run_verify_snapshots("--remove")
    assert not Snapshot.objects.exists()


def test_nothing_to_verify_is_told() -> None:
    receive_stock(1)
    assert run_verify_snapshots().splitlines()[0] == "There is no snapshot to verify."


def test_a_stream_that_cannot_be_read_keeps_no_other_from_its_snapshot() -> None:
    cup = stock_item_id("cup")
    append_earlier_events(cup, "StockItem", *[("StockReceived", 99, '{"sku":"cup","quantity":1,"reference":"d"}')] * 10)
    receive_stock(10)
    assert policy.take_due_snapshots() == 1
    assert Snapshot.objects.get().aggregate_id == MUG
    assert policy.take_due_snapshots() == 0


def test_they_are_taken_by_periodic_work_beside_the_commands() -> None:
    receive_stock(10)
    assert not Snapshot.objects.exists()
    tasks.do_periodic_work()
    assert PeriodicWork.objects.get(name="take-snapshots").said == "1 snapshots taken"
