"""The state table of `Order`: the outcome of every command in every state."""

from __future__ import annotations

from typing import get_args

import pytest

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import declared_messages
from eventshop.core.messages import Command, Event
from eventshop.testing.given_when_then import given
from orders.domain.commands import (
    AcceptReturn,
    AuthorisePayment,
    CancelOrder,
    CloseReturnWindow,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeclineReturn,
    DeliverOrder,
    ObservedCommand,
    ProcessPayment,
    ReceiveReturn,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReverseCreditNote,
    ShipOrder,
)
from orders.domain.errors import (
    InvalidOrderState,
    PaymentInProgress,
    PaymentNotRequested,
    UnknownRefund,
    UnknownReturn,
    WrongAmount,
)
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnReversed,
    ReturnWindowClosed,
    RuleBroken,
)
from orders.domain.order import Order, Status
from tests.unit.orders.domain import examples
from tests.unit.orders.domain.examples import SOLD, TWO_LANTERNS, created

#: Two histories of CREATED and CANCELLED: a payment is under way (ASKED), and one is set aside (SECURED).
ASKED, SECURED, STOPPED = "CREATED, asked", "CREATED, authorised", "CANCELLED, asked"
RETURNING, ACCEPTED = "SHIPPED, return asked", "SHIPPED, return accepted"
HISTORIES: dict[str, tuple[Event, ...]] = {
    Status.PENDING: (),
    Status.CREATED: (created,),
    ASKED: (created, examples.requested),
    SECURED: (created, examples.requested, examples.authorised),
    Status.PAID: (created, examples.requested, examples.paid),
    Status.SHIPPED: SOLD,
    RETURNING: (*SOLD, examples.return_asked(TWO_LANTERNS)),
    ACCEPTED: (*SOLD, examples.return_asked(TWO_LANTERNS), examples.accepted),
    Status.DELIVERED: (*SOLD, examples.delivered),
    Status.CANCELLED: (created, examples.requested, examples.paid, examples.cancelled(), examples.owed("22.59")),
    STOPPED: (created, examples.requested, examples.cancelled()),
    Status.CREDITED: (examples.credited,),
    Status.REVERSED: (examples.credited, examples.credit_reversed),
}
COMMANDS: dict[type[Command], Command] = {
    CreateOrder: examples.create,
    RequestPayment: examples.request,
    AuthorisePayment: examples.authorise,
    ProcessPayment: examples.pay,
    DeclinePayment: examples.decline,
    RecordVoid: examples.void,
    ShipOrder: examples.ship,
    DeliverOrder: examples.deliver,
    CancelOrder: examples.cancel,
    RequestReturn: examples.ask_return((1, 1), reference="R2"),
    AcceptReturn: examples.accept,
    DeclineReturn: examples.decline_return,
    ReceiveReturn: examples.receive((1, 1)),
    CloseReturnWindow: examples.close_window,
    RecordRefund: examples.record_refund("22.59"),
    CreateCreditNote: examples.credit,
    ReverseCreditNote: examples.reverse_credit,
}
Answer = type[EventShopError] | list[type[Event]]

#: What is not listed is refused with `InvalidOrderState`; of payments, refunds and returns with the error given here.
ANYTIME: dict[type[Command], Answer] = {
    ProcessPayment: PaymentNotRequested,
    DeclinePayment: PaymentNotRequested,
    RecordVoid: PaymentNotRequested,
    RecordRefund: UnknownRefund,
}
TABLE: dict[str, dict[type[Command], Answer]] = {
    Status.PENDING: {CreateOrder: [OrderCreated], CreateCreditNote: [CreditNoteIssued]},
    Status.CREATED: {
        **ANYTIME,
        RequestPayment: [PaymentRequested],
        AuthorisePayment: PaymentNotRequested,
        CancelOrder: [OrderCancelled],
    },
    ASKED: {
        **ANYTIME,
        RequestPayment: PaymentInProgress,
        AuthorisePayment: [PaymentAuthorised],
        ProcessPayment: [PaymentProcessed],
        DeclinePayment: [PaymentDeclined],
        CancelOrder: [OrderCancelled],
    },
    SECURED: {
        **ANYTIME,
        RequestPayment: WrongAmount,
        AuthorisePayment: [],
        ProcessPayment: [PaymentProcessed],
        DeclinePayment: [PaymentDeclined],
        RecordVoid: [PaymentVoided],
        ShipOrder: [OrderShipped],
        CancelOrder: [OrderCancelled],
    },
    Status.PAID: {
        **ANYTIME,
        ProcessPayment: [],
        ShipOrder: [OrderShipped],
        CancelOrder: [OrderCancelled, RefundRequested],
    },
    Status.SHIPPED: {
        **ANYTIME,
        ProcessPayment: [],
        ShipOrder: [],
        DeliverOrder: [OrderDelivered],
        RequestReturn: [ReturnRequested],
        AcceptReturn: UnknownReturn,
        DeclineReturn: UnknownReturn,
        ReceiveReturn: UnknownReturn,
        CloseReturnWindow: [ReturnWindowClosed],
    },
    RETURNING: {
        **ANYTIME,
        ProcessPayment: [],
        ShipOrder: [],
        DeliverOrder: [OrderDelivered],
        RequestReturn: [ReturnRequested],
        AcceptReturn: [ReturnAccepted],
        DeclineReturn: [ReturnDeclined],
        ReceiveReturn: UnknownReturn,
        CloseReturnWindow: [ReturnWindowClosed],
    },
    ACCEPTED: {
        **ANYTIME,
        ProcessPayment: [],
        ShipOrder: [],
        DeliverOrder: [OrderDelivered],
        RequestReturn: [ReturnRequested],
        AcceptReturn: [],
        DeclineReturn: UnknownReturn,
        ReceiveReturn: [ItemsReturned, RefundRequested],
        CloseReturnWindow: [ReturnWindowClosed],
    },
    Status.DELIVERED: {
        **ANYTIME,
        ProcessPayment: [],
        ShipOrder: [],
        DeliverOrder: [],
        RequestReturn: [ReturnRequested],
        AcceptReturn: UnknownReturn,
        DeclineReturn: UnknownReturn,
        ReceiveReturn: UnknownReturn,
        CloseReturnWindow: [ReturnWindowClosed],
    },
    Status.CANCELLED: {
        **ANYTIME,
        AuthorisePayment: PaymentNotRequested,
        ProcessPayment: [],
        CancelOrder: [],
        RecordRefund: [PaymentRefunded],
    },
    STOPPED: {
        **ANYTIME,
        AuthorisePayment: [PaymentAuthorised],
        ProcessPayment: [PaymentProcessed, RefundRequested],
        DeclinePayment: [PaymentDeclined],
        CancelOrder: [],
    },
    Status.CREDITED: {ReverseCreditNote: [CreditNoteReversed]},
    Status.REVERSED: {CreateCreditNote: [CreditNoteIssued], ReverseCreditNote: []},
}
#: Observed facts are accepted in every state, and have a table of their own (`test_observed_facts`).
OBSERVED = set(get_args(ObservedCommand))


def test_every_state_and_every_command_is_listed() -> None:
    commands, events = declared_messages(Order)
    assert set(COMMANDS) | OBSERVED == set(commands)
    assert set(Status) <= {given(Order, *history).state.status for history in HISTORIES.values()}  # type: ignore[attr-defined]
    assert TABLE.keys() == HISTORIES.keys()
    reached = {
        event for row in TABLE.values() for answer in row.values() if isinstance(answer, list) for event in answer
    }
    assert reached | {RuleBroken, LinesAdded, ReturnReversed} == set(events), "an event that no pair leads to"


@pytest.mark.parametrize("state", HISTORIES)
def test_each_history_leads_to_its_state(state: str) -> None:
    order = given(Order, *HISTORIES[state]).state
    assert isinstance(order, Order)
    assert order.status == state.partition(",")[0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
@pytest.mark.parametrize("state", HISTORIES)
def test_a_command_in_a_state(state: str, command: type[Command]) -> None:
    outcome = given(Order, *HISTORIES[state]).when(COMMANDS[command])
    match TABLE[state].get(command, InvalidOrderState):
        case list() as events:
            assert outcome.refusal is None, outcome.refusal
            assert [type(event) for event in outcome.events] == events
        case error:
            outcome.then_refused(error)
