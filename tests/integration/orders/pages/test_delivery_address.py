"""The delivery address is personal data: after an erasure the orders remain, correct and anonymous."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from eventshop.core.errors import Tampered
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, new_id
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import to_recorded_event
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import PersonalKey
from eventshop.projections import personal_columns
from eventshop.projections.projection import projection_registry
from eventshop.testing.given_when_then import columns
from orders.domain.commands import CreateOrder, DeliverOrder, ShipOrder
from projections.activity_timeline import activity_timeline
from projections.models import ActivityTimeline, OrderSummary
from projections.order_summary import order_summary
from tests.support.database import dump_database
from tests.support.order_payments import pay_order
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.sales import ADA, LANTERNS

pytestmark = pytest.mark.usefixtures("clean_database")

NAME, ADDRESS, NEIGHBOUR = "Ada Lovelace", "12 St James's Square\nLondon", "Mrs Somerville"


def create_order(customer_id: UUID | None = ADA) -> CreateOrder:
    return CreateOrder(
        uuid4(), "000001", customer_id, (LANTERNS,), "France", delivery_name=NAME, delivery_address=ADDRESS
    )


def deliver_order(customer_id: UUID | None = ADA) -> UUID:
    command = create_order(customer_id)
    send(command)
    pay_order(command.order_id)
    send(ShipOrder(command.order_id, carrier="Royal Mail"))
    send(DeliverOrder(command.order_id, received_by=NEIGHBOUR))
    return command.order_id


def summary_address(order_id: UUID) -> tuple[str, ...]:
    return OrderSummary.objects.values_list("delivery_name", "delivery_address", "received_by").get(pk=order_id)


def test_nothing_of_it_is_stored_in_clear_but_the_row_that_shows_it() -> None:
    order_id = deliver_order()
    for word in (NAME, "St James", NEIGHBOUR):
        assert word not in dump_database()
    catch_up(order_summary, activity_timeline)
    assert summary_address(order_id) == (NAME, ADDRESS, NEIGHBOUR)
    told = ActivityTimeline.objects.get(event_type="OrderDelivered").summary
    assert told and NEIGHBOUR not in told


def test_the_customers_key_opens_the_address_and_the_orders_key_who_took_it_in() -> None:
    order_id = deliver_order()
    assert set(PersonalKey.objects.values_list("subject", "purpose")) == {(ADA, "delivery"), (order_id, "delivery")}
    personal_keys.destroy_keys(ADA)
    first, *_, last = store.get_events(order_id)
    assert first.event.delivery_name == Redacted("delivery")
    assert first.event.total == LANTERNS.amount
    assert last.event.received_by == NEIGHBOUR


def test_an_erased_customers_orders_stay_correct_and_anonymous() -> None:
    order_id = deliver_order()
    catch_up(*projection_registry.select([]))
    before = columns(OrderSummary.objects.get(pk=order_id))
    for subject in (ADA, order_id):
        personal_keys.destroy_keys(subject)
        personal_columns.erase_subject(subject, projection_registry)
    after = columns(OrderSummary.objects.get(pk=order_id))
    assert {name for name in after if after[name] != before[name]} == {*OrderSummary.personal, "carrier"}
    assert_rows_equal_fold()


def test_a_guests_address_is_kept_under_the_orders_own_key() -> None:
    order_id = deliver_order(None)
    assert list(PersonalKey.objects.values_list("subject", flat=True)) == [order_id]
    catch_up(order_summary)
    assert summary_address(order_id) == (NAME, ADDRESS, NEIGHBOUR)
    personal_keys.destroy_keys(order_id)
    assert personal_columns.erase_subject(order_id, projection_registry) == 1
    assert_rows_equal_fold(order_summary)


def test_orders_without_an_address_need_no_key() -> None:
    send(CreateOrder(uuid4(), "000001", ADA, (LANTERNS,)))
    assert not PersonalKey.objects.exists()
    [row] = backend().select_events("ORDER BY position", ())
    with pytest.raises(Tampered) as refusal:
        to_recorded_event(
            row._replace(payload=row.payload.replace('"delivery_name":""', '"delivery_name":"Eve"')), registry
        )
    assert refusal.value.data["field"] == "delivery_name" and "person" not in refusal.value.data


def test_the_same_delivery_sent_again_gives_the_same_answer() -> None:
    command, envelope = create_order(), Envelope(command_id=new_id())
    send(command)
    pay_order(command.order_id)
    send(ShipOrder(command.order_id, carrier="Royal Mail"))
    deliver = DeliverOrder(command.order_id, received_by=NEIGHBOUR)
    first = send(deliver, envelope=envelope)
    personal_keys.key_cache.clear()
    assert send(deliver, envelope=envelope).position == first.position
