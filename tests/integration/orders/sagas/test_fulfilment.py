"""The fulfilment saga over the database event log: success, every failure and its compensation, as stored."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import timers
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, Timer
from orders.domain.commands import (
    CancelOrder,
    CreateOrder,
    DeliverOrder,
    RecordObservedCancellation,
    RecordObservedPayment,
    RecordObservedReturn,
    RecordObservedShipment,
    RequestPayment,
    ReturnLine,
    ShipOrder,
)
from orders.domain.errors import TooLateToReturn
from orders.domain.events import Line, PaymentRequested
from orders.domain.order import Status
from orders.domain.stock_item import stock_item_id
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    assert_stock_adds_up,
    event_types_of,
    let_deadline_pass,
    load_order,
    load_saga,
    load_stock,
    place_order,
    receive_stock,
    return_goods,
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
    assert event_types_of(order_id) == ["OrderCreated", "PaymentRequested", "PaymentProcessed", "OrderShipped"]
    assert (load_stock("mug").dispatched, load_stock("jar").dispatched, load_stock("mug").on_hand) == (4, 3, 6)
    assert gateway.balance == Decimal("14.00")
    assert load_saga(order_id).status == "ended"
    assert [state for _, state in saga_steps(order_id)] == ["accepted", "accepted", "answered", *["accepted"] * 4]
    assert_stock_adds_up(["mug", "jar"])


def test_its_start_and_the_time_to_its_end_are_counted_once(gateway: InMemoryGateway) -> None:
    def counts() -> list[float]:
        names = ("eventshop_sagas_started_total", "eventshop_saga_duration_seconds_count")
        return [REGISTRY.get_sample_value(name, {"saga": "order-fulfilment"}) or 0.0 for name in names]

    receive_stock("mug", 10)
    began = counts()
    order_id = place_order(("mug", 1))
    run_sagas_until_idle(gateway)
    send_for_order(order_id, DeliverOrder(order_id))
    run_sagas_until_idle(gateway)
    place_order(("mug", 1), method="")
    run_sagas_until_idle(gateway)
    assert [after - before for before, after in zip(began, counts(), strict=True)] == [2, 1]


def test_its_story_can_be_followed(gateway: InMemoryGateway) -> None:
    """Correlation, causation, saga id and sequence are passed on with every command."""
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    [reserved] = [e for e in store.get_events(stock_item_id("mug")) if e.meta.event_type == "InventoryReserved"]
    created, requested, paid, shipped = store.get_events(order_id)
    assert {e.meta.correlation_id for e in (created, requested, reserved, paid, shipped)} == {order_id}
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
    assert event_types_of(scarce) == event_types_of(unknown)
    assert event_types_of(scarce) == ["OrderCreated", "PaymentRequested", "OrderCancelled", "PaymentDeclined"]
    assert store.get_events(scarce)[2].event.reason == "jar: out of stock"
    assert store.get_events(unknown)[2].event.reason == "ghost: unknown product"
    assert load_order(scarce).payments[0].status == "declined"
    assert (load_stock("mug").on_hand, load_stock("jar").on_hand) == (10, 2)
    assert gateway.balance == 0 and not gateway.requested_keys
    assert load_saga(scarce).status == load_saga(unknown).status == "ended"
    assert_stock_adds_up(["mug", "jar", "ghost"])


def test_goods_are_set_aside_and_nothing_is_charged_until_a_payment_is_requested(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="")
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated"]
    assert (load_stock("mug").on_hand, gateway.requested_keys) == (6, [])
    [timer] = Timer.objects.filter(fired_at=None)
    assert timer.due_at - load_saga(order_id).started_at > timedelta(minutes=29)
    let_deadline_pass()
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "OrderCancelled"]
    assert store.get_events(order_id)[-1].event.reason == "not paid in time"
    assert (load_stock("mug").on_hand, gateway.requested_keys, load_saga(order_id).status) == (10, [], "ended")


def test_a_declined_payment_leaves_the_order_payable_by_another(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="declined")
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "PaymentRequested", "PaymentDeclined"]
    assert load_stock("mug").on_hand == 6
    send_for_order(order_id, RequestPayment(order_id, "card"))
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id)[3:] == ["PaymentRequested", "PaymentProcessed", "OrderShipped"]
    assert (gateway.balance, load_saga(order_id).status) == (Decimal("8.00"), "ended")


def test_an_order_whose_payment_is_declined_is_cancelled_at_the_deadline(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="declined")
    run_sagas_until_idle(gateway)
    let_deadline_pass()
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id)[2:] == ["PaymentDeclined", "OrderCancelled"]
    assert (load_stock("mug").on_hand, gateway.balance, load_saga(order_id).status) == (10, Decimal(0), "ended")
    assert not Timer.objects.filter(fired_at=None).exists()


@pytest.mark.parametrize(("succeeds", "status"), [(True, Status.SHIPPED), (False, Status.CANCELLED)])
def test_a_charge_under_way_at_the_deadline_is_awaited(
    gateway: InMemoryGateway, succeeds: bool, status: Status
) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="pending")
    run_sagas_until_idle(gateway)
    let_deadline_pass()
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, load_saga(order_id).status) == (Status.CREATED, "running")
    finish_charge(gateway, succeeds=succeeds)
    assert (load_order(order_id).status, load_saga(order_id).status) == (status, "ended")
    assert gateway.balance == (Decimal("8.00") if succeeds else 0)


def test_money_taken_for_an_order_cancelled_meanwhile_is_recorded_and_goes_back(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="pending")
    run_sagas_until_idle(gateway)
    send_for_order(order_id, CancelOrder(order_id, "changed my mind"))
    run_sagas_until_idle(gateway)
    assert load_stock("mug").on_hand == 10
    finish_charge(gateway)
    assert event_types_of(order_id)[2:] == ["OrderCancelled", "PaymentProcessed", "RefundRequested", "PaymentRefunded"]
    assert (gateway.balance, load_order(order_id).status, load_saga(order_id).status) == (
        Decimal(0),
        Status.CANCELLED,
        "ended",
    )


def test_two_payments_pay_an_order_and_each_gets_its_own_back(gateway: InMemoryGateway, settings: Settings) -> None:
    settings.SHIPPING_DELAY_S = 300
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="")
    send_for_order(order_id, RequestPayment(order_id, "voucher", gbp("3.00")))
    run_sagas_until_idle(gateway)
    send_for_order(order_id, RequestPayment(order_id, "card"))
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, gateway.balance) == (Status.PAID, Decimal("8.00"))
    send_for_order(order_id, CancelOrder(order_id, "changed my mind"))
    run_sagas_until_idle(gateway)
    order = load_order(order_id)
    assert [(payment.method, payment.refunded) for payment in order.payments] == [
        ("voucher", gbp("3.00")),
        ("card", gbp("5.00")),
    ]
    assert (gateway.balance, load_stock("mug").on_hand, load_saga(order_id).status) == (Decimal(0), 10, "ended")


def test_an_order_is_shipped_some_minutes_after_its_payment(gateway: InMemoryGateway, settings: Settings) -> None:
    settings.SHIPPING_DELAY_S = 300
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    assert load_order(order_id).status == Status.PAID
    [timer] = Timer.objects.filter(fired_at=None)
    assert timer.name == "shipping"
    timers.fire_due_timers("test", now=timer.due_at)
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, load_saga(order_id).status) == (Status.SHIPPED, "ended")


def test_a_card_is_authorised_when_asked_and_captured_on_shipping(gateway: InMemoryGateway, settings: Settings) -> None:
    settings.PAYMENT_CAPTURE_ON_SHIPPING, settings.SHIPPING_DELAY_S = frozenset({"card"}), 300
    receive_stock("mug", 10)
    shipped, cancelled = place_order(("mug", 4)), place_order(("mug", 1), reference="2")
    run_sagas_until_idle(gateway)
    assert (gateway.balance, gateway.set_aside) == (Decimal(0), Decimal("10.00"))
    send_for_order(shipped, ShipOrder(shipped, "Royal Mail"))
    send_for_order(cancelled, CancelOrder(cancelled, "changed my mind"))
    run_sagas_until_idle(gateway)
    assert (gateway.balance, gateway.set_aside) == (Decimal("8.00"), Decimal(0))
    assert event_types_of(shipped)[2:] == ["PaymentAuthorised", "OrderShipped", "PaymentProcessed"]
    assert event_types_of(cancelled)[2:] == ["PaymentAuthorised", "OrderCancelled", "PaymentVoided"]
    assert load_saga(shipped).status == load_saga(cancelled).status == "ended"


def test_a_part_of_a_shipped_order_comes_back(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    return_goods(order_id, 1, 2)
    return_goods(order_id, 1, 1, reference="R2", condition="damaged")
    run_sagas_until_idle(gateway)
    item = load_stock("mug")
    assert (item.received, item.on_hand, item.dispatched, item.written_off) == (13, 8, 4, 1)
    assert gateway.balance == Decimal("2.00")
    assert load_order(order_id).payments[0].refunded == gbp("6.00")
    assert load_saga(order_id).status == "ended"


def test_what_was_observed_elsewhere_moves_neither_stock_nor_money(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="")
    for fact in (
        RecordObservedShipment(order_id, "Royal Mail"),
        RecordObservedPayment(order_id, gbp("8.00"), "invoice"),
        RecordObservedReturn(order_id, "C1", (ReturnLine(1, 1),), "chipped"),
        RecordObservedCancellation(order_id, "changed my mind"),
    ):
        send_for_order(order_id, fact)
        run_sagas_until_idle(gateway)
    assert (load_stock("mug").on_hand, gateway.requested_keys) == (10, [])
    assert (load_order(order_id).status, load_saga(order_id).status) == (Status.CANCELLED, "ended")


def test_the_return_window_closes_after_the_delivery(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4))
    run_sagas_until_idle(gateway)
    send_for_order(order_id, DeliverOrder(order_id))
    run_sagas_until_idle(gateway)
    [timer] = Timer.objects.filter(name="return-window", fired_at=None)
    timers.fire_due_timers("test", now=timer.due_at)
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id)[-1] == "ReturnWindowClosed"
    with pytest.raises(TooLateToReturn):
        return_goods(order_id, 1, 1)
    assert not Saga.objects.exclude(status="ended").exists()


def test_an_order_that_an_earlier_release_charged_unasked_gets_its_money_back_and_stays_payable(
    gateway: InMemoryGateway,
) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="")
    run_sagas_until_idle(gateway)
    begin_charge_of_version_1(order_id)
    run_sagas_until_idle(gateway)
    assert len(set(gateway.requested_keys)) == 2, "a charge and its refund"
    assert (load_order(order_id).status, gateway.balance) == (Status.CREATED, Decimal(0))
    send_for_order(order_id, RequestPayment(order_id, "card"))
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, gateway.balance) == (Status.SHIPPED, Decimal("8.00"))
    assert load_saga(order_id).status == "ended"


def test_an_order_that_an_earlier_release_charged_as_requested_is_shipped(gateway: InMemoryGateway) -> None:
    receive_stock("mug", 10)
    order_id = place_order(("mug", 4), method="")
    run_sagas_until_idle(gateway)
    store.append_events(order_id, [PaymentRequested(order_id, None, gbp("8.00"), "card")], expected_version=1)
    begin_charge_of_version_1(order_id)
    run_sagas_until_idle(gateway)
    assert event_types_of(order_id) == ["OrderCreated", "PaymentRequested", "PaymentProcessed", "OrderShipped"]
    assert (gateway.balance, load_saga(order_id).status) == (Decimal("8.00"), "ended")


def begin_charge_of_version_1(order_id: UUID) -> None:
    """Store the saga as an earlier release did, which charged `card` as soon as the goods were reserved."""
    saga = load_saga(order_id)
    state = msgspec.json.decode(saga.state)
    old = {name: state[name] for name in ("stage", "order_id", "total", "asked", "held")}
    old |= {"method": "card", "back": {}, "paid": False, "paying": True, "charge": None, "taken": "0"}
    old |= {"owed": "0", "refunded": "0", "refunds": 0}
    steps = saga.steps + 1
    Saga.objects.filter(pk=saga.pk).update(version=1, state=msgspec.json.encode(old).decode(), steps=steps)
    effect = {"order_id": str(order_id), "amount": state["total"], "method": "card"}
    SagaStep.objects.create(
        step_id=new_id(),
        saga_id=saga.pk,
        slot=saga.slot,
        number=steps,
        cause_id=new_id(),
        sequence_number=saga.sequence_number,
        what=SagaStep.Kind.EFFECT,
        name="TakePayment",
        payload=msgspec.json.encode(effect).decode(),
        looked_at_from=timezone.now(),
        made_at=timezone.now(),
    )


def finish_charge(gateway: InMemoryGateway, *, succeeds: bool = True) -> None:
    """End the only charge that is pending, and let the sagas hear of it."""
    [key] = gateway.open_charges
    gateway.finish_charge(key, succeeds=succeeds)
    SagaStep.objects.filter(state="waiting").update(looked_at_from=Now())
    run_sagas_until_idle(gateway)


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
