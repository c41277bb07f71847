"""Property tests of `Order` with random sequences of commands."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import CommandRefused
from eventshop.core.messages import Event
from eventshop.core.money import Money, total
from eventshop.testing.given_when_then import round_trip
from orders.domain.commands import (
    CancelOrder,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    OrderCommand,
    ProcessPayment,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
)
from orders.domain.events import (
    ItemsReturned,
    Line,
    OrderCancelled,
    OrderCreated,
    OrderEvent,
    PaymentProcessed,
    PaymentRefunded,
)
from orders.domain.order import Order
from tests.unit.orders.domain.examples import ADA, ORDER

PRICES = st.decimals(min_value=0, max_value=100, places=3).map(lambda amount: Money(amount, "GBP"))
LINES = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from(["71053", "21212", "POST"]),
        description=st.just(""),
        quantity=st.integers(min_value=1, max_value=6),
        price=PRICES,
    ),
    min_size=1,
    max_size=3,
).map(tuple)
# Small numbers, so that most returns are valid and several refer to the same line; some are invalid.
PIECES = st.builds(
    ReturnLine,
    line=st.sampled_from([1, 1, 1, 2, 4]),
    quantity=st.sampled_from([1, 1, 1, 2, 3, 7]),
)
RETURNS = st.lists(PIECES, min_size=1, max_size=2, unique_by=lambda piece: piece.line).map(
    lambda lines: ReturnItems(order_id=ORDER, reference="C1", lines=tuple(lines), reason="chipped")
)


@st.composite
def command_sequences(draw: st.DrawFn) -> list[OrderCommand]:
    """Commands that usually create an order, often pay it correctly, and then do anything."""
    create = CreateOrder(order_id=ORDER, reference="1", customer_id=ADA, lines=draw(LINES))
    pay = ProcessPayment(order_id=ORDER, amount=create.total, method="card")
    anything: st.SearchStrategy[OrderCommand] = st.one_of(
        RETURNS,
        RETURNS,
        st.sampled_from(
            [
                create,
                pay,
                ProcessPayment(order_id=ORDER, amount=Money(Decimal("1.23"), "GBP"), method="card"),
                RequestPayment(order_id=ORDER, method="card"),
                DeclinePayment(order_id=ORDER, reason="expired"),
                ShipOrder(order_id=ORDER, carrier="post"),
                DeliverOrder(order_id=ORDER),
                CancelOrder(order_id=ORDER, reason="no"),
                CreateCreditNote(order_id=ORDER, reference="1", customer_id=ADA, lines=create.lines, reason="no"),
            ]
        ),
    )
    start: list[OrderCommand] = draw(st.sampled_from([[], [create], [create, pay], [create, pay]]))
    return start + draw(st.lists(anything, max_size=12))


def run_commands(commands: list[OrderCommand]) -> tuple[Order, list[OrderEvent]]:
    """Decide one command after the other; refusals are skipped. Gives the order and its events."""
    order, history = Order(), list[OrderEvent]()
    for command in commands:
        before = order
        try:
            events = order.decide(command)
        except CommandRefused:
            assert order == before
            continue
        order = order.evolve_all(events)
        history += events
    return order, history


@given(command_sequences())
def test_what_was_accepted_replays_to_the_same_order(conversation: list[OrderCommand]) -> None:
    order, history = run_commands(conversation)
    read_back: list[Event] = [round_trip(event) for event in history]
    assert Order().evolve_all(read_back) == order  # type: ignore[arg-type]


@given(command_sequences())
def test_asking_only_what_was_accepted_tells_the_same(conversation: list[OrderCommand]) -> None:
    accepted, order = list[OrderCommand](), Order()
    for command in conversation:
        try:
            order = order.evolve_all(order.decide(command))
        except CommandRefused:
            continue
        accepted.append(command)
    assert run_commands(accepted) == run_commands(conversation)


@given(command_sequences())
def test_no_more_money_goes_back_than_came_in(conversation: list[OrderCommand]) -> None:
    _, history = run_commands(conversation)
    came_in = total((event.amount for event in history if isinstance(event, PaymentProcessed)), currency="GBP")
    went_back = total((event.amount for event in history if isinstance(event, PaymentRefunded)), currency="GBP")
    assert went_back <= came_in
    if any(isinstance(event, OrderCancelled) for event in history):
        assert went_back == came_in


@given(command_sequences())
def test_no_more_pieces_come_back_than_were_ordered(conversation: list[OrderCommand]) -> None:
    order, history = run_commands(conversation)
    ordered = Counter(
        {
            number: line.quantity
            for event in history
            if isinstance(event, OrderCreated)
            for number, line in enumerate(event.lines, start=1)
        }
    )
    back = Counter[int]()
    for event in history:
        if isinstance(event, ItemsReturned):
            back.update({line.line: line.quantity for line in event.lines})
    assert back <= ordered
    assert {line.line: line.returned for line in order.lines if line.returned} == back


@given(command_sequences())
def test_every_refund_is_the_price_of_what_came_back(conversation: list[OrderCommand]) -> None:
    _, history = run_commands(conversation)
    for fact, follows in pairwise([*history, None]):
        if isinstance(fact, ItemsReturned | OrderCancelled):
            worth = total((line.amount for line in fact.lines), currency="GBP")
            refund = follows.amount if isinstance(follows, PaymentRefunded) else Money(Decimal(0), "GBP")
            assert refund == worth
