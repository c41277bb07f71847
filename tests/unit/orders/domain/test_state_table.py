"""The state table of `Order`: the outcome of every command in every state."""

from __future__ import annotations

from itertools import product

import pytest

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import declared_messages
from eventshop.core.messages import Command, Event
from eventshop.testing.given_when_then import given
from orders.domain.commands import (
    CancelOrder,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    ProcessPayment,
    RequestPayment,
    ReturnItems,
    ShipOrder,
)
from orders.domain.errors import InvalidOrderState
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
)
from orders.domain.order import Order, Status
from tests.unit.orders.domain import examples

HISTORIES: dict[Status, tuple[Event, ...]] = {
    Status.PENDING: (),
    Status.CREATED: (examples.created,),
    Status.PAID: (examples.created, examples.paid),
    Status.SHIPPED: (examples.created, examples.paid, examples.shipped),
    Status.DELIVERED: (examples.created, examples.paid, examples.shipped, examples.delivered),
    Status.CANCELLED: (examples.created, examples.cancelled()),
    Status.CREDITED: (examples.credited,),
}
COMMANDS: dict[type[Command], Command] = {
    CreateOrder: examples.create,
    RequestPayment: examples.request,
    ProcessPayment: examples.pay,
    DeclinePayment: examples.decline,
    ShipOrder: examples.ship,
    DeliverOrder: examples.deliver,
    CancelOrder: examples.cancel,
    ReturnItems: examples.take_back((1, 1)),
    CreateCreditNote: examples.credit,
}
Answer = type[EventShopError] | list[type[Event]]


def events(*events: type[Event]) -> list[type[Event]]:
    return list(events)


no = InvalidOrderState
#: Columns in the order of COMMANDS.
TABLE: dict[Status, list[Answer]] = {
    # create, request payment, pay, decline, ship, deliver, cancel, take back, credit
    Status.PENDING: [events(OrderCreated), no, no, no, no, no, no, no, events(CreditNoteIssued)],
    Status.CREATED: [
        *(no, events(PaymentRequested), events(PaymentProcessed), events(PaymentDeclined)),
        *(no, no, events(OrderCancelled), no, no),
    ],
    Status.PAID: [
        *(no, no, no, no, events(OrderShipped), no),
        *(events(OrderCancelled, PaymentRefunded), events(ItemsReturned, PaymentRefunded), no),
    ],
    Status.SHIPPED: [no, no, no, no, no, events(OrderDelivered), no, events(ItemsReturned, PaymentRefunded), no],
    Status.DELIVERED: [no, no, no, no, no, no, no, events(ItemsReturned, PaymentRefunded), no],
    Status.CANCELLED: [no, no, no, no, no, no, events(), no, no],
    Status.CREDITED: [no, no, no, no, no, no, no, no, no],
}
PAIRS = {
    (status, command): answer for status, row in TABLE.items() for command, answer in zip(COMMANDS, row, strict=True)
}


def test_every_state_and_every_command_is_listed() -> None:
    commands, events = declared_messages(Order)
    assert set(PAIRS) == set(product(Status, commands))
    reached = {event for answer in PAIRS.values() if isinstance(answer, list) for event in answer}
    assert reached == set(events), "an event that no pair leads to"


@pytest.mark.parametrize("status", Status)
def test_each_history_leads_to_its_state(status: Status) -> None:
    order = given(Order, *HISTORIES[status]).state
    assert isinstance(order, Order)
    assert order.status is status


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_a_command_in_a_state(status: Status, command: type[Command]) -> None:
    outcome = given(Order, *HISTORIES[status]).when(COMMANDS[command])
    match PAIRS[status, command]:
        case list() as events:
            assert outcome.refusal is None, outcome.refusal
            assert [type(event) for event in outcome.events] == events
        case error:
            outcome.then_refused(error, command.__name__, status)
