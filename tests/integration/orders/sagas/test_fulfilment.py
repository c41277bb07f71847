"""Orders are fulfilled by sagas over the database log: every way there, and every way back, as stored."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import effects, timers
from eventshop.sagas.models import Saga, InboxMessage, SagaStep, PartitionLease, Timer
from orders.domain.commands import CancelOrder, CreateOrder, ReturnItems, ReturnLine
from orders.domain.events import Line
from orders.domain.order import Status
from orders.domain.stock_item import stock_item_id
from orders.sagas.fulfilment_effects import PaymentTaken
from tests.support.in_memory_gateway import Bank
from tests.support.order_fulfilment import (
    by,
    heard,
    names,
    order,
    pieces_are_somewhere,
    place,
    receive,
    saga,
    settle,
    steps,
    stock,
)
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_an_order_is_set_aside_paid_and_shipped(bank: Bank) -> None:
    receive("mug", 10)
    receive("jar", 3)
    it = place(("mug", 4), ("jar", 3))
    settle(bank)
    assert names(it) == ["OrderCreated", "PaymentProcessed", "OrderShipped"]
    assert (stock("mug").dispatched, stock("jar").dispatched, stock("mug").on_hand) == (4, 3, 6)
    assert bank.balance == Decimal("14.00")
    assert saga(it).status == "ended"
    assert [state for _, state in steps(it)] == ["accepted", "accepted", "answered", *["accepted"] * 4]
    pieces_are_somewhere(["mug", "jar"])


def test_its_story_can_be_followed(bank: Bank) -> None:
    """Correlation, causation, saga and sequence travel through every command."""
    receive("mug", 10)
    it = place(("mug", 4))
    settle(bank)
    [reserved] = [e for e in store.get_events(stock_item_id("mug")) if e.meta.event_type == "InventoryReserved"]
    created, paid, shipped = store.get_events(it)
    assert {e.meta.correlation_id for e in (created, reserved, paid, shipped)} == {it}
    assert reserved.meta.causation_id == created.meta.event_id
    assert shipped.meta.causation_id == paid.meta.event_id
    assert {e.meta.saga_id for e in (reserved, paid, shipped)} == {saga(it).pk}
    assert (created.meta.saga_id, reserved.meta.actor) == (None, "order-fulfilment")
    sequence = [e.meta.sequence_number for e in (created, reserved, paid, shipped)]
    assert sequence == sorted(sequence) and sequence[0] == 1 and sequence[-1] > sequence[1]
    assert paid.meta.causation_id == SagaStep.objects.get(name="TakePayment").pk


def test_what_is_out_of_stock_or_unknown_releases_the_rest_and_cancels(bank: Bank) -> None:
    receive("mug", 10)
    receive("jar", 2)
    scarce, unknown = place(("mug", 4), ("jar", 3)), place(("mug", 4), ("ghost", 1))
    settle(bank)
    assert names(scarce) == names(unknown) == ["OrderCreated", "OrderCancelled"]
    assert store.get_events(scarce)[-1].event.reason == "jar: out of stock"
    assert store.get_events(unknown)[-1].event.reason == "ghost: unknown product"
    assert (stock("mug").on_hand, stock("jar").on_hand) == (10, 2)
    assert bank.balance == 0 and not bank.asked
    assert saga(scarce).status == saga(unknown).status == "ended"
    pieces_are_somewhere(["mug", "jar", "ghost"])


def test_a_declined_payment_gives_everything_back(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4), method="declined")
    settle(bank)
    assert names(it) == ["OrderCreated", "PaymentRequested", "PaymentDeclined", "OrderCancelled"]
    assert (stock("mug").on_hand, bank.balance, saga(it).status) == (10, Decimal(0), "ended")
    assert not Timer.objects.filter(fired_at=None).exists()


def test_a_payment_that_never_comes_cancels_and_one_that_comes_late_goes_back(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4), method="late")
    settle(bank)
    assert (order(it).status, saga(it).status) == (Status.CREATED, "running")
    [timer] = Timer.objects.filter(fired_at=None)
    assert abs(timer.due_at - timezone.now() - timedelta(minutes=15)) < timedelta(minutes=1)
    timers.fire_due_timers("test", now=timer.due_at)
    settle(bank)
    assert (order(it).status, stock("mug").on_hand) == (Status.CANCELLED, 10)
    assert saga(it).status == "running"
    [key] = bank.open
    bank.finish(key)
    assert effects.record_effect_result(key, PaymentTaken(key, gbp("8.00")), actor="payment gateway")
    assert not effects.record_effect_result(key, PaymentTaken(key, gbp("8.00"))), "a second notice"
    settle(bank)
    assert (bank.balance, saga(it).status) == (Decimal(0), "ended")
    assert names(it) == ["OrderCreated", "PaymentRequested", "OrderCancelled"]


def test_a_customer_cancels_while_the_payment_is_pending(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4), method="pending")
    settle(bank)
    by(it, CancelOrder(it, "changed my mind"))
    settle(bank)
    [key] = bank.open
    bank.finish(key, well=True)
    SagaStep.objects.update(looked_at_from=timezone.now())
    settle(bank)
    assert (bank.balance, stock("mug").on_hand, saga(it).status) == (Decimal(0), 10, "ended")


def test_a_part_of_a_shipped_order_comes_back(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4))
    settle(bank)
    by(it, ReturnItems(it, "R1", (ReturnLine(1, 3),), "chipped"))
    settle(bank)
    item = stock("mug")
    assert (item.received, item.on_hand, item.dispatched) == (13, 9, 4)
    assert bank.balance == Decimal("2.00")
    assert saga(it).status == "ended"


def test_history_takes_no_part(bank: Bank) -> None:
    """What was sold long ago is neither set aside nor paid for again."""
    receive("mug", 10)
    lines = (Line(sku="mug", description="", quantity=1, price=gbp("2.00")),)
    long_ago = Envelope(new_id(), actor="import", occurred_at=timezone.now() - timedelta(days=400))
    send(CreateOrder(new_id(), "536365", None, lines), envelope=long_ago)
    settle(bank)
    assert (stock("mug").on_hand, Saga.objects.count(), InboxMessage.objects.count()) == (10, 0, 0)


def test_hearing_the_whole_log_again_changes_nothing(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4))
    settle(bank)
    before = StoredEvent.objects.count(), heard(it), steps(it)
    PartitionLease.objects.all().delete()
    settle(bank)
    assert (StoredEvent.objects.count(), heard(it), steps(it)) == before


def test_a_gateway_that_is_down_is_asked_again_under_the_same_key(bank: Bank) -> None:
    receive("mug", 10)
    it = place(("mug", 4))
    bank.down = True
    settle(bank)
    bank.down = False
    for _ in range(2):
        SagaStep.objects.update(looked_at_from=timezone.now())
        settle(bank)
    assert order(it).status == Status.SHIPPED
    assert len(bank.asked) == 2 and len(set(bank.asked)) == 1


@pytest.mark.postgres
def test_fifty_orders_take_as_many_statements_as_five(bank: Bank) -> None:
    receive("mug", 1_000)

    def statements(orders: int) -> int:
        for _ in range(orders):
            place(("mug", 1))
        with CaptureQueriesContext(connection) as asked:
            settle(bank)
        return len(asked)

    statements(1)
    assert statements(50) <= statements(5) * 1.2
