"""The fulfilment saga: the steps of an order through stock, payment and shipping, and every compensation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from eventshop.core.messages import Event
from eventshop.core.saga import CancelTimer, CompensationRequested, RefusedCommand, SagaMessage, StartTimer, TimerFired
from eventshop.testing.given_when_then import given_events, given_saga
from orders.domain.commands import (
    CancelOrder,
    DeclinePayment,
    DispatchInventory,
    ProcessPayment,
    ReceiveStock,
    RecordRefund,
    RecordVoid,
    ReleaseInventory,
    RequestPayment,
    ReserveInventory,
    ShipOrder,
    WriteOffStock,
)
from orders.domain.errors import UnexpectedRefusal
from orders.domain.events import InventoryRefused, InventoryReserved, Line, LineAmount, PaymentRequested
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    CapturePayment,
    HandOverParcel,
    ParcelHandedOver,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.fulfilment_saga import Fulfilment
from orders.sagas.fulfilment_state import FulfilmentState
from orders.sagas.fulfilment_values import FulfilmentTerms, undoing_refund
from tests.unit.orders.domain.examples import (
    ADA,
    CHARGE,
    DUE,
    ORDER,
    PAYMENT,
    SECOND_CHARGE,
    SECOND_PAYMENT,
    SIX_LANTERNS,
    THEN,
    TWO_MUGS,
    authorise,
    authorised,
    came_back,
    cancelled,
    created,
    delivered,
    gbp,
    owed,
    paid,
    pay,
    refund_id,
    refunded,
    requested,
    shipped,
)

LANTERNS, MUGS = ("71053", 6), ("21212", 2)

set_aside = [InventoryReserved(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
no_mugs = InventoryRefused("21212", ORDER, 2, 1, "out of stock")
reserve = [ReserveInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
release = [ReleaseInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
dispatch = [DispatchInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
take = TakePayment(ORDER, DUE, "card", PAYMENT, customer_id=ADA)
taken = PaymentTaken(CHARGE, DUE, PAYMENT, "card", THEN)
secured = PaymentSetAside(PAYMENT, CHARGE, DUE, "card", THEN)
captured = PaymentCaptured(PAYMENT, CHARGE, DUE, "card", THEN)
refused_card = PaymentRefused("card expired", PAYMENT, "card")
decline = DeclinePayment(ORDER, "card expired", PAYMENT, "card")
hand_over = HandOverParcel(ORDER, ADA, "Parcel service")
handed_over = ParcelHandedOver("Parcel service")
ship = ShipOrder(ORDER, "Parcel service")
deadline, too_late = StartTimer("payment", after=timedelta(minutes=30)), TimerFired("payment")
STOP, STOP_SHIPPING = CancelTimer("payment"), CancelTimer("shipping")
NOT_PAID = CancelOrder(ORDER, "not paid in time")
again = PaymentRequested(ORDER, ADA, DUE, "voucher", SECOND_PAYMENT)

reserved: tuple[SagaMessage, ...] = (created, *set_aside)
asked: tuple[SagaMessage, ...] = (*reserved, requested)
charged: tuple[SagaMessage, ...] = (*asked, taken)
ready: tuple[SagaMessage, ...] = (*charged, paid)
gone: tuple[SagaMessage, ...] = (*ready, shipped)
held: tuple[SagaMessage, ...] = (*asked, secured, authorised)


@pytest.fixture(autouse=True)
def the_shops_terms() -> Iterator[None]:
    """Orders are shipped five minutes after their payment, and paid within thirty."""
    yield from terms(FulfilmentTerms())


def terms(terms: FulfilmentTerms) -> Iterator[None]:
    before = FulfilmentState.terms
    FulfilmentState.terms = lambda: terms
    yield
    FulfilmentState.terms = before


@pytest.fixture
def cards_are_captured_on_shipping(the_shops_terms: None) -> Iterator[None]:
    yield from terms(FulfilmentTerms(captured_on_shipping=frozenset({"card"})))


@pytest.fixture
def shipping_at_once(the_shops_terms: None) -> Iterator[None]:
    yield from terms(FulfilmentTerms(shipping_delay=timedelta(0)))


def cancel(reason: str) -> CancelOrder:
    return CancelOrder(ORDER, reason)


def refused(command: object, code: str = "invalid-order-state") -> RefusedCommand:
    return RefusedCommand(command, code, "it cannot be done")  # type: ignore[arg-type]


# --- goods --------------------------------------------------------------------------------------------------------


def test_every_line_of_a_new_order_is_set_aside_until_a_deadline_and_nothing_is_charged() -> None:
    given_saga(Fulfilment).when(created).then(*reserve, deadline)
    given_saga(Fulfilment, created, set_aside[0]).when(set_aside[1]).then_nothing()


def test_two_lines_of_one_product_are_set_aside_together_and_only_products_are() -> None:
    mug = Line("21212", "MUG", 2, gbp("1.50"))
    lines = (mug, mug, Line("POST", "", 1, gbp("4.00"), "freight"), Line("SALE", "", 1, gbp("-1.00"), "discount"))
    given_saga(Fulfilment).when(replace(created, lines=lines, total=gbp("9.00"))).then(
        ReserveInventory("21212", ORDER, 4), deadline
    )


def test_an_order_without_goods_waits_for_its_payment() -> None:
    freight = replace(created, lines=(Line("POST", "", 1, gbp("4.00"), "freight"),), total=gbp("4.00"))
    given_saga(Fulfilment).when(freight).then(deadline)
    request = replace(requested, amount=gbp("4.00"))
    given_saga(Fulfilment, freight).when(request).then(replace(take, amount=gbp("4.00")))


def test_what_leaves_the_house_leaves_the_stock() -> None:
    given_saga(Fulfilment, *ready).when(shipped).then(STOP, STOP_SHIPPING, *dispatch).and_ended()


# --- payment ------------------------------------------------------------------------------------------------------


def test_a_payment_is_charged_when_it_is_requested_and_everything_is_set_aside() -> None:
    given_saga(Fulfilment, *reserved).when(requested).then(take)
    given_saga(Fulfilment, created).when(requested).then_nothing()
    given_saga(Fulfilment, created, requested, set_aside[0]).when(set_aside[1]).then(take)
    given_saga(Fulfilment, created, set_aside[1], requested).when(set_aside[0]).then(take)


def test_a_payment_is_charged_as_the_customer_chose() -> None:
    by_token = replace(requested, method="bank_transfer", token="tok_1")
    given_saga(Fulfilment, *reserved).when(by_token).then(replace(take, method="bank_transfer", token="tok_1"))


def test_what_is_recorded_is_what_the_gateway_answered() -> None:
    given_saga(Fulfilment, *asked).when(taken).then(pay)
    less = PaymentTaken(SECOND_CHARGE, gbp("5.00"), PAYMENT, "voucher", THEN)
    given_saga(Fulfilment, *asked).when(less).then(
        ProcessPayment(ORDER, gbp("5.00"), "voucher", PAYMENT, SECOND_CHARGE, THEN)
    )


def test_a_paid_order_is_shipped_after_a_while() -> None:
    after_five_minutes = StartTimer("shipping", after=timedelta(minutes=5))
    given_saga(Fulfilment, *charged).when(paid).then(STOP, after_five_minutes)
    given_saga(Fulfilment, *ready).when(TimerFired("shipping")).then(hand_over)
    given_saga(Fulfilment, *ready).when(handed_over).then(ship)
    given_saga(Fulfilment, *gone).when(handed_over).then_nothing()
    given_saga(Fulfilment, *ready, cancelled()).when(handed_over).then_nothing()
    given_saga(Fulfilment, *gone).when(TimerFired("shipping")).then_nothing()
    given_saga(Fulfilment, *ready, cancelled()).when(TimerFired("shipping")).then_nothing()


@pytest.mark.usefixtures("shipping_at_once")
def test_the_parcel_of_a_guest_is_shipped_without_asking_an_account() -> None:
    guest = replace(created, customer_id=None)
    given_saga(Fulfilment, guest, *set_aside, requested, taken).when(paid).then(STOP, ship)


@pytest.mark.usefixtures("shipping_at_once")
def test_without_a_delay_a_paid_order_is_shipped_at_once() -> None:
    given_saga(Fulfilment, *charged).when(paid).then(STOP, hand_over)


def test_a_part_payment_waits_for_the_rest() -> None:
    part = replace(paid, amount=gbp("5.00"), lines=())
    given_saga(Fulfilment, *charged).when(part).then_nothing()
    rest = replace(paid, amount=gbp("17.59"), payment_id=SECOND_PAYMENT, charge_id=SECOND_CHARGE)
    assert given_saga(Fulfilment, *charged, part, again).when(rest).actions[0] == STOP


def test_a_declined_payment_leaves_the_order_payable() -> None:
    given_saga(Fulfilment, *asked).when(refused_card).then(decline)
    given_saga(Fulfilment, *asked, refused_card).when(again).then(
        TakePayment(ORDER, DUE, "voucher", SECOND_PAYMENT, customer_id=ADA)
    )


def test_an_order_that_costs_nothing_is_requested_and_paid_without_a_gateway() -> None:
    gift = replace(created, lines=(Line("21212", "MUG", 2, gbp("0")),), total=gbp("0"))
    request = RequestPayment(ORDER, "nothing_to_pay")
    nothing = replace(requested, amount=gbp("0"), method="nothing_to_pay")
    given_saga(Fulfilment, gift).when(set_aside[1]).then(request)
    given_saga(Fulfilment, gift, set_aside[1]).when(nothing).then(
        ProcessPayment(ORDER, gbp("0"), "nothing_to_pay", PAYMENT)
    )
    less_than_a_penny = replace(gift, lines=(Line("21212", "MUG", 2, gbp("0.002")),), total=gbp("0.004"))
    given_saga(Fulfilment, less_than_a_penny).when(set_aside[1]).then(request)
    without_goods = replace(gift, lines=(Line("POST", "", 1, gbp("0"), "freight"),))
    given_saga(Fulfilment).when(without_goods).then(deadline, request)


# --- authorised and captured ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cards_are_captured_on_shipping")
def test_a_card_is_authorised_where_the_shop_captures_on_shipping() -> None:
    given_saga(Fulfilment, *reserved).when(requested).then(replace(take, capture=False))
    by_voucher = replace(requested, method="voucher")
    given_saga(Fulfilment, *reserved).when(by_voucher).then(replace(take, method="voucher"))
    given_saga(Fulfilment, *asked).when(secured).then(authorise)


def test_an_authorised_order_is_shipped_and_captured_then() -> None:
    assert given_saga(Fulfilment, *asked, secured).when(authorised).actions[0] == STOP
    given_saga(Fulfilment, *held).when(TimerFired("shipping")).then(hand_over)
    given_saga(Fulfilment, *held).when(shipped).then(
        STOP, STOP_SHIPPING, *dispatch, CapturePayment(ORDER, PAYMENT, CHARGE, DUE)
    )
    given_saga(Fulfilment, *held, shipped).goes_on()
    given_saga(Fulfilment, *held, shipped).when(captured).then(pay).and_ended()
    given_saga(Fulfilment, *held, shipped, captured).when(paid).then_nothing().and_ended()


def test_what_is_set_aside_is_released_when_the_order_is_cancelled() -> None:
    void = VoidAuthorisation(ORDER, PAYMENT, CHARGE)
    given_saga(Fulfilment, *held).when(cancelled()).then(STOP, STOP_SHIPPING, *release, void)
    released = AuthorisationVoided(PAYMENT, CHARGE, DUE, THEN)
    given_saga(Fulfilment, *held, cancelled()).when(released).then(RecordVoid(ORDER, PAYMENT, DUE, CHARGE)).and_ended()
    given_saga(Fulfilment, *asked, cancelled(), secured).when(authorised).then(void)


# --- the deadline ---------------------------------------------------------------------------------------------------


def test_an_order_that_is_not_paid_in_time_is_cancelled() -> None:
    for history in ((created,), reserved, (*asked, refused_card)):
        given_saga(Fulfilment, *history).when(too_late).then(NOT_PAID)
    part = replace(paid, amount=gbp("5.00"), lines=())
    given_saga(Fulfilment, *charged, part).when(too_late).then(NOT_PAID)


def test_a_charge_under_way_at_the_deadline_is_awaited() -> None:
    given_saga(Fulfilment, *asked).when(too_late).then_nothing()
    given_saga(Fulfilment, *asked, too_late).when(taken).then(pay)
    given_saga(Fulfilment, *asked, taken).when(too_late).then_nothing()
    assert given_saga(Fulfilment, *asked, taken, too_late).when(paid).actions[0] == STOP
    assert given_saga(Fulfilment, *asked, too_late, taken).when(paid).actions[0] == STOP
    given_saga(Fulfilment, *asked, too_late).when(refused_card).then(decline, NOT_PAID)
    part = replace(paid, amount=gbp("5.00"), lines=())
    given_saga(Fulfilment, *asked, too_late, taken).when(part).then(NOT_PAID)


def test_a_payment_requested_before_the_deadline_is_charged_when_the_goods_are_set_aside_after_it() -> None:
    """No worker was running for an hour, or the stock was busy."""
    late: tuple[SagaMessage, ...] = (created, requested, too_late)
    given_saga(Fulfilment, created, requested).when(too_late).then_nothing()
    given_saga(Fulfilment, *late, set_aside[0]).when(set_aside[1]).then(take)
    given_saga(Fulfilment, *late, *set_aside).when(refused_card).then(decline, NOT_PAID)
    given_saga(Fulfilment, *late).when(no_mugs).then(cancel("21212: out of stock"))


def test_a_covered_order_has_no_deadline() -> None:
    for history in (ready, gone, held):
        given_saga(Fulfilment, *history).when(too_late).then_nothing()


def test_a_request_that_comes_after_the_cancellation_is_not_charged() -> None:
    given_saga(Fulfilment, *reserved, too_late).when(requested).then_nothing()
    given_saga(Fulfilment, *reserved, too_late, cancelled()).when(requested).then_nothing().and_ended()
    given_saga(Fulfilment, created, requested, cancelled(), set_aside[0]).when(set_aside[1]).then(release[1])


# --- the ways back --------------------------------------------------------------------------------------------------


def test_a_line_that_is_out_of_stock_cancels_the_order_once() -> None:
    given_saga(Fulfilment, created).when(no_mugs).then(cancel("21212: out of stock"))
    given_saga(Fulfilment, created, no_mugs).when(InventoryRefused("71053", ORDER, 6, 0, "out of stock")).then_nothing()


def test_exactly_what_was_set_aside_is_released() -> None:
    stop = (STOP, STOP_SHIPPING)
    given_saga(Fulfilment, created, set_aside[0], no_mugs).when(cancelled()).then(*stop, release[0]).and_ended()
    given_saga(Fulfilment, created, no_mugs, set_aside[0]).when(cancelled()).then(*stop, release[0]).and_ended()
    given_saga(Fulfilment, created, no_mugs, cancelled()).when(set_aside[0]).then(release[0]).and_ended()


def test_a_customer_may_cancel_between_any_two_steps() -> None:
    for history in (reserved, asked, charged, ready):
        given_saga(Fulfilment, *history).when(cancelled()).then(STOP, STOP_SHIPPING, *release)
    given_saga(Fulfilment, created, cancelled()).when(set_aside[0]).then(release[0])


def test_a_refund_that_the_order_requested_is_paid_and_recorded_as_answered() -> None:
    give_back = RefundPayment(ORDER, CHARGE, gbp("22.59"), refund_id())
    given_saga(Fulfilment, *ready, cancelled()).when(owed("22.59", reference="536365")).then(give_back)
    waiting: tuple[SagaMessage, ...] = (*ready, cancelled(), owed("22.59", reference="536365"))
    given_saga(Fulfilment, *waiting).goes_on()
    answer = PaymentReturned(gbp("22.58"), refund_id(), THEN)
    given_saga(Fulfilment, *waiting).when(answer).then(RecordRefund(ORDER, refund_id(), gbp("22.58"), THEN)).and_ended()


def test_money_that_comes_after_the_cancellation_is_recorded_and_goes_back() -> None:
    late: tuple[SagaMessage, ...] = (*asked, cancelled())
    given_saga(Fulfilment, *late).goes_on()
    given_saga(Fulfilment, *late).when(taken).then(pay)
    recorded: tuple[SagaMessage, ...] = (*late, taken, replace(paid, lines=()))
    given_saga(Fulfilment, *recorded).when(owed("22.59", reference="536365")).then(
        RefundPayment(ORDER, CHARGE, DUE, refund_id())
    )
    given_saga(Fulfilment, *late).when(refused_card).then(decline).and_ended()


def test_a_refund_of_a_payment_that_the_gateway_never_took_is_not_asked_of_it() -> None:
    given_saga(Fulfilment, *ready).when(owed("1.00", payment=UUID(int=9))).then_nothing()


def test_a_charge_that_the_order_does_not_accept_is_undone() -> None:
    undo = undoing_refund(CHARGE)
    declined = DeclinePayment(ORDER, "it cannot be done", PAYMENT, "card")
    given_saga(Fulfilment, *charged).when(refused(pay, "wrong-amount")).then(
        RefundPayment(ORDER, CHARGE, DUE, undo), declined
    )
    after: tuple[SagaMessage, ...] = (*charged, refused(pay, "wrong-amount"))
    given_saga(Fulfilment, *after).when(PaymentReturned(DUE, undo, THEN)).then_nothing()
    given_saga(Fulfilment, *asked, secured).when(refused(authorise)).then(
        VoidAuthorisation(ORDER, PAYMENT, CHARGE), declined
    )
    voided = AuthorisationVoided(PAYMENT, CHARGE, DUE, THEN)
    given_saga(Fulfilment, *asked, secured, refused(authorise)).when(voided).then_nothing()


def test_a_charge_refused_after_the_deadline_ends_the_order() -> None:
    late: tuple[SagaMessage, ...] = (*asked, too_late, taken)
    assert given_saga(Fulfilment, *late).when(refused(pay)).actions[-1] == NOT_PAID


@pytest.mark.parametrize("command", [ship, NOT_PAID, decline, RequestPayment(ORDER, "nothing_to_pay")])
def test_an_order_that_changed_meanwhile_says_so_itself(command: object) -> None:
    given_saga(Fulfilment, *ready).when(refused(command)).then_nothing()


def test_a_person_may_have_it_undone_until_it_is_shipped() -> None:
    for history in (reserved, charged, ready):
        given_saga(Fulfilment, *history).when(CompensationRequested("fraud")).then(cancel("fraud"))
    given_saga(Fulfilment, *gone).when(CompensationRequested("fraud")).then_nothing()


@pytest.mark.parametrize("step", [*release, *dispatch, RecordRefund(ORDER, refund_id(), DUE, THEN)])
def test_what_earlier_steps_allow_and_is_refused_needs_a_person(step: object) -> None:
    given_saga(Fulfilment, *gone).when(refused(step, "not-reserved")).then_suspended(UnexpectedRefusal)


# --- staff ----------------------------------------------------------------------------------------------------------


def test_an_order_that_staff_ship_early_leaves_the_stock_and_is_not_shipped_again() -> None:
    given_saga(Fulfilment, *ready).when(shipped).then(STOP, STOP_SHIPPING, *dispatch)
    given_saga(Fulfilment, *gone).when(TimerFired("shipping")).then_nothing()


# --- returns --------------------------------------------------------------------------------------------------------

ONE_LANTERN = LineAmount(line=1, sku="71053", quantity=1, amount=gbp("3.39"))


def test_what_came_back_is_in_stock_again_and_what_is_damaged_is_written_off() -> None:
    given_saga(Fulfilment, *gone).when(came_back(ONE_LANTERN)).then(ReceiveStock("71053", 1, "R1"))
    given_saga(Fulfilment, *gone).when(came_back(SIX_LANTERNS, TWO_MUGS, damaged=(ONE_LANTERN,))).then(
        ReceiveStock("71053", 6, "R1"),
        ReceiveStock("21212", 2, "R1"),
        WriteOffStock("71053", 1, "returned damaged", "R1"),
    )


def test_the_refund_of_a_return_is_asked_of_the_gateway() -> None:
    given_saga(Fulfilment, *gone, came_back(ONE_LANTERN)).when(owed("3.39")).then(
        RefundPayment(ORDER, CHARGE, gbp("3.39"), refund_id())
    )


def test_refunds_go_to_the_charges_that_they_come_from() -> None:
    rest = replace(paid, amount=gbp("17.59"), payment_id=SECOND_PAYMENT, charge_id=SECOND_CHARGE)
    history: tuple[SagaMessage, ...] = (*charged, replace(paid, amount=gbp("5.00"), lines=()), rest, shipped)
    for payment, charge in ((PAYMENT, CHARGE), (SECOND_PAYMENT, SECOND_CHARGE)):
        given_saga(Fulfilment, *history).when(owed("1.00", payment=payment)).then(
            RefundPayment(ORDER, charge, gbp("1.00"), refund_id())
        )


# --- observed facts -------------------------------------------------------------------------------------------------

seen = {"observed": True}


def test_a_payment_seen_elsewhere_stops_it_and_the_goods_stay_set_aside() -> None:
    paid_elsewhere = replace(paid, **seen)
    given_saga(Fulfilment, *reserved).when(paid_elsewhere).then(STOP, STOP_SHIPPING)
    given_saga(Fulfilment, *reserved, paid_elsewhere).when(too_late).then_nothing()
    given_saga(Fulfilment, *reserved, paid_elsewhere).when(requested).then_nothing()
    given_saga(Fulfilment, *reserved, paid_elsewhere).when(shipped).then(STOP, STOP_SHIPPING, *dispatch).and_ended()
    given_saga(Fulfilment, *reserved, paid_elsewhere).when(cancelled()).then(STOP, STOP_SHIPPING, *release).and_ended()


@pytest.mark.parametrize("history", [(created, requested), (*reserved, too_late, requested)])
def test_a_request_that_waits_is_declined_when_the_order_is_cancelled(history: tuple[SagaMessage, ...]) -> None:
    handled = given_saga(Fulfilment, *history).when(cancelled())
    assert DeclinePayment(ORDER, "the order was cancelled", PAYMENT, "card") in handled.actions


def test_a_request_that_waits_is_declined_when_something_is_seen_elsewhere() -> None:
    given_saga(Fulfilment, created, requested).when(replace(paid, **seen)).then(
        STOP, STOP_SHIPPING, DeclinePayment(ORDER, "the order is handled elsewhere", PAYMENT, "card")
    )


@pytest.mark.parametrize("event", [shipped, delivered, cancelled()], ids=lambda event: type(event).__name__)
def test_an_order_that_went_on_elsewhere_only_gives_its_goods_free(event: Event) -> None:
    elsewhere = replace(event, **seen)
    given_saga(Fulfilment, *reserved).when(elsewhere).then(STOP, STOP_SHIPPING, *release).and_ended()
    given_saga(Fulfilment, created, elsewhere).when(set_aside[0]).then(release[0])
    given_saga(Fulfilment, *ready, elsewhere).when(TimerFired("shipping")).then_nothing()
    given_saga(Fulfilment, *held).when(elsewhere).then(STOP, STOP_SHIPPING, *release)


def test_goods_seen_coming_back_move_no_stock() -> None:
    given_saga(Fulfilment, *gone).when(replace(came_back(ONE_LANTERN), **seen)).then(STOP, STOP_SHIPPING)


# --- which orders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "takes_part"), [(0, True), (0.9, True), (1, False), (500, False)])
def test_only_an_order_of_now_takes_part(hours: float, takes_part: bool) -> None:
    """Orders of an import or a demo were fulfilled long ago."""
    [told] = given_events(created).history
    meta = replace(told.meta, occurred_at=told.meta.recorded_at - timedelta(hours=hours))
    assert Fulfilment.starts_with(created, meta) is takes_part


@pytest.mark.parametrize("event", [set_aside[0], requested, paid, cancelled(), shipped, refunded("1")])
def test_nothing_else_starts_one(event: Event) -> None:
    [told] = given_events(event).history
    assert not Fulfilment.starts_with(event, told.meta)
