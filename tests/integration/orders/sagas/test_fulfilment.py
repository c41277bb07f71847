"""The fulfilment saga over the database event log: success, every failure and its compensation, as stored."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import effects, timers
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, Timer
from orders.domain.commands import CancelOrder, CreateOrder, ReturnItems, ReturnLine
from orders.domain.events import Line
from orders.domain.order import Status
from orders.domain.stock_item import stock_item_id
from orders.sagas.fulfilment_effects import PaymentTaken
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    assert_stock_adds_up,
    event_types_of,
    load_order,
    load_saga,
    load_stock,
    place_order,
    receive_stock,
    run_sagas_until_idle,
    saga_inbox,
    saga_steps,
    send_for_order,
)
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def gateway() -> InMemoryGateway:
    return InMemoryGateway()


def test_an_order_is_set_aside_paid_and_shipped(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    receive_stock("jar", 3)
    order_id = place_order(("mug", 4), ("jar", 3))
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "PaymentProcessed", "OrderShipped"]
    assert (load_stock("mug").dispatched, load_stock("jar").dispatched, load_stock("mug").on_hand) == (4, 3, 6)
    assert gateway.balance == Decimal("14.00")
    assert load_saga(order_id).status == "ended"
    assert [state for _, state in saga_steps(order_id)] == ["accepted", "accepted", "answered", *["accepted"] * 4]
    assert_stock_adds_up(["mug", "jar"])


def test_its_story_can_be_followed(gateway: InMemoryGateway) -> None:
    """Correlation, causation, saga id and sequence are passed on with every command."""
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    [reserved] = [e for e in store.get_events(stock_item_id("mug")) if e.meta.event_type == "InventoryReserved"]
    created, paid, shipped = store.get_events(order_id)
    assert {e.meta.correlation_id for e in (created, reserved, paid, shipped)} == {order_id}
    assert reserved.meta.causation_id == created.meta.event_id
    assert shipped.meta.causation_id == paid.meta.event_id
    assert {e.meta.saga_id for e in (reserved, paid, shipped)} == {load_saga(order_id).pk}
    assert (created.meta.saga_id, reserved.meta.actor) == (None, "order-fulfilment")
    sequence = [e.meta.sequence_number for e in (created, reserved, paid, shipped)]
    assert sequence == sorted(sequence) and sequence[0] == 1 and sequence[-1] > sequence[1]
    assert paid.meta.causation_id == SagaStep.objects.get(name="TakePayment").pk


def test_what_is_out_of_stock_or_unknown_releases_the_rest_and_cancels(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    receive_stock("jar", 2)
    scarce, unknown = place_order(("mug", 4), ("jar", 3)), place_order(("mug", 4), ("ghost", 1))
    run_sagas_until_idle(gateway)
    assert event_types_of(scarce) == event_types_of(unknown) == ["OrderCreated", "OrderCancelled"]
    assert store.get_events(scarce)[-1].event.reason == "jar: out of stock"
    assert store.get_events(unknown)[-1].event.reason == "ghost: unknown product"
    assert (load_stock("mug").on_hand, load_stock("jar").on_hand) == (10, 2)
    assert gateway.balance == 0 and not gateway.requested_keys
    assert load_saga(scarce).status == load_saga(unknown).status == "ended"
    assert_stock_adds_up(["mug", "jar", "ghost"])


def test_a_declined_payment_gives_everything_back(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="declined")
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "PaymentRequested", "PaymentDeclined", "OrderCancelled"]
    assert (load_stock("mug").on_hand, gateway.balance, load_saga(order_id).status) == (10, Decimal(0), "ended")
    assert not Timer.objects.filter(fired_at=None).exists()


def test_a_payment_that_never_comes_cancels_and_one_that_comes_late_goes_back(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    before = timezone.now()
    order_id = place_order(("mug", 4), method="late")
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, load_saga(order_id).status) == (Status.CREATED, "running")
    [timer] = Timer.objects.filter(fired_at=None)
    assert before <= timer.due_at - timedelta(minutes=15) <= timezone.now()
    timers.fire_due_timers("test", now=timer.due_at)
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, load_stock("mug").on_hand) == (Status.CANCELLED, 10)
    assert load_saga(order_id).status == "running"
    [key] = gateway.open_charges
    gateway.finish_charge(key)
    assert effects.record_effect_result(key, PaymentTaken(key, gbp("8.00")), actor="payment gateway")
    assert not effects.record_effect_result(key, PaymentTaken(key, gbp("8.00"))), "a second notice"
    run_sagas_until_idle(gateway)
    assert (gateway.balance, load_saga(order_id).status) == (Decimal(0), "ended")
    assert event_types_of(order_id) == ["OrderCreated", "PaymentRequested", "OrderCancelled"]


def test_a_customer_cancels_while_the_payment_is_pending(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="pending")
    run_sagas_until_idle(gateway)
    send_for_order(order_id, CancelOrder(order_id, "changed my mind"))
    run_sagas_until_idle(gateway)
    [key] = gateway.open_charges
    gateway.finish_charge(key, succeeds=True)
    SagaStep.objects.update(looked_at_from=Now())
    run_sagas_until_idle(gateway)
    assert (gateway.balance, load_stock("mug").on_hand, load_saga(order_id).status) == (Decimal(0), 10, "ended")


def test_a_part_of_a_shipped_order_comes_back(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    send_for_order(order_id, ReturnItems(order_id, "R1", (ReturnLine(1, 3),), "chipped"))
    run_sagas_until_idle(gateway)
    item = load_stock("mug")
    assert (item.received, item.on_hand, item.dispatched) == (13, 9, 4)
    assert gateway.balance == Decimal("2.00")
    assert load_saga(order_id).status == "ended"


def test_history_takes_no_part(gateway: InMemoryGateway) -> None:
    """No stock is reserved and no payment is taken for an order of the past."""
    receive_stock("mug", 10)
    lines = (Line(sku="mug", description="", quantity=1, price=gbp("2.00")),)
    long_ago = Envelope(new_id(), actor="import", occurred_at=timezone.now() - timedelta(days=400))
    send(CreateOrder(new_id(), "536365", None, lines), envelope=long_ago)
    run_sagas_until_idle(gateway)
    assert (load_stock("mug").on_hand, Saga.objects.count(), InboxMessage.objects.count()) == (10, 0, 0)


def test_hearing_the_whole_log_again_changes_nothing(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    before = StoredEvent.objects.count(), saga_inbox(order_id), saga_steps(order_id)
    PartitionLease.objects.all().delete()
    run_sagas_until_idle(gateway)
    assert (StoredEvent.objects.count(), saga_inbox(order_id), saga_steps(order_id)) == before


def test_a_gateway_that_is_down_is_asked_again_under_the_same_key(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    gateway.is_down = True
    run_sagas_until_idle(gateway)
    gateway.is_down = False
    for _ in range(2):
        SagaStep.objects.update(looked_at_from=Now())
        run_sagas_until_idle(gateway)
    assert load_order(order_id).status == Status.SHIPPED
    assert len(gateway.requested_keys) == 2 and len(set(gateway.requested_keys)) == 1


@pytest.mark.postgres
def test_fifty_orders_take_as_many_statements_as_five(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 1_000)

    def statements(orders: int) -> int:
        for _ in range(orders):
            place_order(("mug", 1))
        with CaptureQueriesContext(connection) as asked:
            run_sagas_until_idle(gateway)
        return len(asked)

    statements(1)
    assert statements(50) <= statements(5) * 1.2
