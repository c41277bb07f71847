"""Property tests of `Order` with random sequences of commands: money and goods are conserved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import Event
from eventshop.core.money import Money
from eventshop.testing.given_when_then import round_trip
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
    OrderCommand,
    ProcessPayment,
    ReceivedLine,
    ReceiveReturn,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReturnLine,
    ReverseCreditNote,
    ReverseObservedReturn,
    ShipOrder,
)
from orders.domain.events import (
    ItemsReturned,
    Line,
    OrderCancelled,
    OrderCreated,
    OrderEvent,
    PaymentAuthorised,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    RefundRequested,
    ReturnReversed,
)
from orders.domain.order import Order, PaymentStateName, Status
from orders.domain.payments import PaymentState, payable
from tests.unit.orders.domain.examples import ADA, ORDER, THEN

PRICES = st.decimals(min_value=0, max_value=100, places=3).map(lambda amount: Money(amount, "GBP"))
LINES = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from(["71053", "21212", "POST"]),
        description=st.just(""),
        quantity=st.integers(min_value=1, max_value=6),
        price=PRICES,
        kind=st.sampled_from(["product", "product", "product", "freight", "tax"]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
#: A command to an order, made of its state and two small numbers.
Intention = Callable[[Order, int, int], OrderCommand]


def pounds(number: int) -> Money:
    return Money(Decimal(number) / 100, "GBP")


def open_payment(order: Order, chosen: int) -> PaymentState | None:
    payments = [payment for payment in order.payments if payment.status in ("requested", "authorised")]
    return payments[chosen % len(payments)] if payments else None


def part_of(payment: PaymentState, b: int) -> Money:
    """All that was asked for, most often; or a part, or a little more."""
    return payment.requested if b % 3 else payable(Money(payment.requested.amount * b / 10, "GBP"))


def process(order: Order, a: int, b: int) -> OrderCommand:
    payment = open_payment(order, a)
    if payment is None:
        return ProcessPayment(ORDER, order.balance.outstanding, "card", None, derive_id("charge", a), THEN)
    charge = payment.charge_id or derive_id("charge", payment.payment_id)
    return ProcessPayment(ORDER, part_of(payment, b), payment.method, payment.payment_id, charge, THEN)


def authorise(order: Order, a: int, b: int) -> OrderCommand:
    payment = open_payment(order, a)
    if payment is None:
        return AuthorisePayment(ORDER, pounds(100), "card", ADA, ADA, THEN)
    charge = derive_id("charge", payment.payment_id)
    return AuthorisePayment(ORDER, part_of(payment, b), payment.method, payment.payment_id, charge, THEN)


def void(order: Order, a: int, b: int) -> OrderCommand:
    payment = open_payment(order, a)
    if payment is None or payment.charge_id is None:
        return RecordVoid(ORDER, ADA, pounds(100), ADA)
    return RecordVoid(ORDER, payment.payment_id, payment.authorised, payment.charge_id)


def record_refund(order: Order, a: int, b: int) -> OrderCommand:
    refund = order.refunds[a % len(order.refunds)] if order.refunds else None
    return RecordRefund(ORDER, refund.refund_id if refund else ADA, refund.amount if refund else pounds(1), THEN)


def some_return(order: Order, a: int) -> str:
    return order.returns[a % len(order.returns)].reference if order.returns else "R0"


def ask_return(order: Order, a: int, b: int) -> OrderCommand:
    line = order.lines[a % len(order.lines)] if order.lines else None
    quantity = min(1 + b, max(1, line.quantity_left)) if line else 1
    return RequestReturn(ORDER, f"R{len(order.returns)}", (ReturnLine(line.line if line else 1, quantity),), "no")


def receive(order: Order, a: int, b: int) -> OrderCommand:
    reference = some_return(order, a)
    asked = next((dict(known.asked) for known in order.returns if known.reference == reference), {}) or {1: 1}
    condition = "damaged" if b % 2 else "resellable"
    lines = tuple(ReceivedLine(number, 1 + b % quantity, condition) for number, quantity in asked.items())  # type: ignore[arg-type]
    return ReceiveReturn(ORDER, reference, lines)


DECIDED: dict[str, Intention] = {
    "ask all": lambda order, a, b: RequestPayment(ORDER, "card"),
    "ask a part": lambda order, a, b: RequestPayment(ORDER, "voucher", pounds(1 + 7 * a * b)),
    "take": process,
    "set aside": authorise,
    "release": void,
    "decline": lambda order, a, b: DeclinePayment(ORDER, "no"),
    "ship": lambda order, a, b: ShipOrder(ORDER, "post"),
    "deliver": lambda order, a, b: DeliverOrder(ORDER),
    "cancel": lambda order, a, b: CancelOrder(ORDER, "no"),
    "ask to return": ask_return,
    "accept": lambda order, a, b: AcceptReturn(ORDER, some_return(order, a)),
    "decline return": lambda order, a, b: DeclineReturn(ORDER, some_return(order, a), "no"),
    "receive": receive,
    "close window": lambda order, a, b: CloseReturnWindow(ORDER),
    "refund": record_refund,
    "reverse credit": lambda order, a, b: ReverseCreditNote(ORDER),
    "credit": lambda order, a, b: CreateCreditNote(ORDER, "1", ADA, (Line("A", "", 1, pounds(1)),), "no"),
}
OBSERVED: dict[str, Intention] = {
    "paid elsewhere": lambda order, a, b: RecordObservedPayment(ORDER, pounds(100 * a), "cash", f"P{b}"),
    "shipped elsewhere": lambda order, a, b: RecordObservedShipment(ORDER, "post", f"T{a}"),
    "delivered elsewhere": lambda order, a, b: RecordObservedDelivery(ORDER),
    "cancelled elsewhere": lambda order, a, b: RecordObservedCancellation(ORDER, "no"),
    "returned elsewhere": lambda order, a, b: RecordObservedReturn(
        ORDER, f"C{a}", (ReturnLine(1 + b % 2, 1 + a % 4),), "no", refunded=bool(b % 2)
    ),
    "lines added elsewhere": lambda order, a, b: RecordObservedLines(
        ORDER, len(order.lines) + 1, (Line("71053", "", 1 + a % 2, pounds(b)),)
    ),
    "return reversed": lambda order, a, b: ReverseObservedReturn(ORDER, f"C{a}", (ReturnLine(1 + b % 2, 1 + a % 4),)),
    "refunded elsewhere": lambda order, a, b: RecordObservedRefund(ORDER, f"G{a}", pounds(50 * b), "no"),
}
History = tuple[Order, list[OrderEvent]]


@st.composite
def histories(draw: st.DrawFn, intentions: dict[str, Intention]) -> History:
    """A script that pays, ships, returns or cancels an order, with anything in between."""
    to_the_customer = ["ask a part", "take", "ask all", "take", "ship", "deliver"]
    back = ["ask to return", "accept", "receive", "ask to return", "accept", "receive", "refund"]
    script = draw(
        st.sampled_from(
            [
                [],
                to_the_customer[:4],
                [*to_the_customer, *back],
                ["ask all", "take", "ship", *back, *back],
                ["ask all", "decline", "ask a part", "take", "ask all", "set aside", "ship", "take", *back],
                ["ask a part", "take", "ask all", "set aside", "cancel", "release", "refund"],
                ["ask all", "cancel", "take", "refund"],
            ]
        )
    )
    names = st.sampled_from([*intentions, *to_the_customer, *back])
    numbers = st.integers(0, 9)
    interruptions = draw(st.dictionaries(st.integers(0, len(script)), st.lists(names, max_size=4), max_size=4))
    steps = list[tuple[str, int, int]]()
    for index, name in enumerate([*script, ""]):
        steps += [(other, draw(numbers), draw(numbers)) for other in interruptions.get(index, ())]
        steps += [(name, draw(numbers), draw(numbers))] if name else []
    order, history = run([CreateOrder(ORDER, "1", ADA, draw(LINES))])
    for name, a, b in steps:
        try:
            events = order.decide(intentions[name](order, a, b))
        except (CommandRefused, InvalidMessage):
            continue
        order, history = order.evolve_all(events), [*history, *events]
    return order, history


def run(commands: Iterable[OrderCommand]) -> History:
    order, history = Order(), list[OrderEvent]()
    for command in commands:
        events = order.decide(command)
        order, history = order.evolve_all(events), [*history, *events]
    return order, history


def amounts(events: Iterable[PaymentProcessed | RefundRequested | PaymentRefunded]) -> Decimal:
    return sum((event.amount.amount for event in events), Decimal(0))


def of_kind(history: Iterable[OrderEvent], *kinds: type[Event], observed: bool = False) -> list[OrderEvent]:
    return [event for event in history if isinstance(event, kinds) and getattr(event, "observed", False) is observed]


decided = histories(DECIDED)
anything = histories(DECIDED | OBSERVED)


@given(anything)
def test_what_was_accepted_replays_to_the_same_order(told: History) -> None:
    order, history = told
    read_back: list[Event] = [round_trip(event) for event in history]
    assert Order().evolve_all(read_back) == order  # type: ignore[arg-type]


@given(anything)
def test_nothing_is_taken_or_set_aside_that_was_not_requested_by_the_same_method_before(told: History) -> None:
    requested: dict[UUID | None, str] = {}
    for event in told[1]:
        if isinstance(event, PaymentRequested):
            requested[event.payment_id] = event.method
        elif isinstance(event, PaymentAuthorised) or (isinstance(event, PaymentProcessed) and not event.observed):
            assert requested.get(event.payment_id) == event.method


@given(anything)
def test_our_own_requests_never_take_more_than_the_order_costs(told: History) -> None:
    """Except for what the order was cancelled under way: that is owed back at once."""
    order, taken, cancelled = told[0], Decimal(0), False
    for event in told[1]:
        cancelled = cancelled or isinstance(event, OrderCancelled)
        if isinstance(event, PaymentProcessed) and not event.observed and not cancelled:
            taken += event.amount.amount
    assert taken <= max(order.total.amount, payable(order.total).amount)


@given(anything)
def test_no_refund_is_more_than_its_payment_took(told: History) -> None:
    order, history = told
    owed, taken = Counter[UUID](), Counter[UUID]()
    for event in history:
        if isinstance(event, PaymentProcessed) and event.payment_id:
            taken[event.payment_id] += event.amount.amount  # type: ignore[assignment]
        if isinstance(event, RefundRequested):
            owed[event.payment_id] += event.amount.amount  # type: ignore[assignment]
            assert owed[event.payment_id] <= taken[event.payment_id]
    for payment in order.payments:
        assert 0 <= payment.refunded.amount <= payment.taken.amount
        assert payment.refunded.amount <= payment.owed.amount <= payment.taken.amount


@given(decided)
def test_what_is_owed_is_the_rounded_price_of_what_came_back_or_all_of_a_cancelled_order(told: History) -> None:
    order, history = told
    owed, taken = amounts(of_kind(history, RefundRequested)), amounts(of_kind(history, PaymentProcessed))  # type: ignore[arg-type]
    back = [line.amount.amount for event in history if isinstance(event, ItemsReturned) for line in event.lines]
    if order.status is Status.CANCELLED:
        assert owed == taken
        assert order.payment_state is PaymentStateName.UNPAID
    else:
        assert owed == min(payable(Money(sum(back, Decimal(0)), "GBP")).amount, taken)
    assert amounts(of_kind(history, PaymentRefunded)) <= owed  # type: ignore[arg-type]


@given(decided)
def test_every_amount_that_moves_can_be_paid(told: History) -> None:
    for event in of_kind(told[1], PaymentProcessed, RefundRequested, PaymentRefunded):
        assert payable(event.amount) == event.amount  # type: ignore[union-attr]


@given(anything)
def test_a_refund_is_recorded_once_and_was_requested(told: History) -> None:
    requested = {event.refund_id: event.payment_id for event in told[1] if isinstance(event, RefundRequested)}
    recorded = [event for event in told[1] if isinstance(event, PaymentRefunded) and not event.observed]
    assert len({event.refund_id for event in recorded}) == len(recorded)
    for event in recorded:
        assert event.refund_id is not None and requested[event.refund_id] == event.payment_id


@given(anything)
def test_the_balance_is_the_sum_of_the_events(told: History) -> None:
    order, history = told
    taken = amounts(event for event in history if isinstance(event, PaymentProcessed))
    assert sum((payment.taken.amount for payment in order.payments), Decimal(0)) == taken
    reversed_ = sum(event.refunded.amount for event in history if isinstance(event, ReturnReversed))
    assert order.refunded == amounts(event for event in history if isinstance(event, PaymentRefunded)) - reversed_


@given(decided)
def test_no_more_pieces_come_back_than_were_ordered(told: History) -> None:
    order, history = told
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


@given(anything)
def test_an_order_is_sold_once(told: History) -> None:
    sold = [event for event in told[1] if isinstance(event, PaymentProcessed) and event.lines]
    assert len(sold) <= 1
