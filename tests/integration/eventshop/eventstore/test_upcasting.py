"""Events of earlier versions are read as today's wherever events are read, and stay as they were stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.command_execution import load_aggregate
from eventshop.eventstore.event_store import store
from eventshop.eventstore.field_encryption import FieldContext, read_event
from eventshop.eventstore.hash_chain.parallel_verification import verify_chains
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import SNAPSHOT_PREFIX
from eventshop.eventstore.snapshots import repository
from eventshop.eventstore.temporal_queries import load_at_version
from eventshop.messaging.serialization.schema_registry import load_published_schemas
from eventshop.projections import dead_letter_retry
from eventshop.projections.historical_queries import dry_run, rows_as_of
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import projection_registry
from eventshop.projections.targets import live_target
from eventshop.sagas import workers
from orders.domain.commands import CancelOrder, DeliverOrder
from orders.domain.errors import InvalidOrderState
from orders.domain.events import OrderCreated, OrderDelivered, OrderShipped, PaymentProcessed
from orders.domain.order import Order
from orders.domain.stock_item import stock_item_id
from projections.activity_timeline import activity_timeline
from projections.models import ActivityTimeline, OrderSummary, UserProfile
from projections.order_summary import order_summary
from projections.user_profile import user_profile
from tests.conftest import BASE_DIR
from tests.support.customers import sign_in_customer
from tests.support.earlier_event_versions import ADA, ORDER, ORDER_EVENTS, PERSON_EVENTS, append_earlier_events
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.order_fulfilment import receive_stock, saga_inbox
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.staff import boss
from users.domain.commands import LiftRestriction, RestrictProcessing
from users.domain.events import ProcessingResumed

pytestmark = pytest.mark.usefixtures("clean_database")

GOLDEN: dict[str, Any] = json.loads((BASE_DIR / "tests/unit/eventshop/messaging/golden.json").read_text())["values"]


@pytest.mark.parametrize("item", list(load_published_schemas()), ids=lambda item: str(item.file_name))
def test_every_shape_that_was_ever_published_is_read_as_an_event_of_today(item: Any) -> None:
    payload = GOLDEN[item.file_name.removesuffix(".avsc")]["payload"]
    shape = item.event_type, item.schema_version
    event = read_event(registry, payload, FieldContext(ORDER, 1, *shape))
    assert type(event) is registry.reader_for(*shape).event_class


def test_the_store_gives_earlier_events_as_todays() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    created, paid, shipped, delivered = (item.event for item in store.get_events(ORDER))
    assert isinstance(created, OrderCreated)
    assert (created.delivery_name, created.delivery_address) == ("", "")
    assert isinstance(paid, PaymentProcessed)
    assert shipped == OrderShipped(ORDER, ADA, "Royal Mail", "RM1", "Tracked 48")
    assert isinstance(delivered, OrderDelivered)


def test_what_is_stored_stays_as_it_was() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    catch_up(*projection_registry.select([]))
    kept = StoredEvent.objects.order_by("version").values_list("event_type", "schema_version", "payload")
    assert list(kept) == list(ORDER_EVENTS)
    assert verify_chains().faults == []


def test_rules_decide_on_them() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS[:3])
    assert send(DeliverOrder(ORDER, received_by="")).version == 4
    with pytest.raises(InvalidOrderState):
        send(CancelOrder(ORDER, "too late"))


def test_read_models_fold_them() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    catch_up(*projection_registry.select([]))
    row = OrderSummary.objects.get(pk=ORDER)
    assert (row.status, row.carrier, row.tracking) == ("DELIVERED", "Royal Mail Tracked 48", "RM1")
    assert_rows_equal_fold(order_summary, activity_timeline)


def create_restricted_person() -> UUID:
    _, person = sign_in_customer()
    send(RestrictProcessing(person, "asked", "page"))
    return person


def append_former_event(person: UUID) -> None:
    [(name, version, payload)] = PERSON_EVENTS
    append_earlier_events(person, "User", (name, version, payload.replace(str(ADA), str(person))))


def test_a_renamed_event_is_todays_for_rules_and_read_models() -> None:
    person = create_restricted_person()
    append_former_event(person)
    catch_up(user_profile, activity_timeline)
    last = store.get_events(person)[-1]
    assert last.event == ProcessingResumed(person, "staff")
    assert last.meta.event_type == "ProcessingResumed"
    assert not UserProfile.objects.get(pk=person).restricted
    assert ActivityTimeline.objects.filter(event_type="ProcessingResumed").count() == 1
    assert send(LiftRestriction(person, "page")).events == 0
    assert StoredEvent.objects.filter(event_type="RestrictionLifted").count() == 1


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def test_an_earlier_event_that_was_parked_drains_as_todays(flaky: Flaky) -> None:
    flaky.spoils[ORDER, 3] = fail
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    catch_up(flaky.projection)
    assert DeadLetter.objects.count() == 2
    flaky.repair()
    assert dead_letter_retry.retry_queue(live_target(flaky.projection), ORDER).remaining == 0
    row = OrderSummary.objects.get(pk=ORDER)
    assert (row.status, row.carrier) == ("DELIVERED", "Royal Mail Tracked 48")


def test_a_saga_hears_them_as_todays() -> None:
    receive_stock("21212", 5)
    append_earlier_events(ORDER, "Order", ORDER_EVENTS[0])
    workers.run_until_idle("test")
    assert saga_inbox(ORDER)[:2] == [("OrderCreated", "handled"), ("InventoryReserved", "handled")]
    assert "InventoryReserved" in [recorded.meta.event_type for recorded in store.get_events(stock_item_id("21212"))]


def test_a_snapshot_holds_them_as_todays() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    whole = load_at_version(ORDER, 4).state
    assert repository.take_snapshot(ORDER)
    _, history = backend().load_history(ORDER, ORDER)
    assert [entry.event_type for entry in history] == [SNAPSHOT_PREFIX + repository.version_text(Order)]
    assert load_aggregate(Order, ORDER, history, registry).state == whole
    assert list(repository.verify_snapshots()) == [None]


def test_as_of_reads_and_dry_runs_fold_them_as_todays() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    catch_up(order_summary)
    [row] = rows_as_of(order_summary, timezone.now(), key=str(ORDER)).values()
    assert (row.status, row.carrier) == ("DELIVERED", "Royal Mail Tracked 48")
    assert not dry_run(order_summary).has_differences


def test_an_event_of_a_later_program_waits_until_this_one_is_upgraded() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS[:2], ("OrderShipped", 5, ORDER_EVENTS[2][2]))
    catch_up(order_summary)
    assert OrderSummary.objects.get(pk=ORDER).status == "PAID"
    assert (DeadLetter.objects.get().error, DeadLetter.objects.get().waits_for) == ("", "OrderShipped/5")
    assert registry.reader_for("OrderShipped", 5).is_newer and not registry.reader_for("OrderShipped", 4).is_newer


def test_staff_find_a_renamed_event_by_both_names_and_see_it_as_stored() -> None:
    person = create_restricted_person()
    append_former_event(person)
    client = boss()
    listed = client.get(reverse("admin:store_storedevent_changelist"), {"type": "RestrictionLifted"}).content.decode()
    assert "RestrictionLifted" in listed
    stream = client.get(reverse("admin:ops_stream_change", args=(person,)))
    assert stream.status_code == 200
    assert "RestrictionLifted" in stream.content.decode()
