"""Helpers for order fulfilment: place orders, run the sagas, check the result."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import timers, workers
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, Timer
from orders.domain.commands import (
    AcceptReturn,
    CreateOrder,
    ReceivedLine,
    ReceiveReturn,
    ReceiveStock,
    RequestPayment,
    RequestReturn,
    ReturnLine,
)
from orders.domain.events import Line
from orders.domain.order import Order, Status
from orders.domain.return_commands import Condition
from orders.domain.stock_item import StockItem, stock_item_id
from orders.models import Payment
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.sales import gbp


def receive_stock(sku: str, quantity: int) -> Receipt:
    return send(ReceiveStock(sku=sku, quantity=quantity, reference="delivery"))


def place_order(*quantities: tuple[str, int], method: str = "card", price: str = "2.00", reference: str = "1") -> UUID:
    """Place an order with quantities by SKU, all at one price, and request its payment unless `method` is empty."""
    order_id = new_id()
    lines = tuple(Line(sku=sku, description="", quantity=quantity, price=gbp(price)) for sku, quantity in quantities)
    send_for_order(order_id, CreateOrder(order_id, reference, None, lines))
    if method:
        send_for_order(order_id, RequestPayment(order_id, method))
    return order_id


def send_for_order(order_id: UUID, command: Command) -> Receipt:
    return send(command, envelope=Envelope(new_id(), actor="ada", correlation_id=order_id))


def run_sagas_until_idle(gateway: InMemoryGateway, **options: Any) -> int:
    """Route all events, and run all sagas and effects until nothing is left to do."""
    return workers.run_until_idle("test", sagas=gateway.saga_registry(), **options)


def return_goods(
    order_id: UUID, line: int, quantity: int, *, reference: str = "R1", condition: Condition = "resellable"
) -> None:
    """The customer asks to return units of a line, the shop accepts and receives them."""
    send_for_order(order_id, RequestReturn(order_id, reference, (ReturnLine(line, quantity),), "chipped"))
    send_for_order(order_id, AcceptReturn(order_id, reference))
    received = ReceivedLine(line, quantity, condition)
    send_for_order(order_id, ReceiveReturn(order_id, reference, (received,)))


def let_deadline_pass() -> None:
    """Fire the timers that are due within the payment deadline."""
    timers.fire_due_timers("test", now=timezone.now() + timedelta(seconds=settings.PAYMENT_DEADLINE_S + 1))


def load_order(order_id: UUID) -> Order:
    return Order().evolve_all(recorded.event for recorded in store.get_events(order_id))


def load_stock(sku: str) -> StockItem:
    return StockItem().evolve_all(recorded.event for recorded in store.get_events(stock_item_id(sku)))


def event_types_of(order_id: UUID) -> list[str]:
    return [recorded.meta.event_type for recorded in store.get_events(order_id)]


def load_saga(order_id: UUID) -> Saga:
    return Saga.objects.get(pk=saga_id_for("order-fulfilment", order_id))


def backdate_saga(saga_id: UUID, days: int = 400) -> None:
    """Move all times of a saga into the past."""
    past = timedelta(days=days)
    Saga.objects.filter(pk=saga_id).update(moved_at=F("moved_at") - past)
    SagaStep.objects.filter(saga_id=saga_id).update(answered_at=F("answered_at") - past)
    InboxMessage.objects.filter(saga_id=saga_id).update(handled_at=F("handled_at") - past)
    Timer.objects.filter(saga_id=saga_id).update(fired_at=F("fired_at") - past)


def saga_steps(order_id: UUID) -> list[tuple[str, str]]:
    of_saga = SagaStep.objects.filter(saga_id=load_saga(order_id).pk)
    return list(of_saga.order_by("number").values_list("name", "state"))


def saga_inbox(order_id: UUID) -> list[tuple[str, str]]:
    of_saga = InboxMessage.objects.filter(saga_id=load_saga(order_id).pk)
    return list(of_saga.order_by("pk").values_list("name", "state"))


def assert_stock_adds_up(skus: Iterable[str]) -> None:
    """Check of every product that received = on hand + reserved + dispatched + written off, and nothing is negative."""
    for sku in skus:
        item = load_stock(sku)
        accounted_for = item.on_hand + sum(item.reserved.values()) + item.dispatched + item.written_off - item.uncounted
        assert item.received == accounted_for, (sku, item)
        assert item.on_hand >= 0 and all(quantity > 0 for quantity in item.reserved.values()), (sku, item)


def assert_payments_match_goods(orders: Iterable[UUID]) -> None:
    """Check that every order is shipped or cancelled, and that the ledger and the events say what was kept is paid."""
    for order_id in orders:
        order = load_order(order_id)
        assert order.status in (Status.SHIPPED, Status.CANCELLED), (order_id, order.status, load_saga(order_id).error)
        charges = Payment.objects.filter(order_id=order_id, kind="charge", status="succeeded")
        refunds = Payment.objects.filter(charge__in=charges.values("key"), kind="refund", status="succeeded")
        charged = sum(charges.values_list("amount", flat=True)) - sum(refunds.values_list("amount", flat=True))
        kept = (
            sum((line.amount.amount for line in order.lines_kept), Decimal(0))
            if order.status == Status.SHIPPED
            else Decimal(0)
        )
        recorded = sum((payment.taken.amount - payment.refunded.amount for payment in order.payments), Decimal(0))
        assert charged == int(kept * 100) == int(recorded * 100), (order_id, order.status, charged, kept, recorded)


def assert_nothing_happened_twice(orders: Iterable[UUID], *, repeatable: Collection[str] = ()) -> None:
    """Check that no event of an order and no command of its saga occurred twice."""
    for order_id in orders:
        names = [name for name in event_types_of(order_id) if name not in repeatable]
        assert len(names) == len(set(names)), names
    # A saga sends each command under its own id, so a command that was accepted twice would have two events.
    sent = StoredEvent.objects.exclude(saga_id=None).values_list("saga_id", "causation_id", "event_type", "payload")
    assert len(sent) == len(set(sent))


def is_settled() -> bool:
    """Whether no saga has anything left to do, now or later."""
    return not (
        Saga.objects.exclude(status="ended").exists()
        or InboxMessage.objects.filter(state="waiting").exists()
        or SagaStep.objects.filter(state="waiting").exists()
    )


def expire_leases_and_delays() -> None:
    """Expire the leases of dead workers, and shorten the delay between two attempts of a step to two seconds."""
    soon = timezone.now() + timedelta(seconds=2)
    PartitionLease.objects.update(owner="", leased_until=None)
    SagaStep.objects.filter(state="waiting", looked_at_from__gt=soon).update(looked_at_from=soon)
    Timer.objects.filter(fired_at=None, looked_at_from__gt=F("due_at")).update(looked_at_from=F("due_at"))
