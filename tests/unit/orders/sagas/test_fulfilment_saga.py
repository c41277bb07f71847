"""The fulfilment saga: the steps of an order through stock, payment and shipping, and every compensation."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from eventshop.core.messages import Event
from eventshop.core.saga import CancelTimer, CompensationRequested, RefusedCommand, SagaMessage, StartTimer, TimerFired
from eventshop.testing.given_when_then import given_events, given_saga
from orders.domain.commands import (
    CancelOrder,
    DeclinePayment,
    DispatchInventory,
    ProcessPayment,
    ReceiveStock,
    ReleaseInventory,
    ReserveInventory,
    ShipOrder,
)
from orders.domain.errors import UnexpectedRefusal
from orders.domain.events import InventoryRefused, InventoryReserved, Line, LineAmount
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment
from orders.sagas.fulfilment_saga import PAYMENT_TIMEOUT, Fulfilment
from tests.unit.orders.domain.examples import (
    ORDER,
    SIX_LANTERNS,
    TOTAL,
    TWO_MUGS,
    came_back,
    cancelled,
    created,
    gbp,
    paid,
    refunded,
    requested,
    shipped,
)

KEY = UUID("00000000-0000-4000-8000-0000000000ee")
LANTERNS, MUGS = ("71053", 6), ("21212", 2)

set_aside = [InventoryReserved(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
no_mugs = InventoryRefused("21212", ORDER, 2, 1, "out of stock")
take = TakePayment(ORDER, TOTAL, "card")
due = StartTimer("payment", after=PAYMENT_TIMEOUT)
too_late = TimerFired("payment")
taken = PaymentTaken(KEY, TOTAL)
declined = PaymentRefused("card expired")
process = ProcessPayment(ORDER, TOTAL, "card")
ship = ShipOrder(ORDER, "Parcel service")
refund_all = RefundPayment(ORDER, KEY, TOTAL)
given_back = PaymentReturned(TOTAL)
release = [ReleaseInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
dispatch = [DispatchInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
STOP = CancelTimer("payment")

reserved: tuple[SagaMessage, ...] = (created, *set_aside)
charged: tuple[SagaMessage, ...] = (*reserved, taken)
ready: tuple[SagaMessage, ...] = (*charged, paid)
gone: tuple[SagaMessage, ...] = (*ready, shipped)


def cancel(reason: str) -> CancelOrder:
    return CancelOrder(ORDER, reason)


def refused(command: object, code: str = "invalid-order-state") -> RefusedCommand:
    return RefusedCommand(command, code, "it cannot be done")  # type: ignore[arg-type]


# --- the way there ------------------------------------------------------------------------------------------------


def test_every_line_of_a_new_order_is_set_aside() -> None:
    given_saga(Fulfilment).when(created).then(ReserveInventory("71053", ORDER, 6), ReserveInventory("21212", ORDER, 2))


def test_two_lines_of_one_product_are_set_aside_together() -> None:
    mug = Line("21212", "MUG", 2, gbp("1.50"))
    twice = type(created)(ORDER, "1", None, "France", (mug, mug), gbp("6.00"))
    given_saga(Fulfilment).when(twice).then(ReserveInventory("21212", ORDER, 4))


def test_the_payment_is_taken_when_everything_is_set_aside() -> None:
    given_saga(Fulfilment, created).when(set_aside[0]).then_nothing()
    given_saga(Fulfilment, created, set_aside[0]).when(set_aside[1]).then(take, due)
    given_saga(Fulfilment, created, set_aside[1]).when(set_aside[0]).then(take, due)


def test_the_payment_is_taken_as_the_customer_chose() -> None:
    paypal = type(requested)(ORDER, None, TOTAL, "PayPal")
    given_saga(Fulfilment, created, paypal, set_aside[0]).when(set_aside[1]).then(
        TakePayment(ORDER, TOTAL, "PayPal"), due
    )


def test_money_taken_pays_the_order_and_a_paid_order_is_shipped() -> None:
    given_saga(Fulfilment, *reserved).when(taken).then(STOP, process)
    given_saga(Fulfilment, *charged).when(paid).then(STOP, ship)


def test_what_leaves_the_house_leaves_the_stock() -> None:
    given_saga(Fulfilment, *ready).when(shipped).then(*dispatch).and_ended()


def test_an_order_that_costs_nothing_needs_no_gateway() -> None:
    gift = type(created)(ORDER, "1", None, "", (Line("21212", "MUG", 2, gbp("0")),), gbp("0"))
    given_saga(Fulfilment, gift).when(set_aside[1]).then(ProcessPayment(ORDER, gbp("0"), "nothing to pay"))


# --- the ways back ------------------------------------------------------------------------------------------------


def test_a_line_that_is_out_of_stock_cancels_the_order_once() -> None:
    given_saga(Fulfilment, created).when(no_mugs).then(cancel("21212: out of stock"))
    given_saga(Fulfilment, created, no_mugs).when(InventoryRefused("71053", ORDER, 6, 0, "out of stock")).then_nothing()


def test_exactly_what_was_set_aside_is_released() -> None:
    given_saga(Fulfilment, created, set_aside[0], no_mugs).when(cancelled()).then(release[0]).and_ended()
    given_saga(Fulfilment, created, no_mugs, set_aside[0]).when(cancelled()).then(release[0]).and_ended()
    given_saga(Fulfilment, created, no_mugs, cancelled()).when(set_aside[0]).then(release[0]).and_ended()


def test_a_declined_payment_cancels_the_order() -> None:
    given_saga(Fulfilment, *reserved).when(declined).then(
        STOP, DeclinePayment(ORDER, "card expired"), cancel("card expired")
    )
    given_saga(Fulfilment, *reserved, declined).when(cancelled()).then(*release).and_ended()


def test_a_payment_that_takes_too_long_cancels_the_order() -> None:
    given_saga(Fulfilment, *reserved).when(too_late).then(cancel("the payment took too long"))


def test_money_that_comes_after_the_cancellation_goes_back() -> None:
    late: tuple[SagaMessage, ...] = (*reserved, too_late, cancelled())
    given_saga(Fulfilment, *late).goes_on()
    given_saga(Fulfilment, *late).when(taken).then(refund_all)
    given_saga(Fulfilment, *late, taken).goes_on()
    given_saga(Fulfilment, *late, taken).when(given_back).then_nothing().and_ended()
    given_saga(Fulfilment, *late).when(declined).then_nothing().and_ended()


def test_money_that_comes_between_time_out_and_cancellation_goes_back_once() -> None:
    given_saga(Fulfilment, *reserved, too_late).when(taken).then(refund_all)
    given_saga(Fulfilment, *reserved, too_late, taken).when(cancelled()).then(*release)


def test_a_time_out_after_the_answer_is_nothing() -> None:
    given_saga(Fulfilment, *charged).when(too_late).then_nothing()
    given_saga(Fulfilment, *ready).when(too_late).then_nothing()


def test_a_customer_may_cancel_between_any_two_steps() -> None:
    given_saga(Fulfilment, created).when(cancelled()).then_nothing()
    given_saga(Fulfilment, created, cancelled()).when(set_aside[0]).then(release[0])
    given_saga(Fulfilment, created, set_aside[0]).when(cancelled()).then(release[0])
    given_saga(Fulfilment, *reserved).when(cancelled()).then(*release, STOP)
    given_saga(Fulfilment, *charged).when(cancelled()).then(*release, refund_all)
    given_saga(Fulfilment, *ready).when(cancelled(SIX_LANTERNS, TWO_MUGS)).then(*release, refund_all)


def test_money_for_an_order_that_was_cancelled_meanwhile_goes_back_once() -> None:
    given_saga(Fulfilment, *charged).when(refused(process)).then(refund_all)
    given_saga(Fulfilment, *charged, refused(process)).when(cancelled()).then(*release)


def test_a_payment_that_is_refused_for_another_reason_cancels_the_order() -> None:
    given_saga(Fulfilment, *charged).when(refused(process, "wrong-amount")).then(
        refund_all, cancel("it cannot be done")
    )


def test_an_order_that_was_cancelled_before_it_could_be_shipped_says_so_itself() -> None:
    given_saga(Fulfilment, *ready).when(refused(ship)).then_nothing()


def test_a_person_may_have_it_undone_until_it_is_shipped() -> None:
    for heard in (reserved, charged, ready):
        given_saga(Fulfilment, *heard).when(CompensationRequested("fraud")).then(cancel("fraud"))
    given_saga(Fulfilment, *gone).when(CompensationRequested("fraud")).then_nothing()


@pytest.mark.parametrize("step", [*release, *dispatch])
def test_stock_that_does_not_take_back_what_it_gave_needs_a_person(step: object) -> None:
    given_saga(Fulfilment, *gone).when(refused(step, "not-reserved")).then_suspended(UnexpectedRefusal)


# --- what staff does meanwhile ------------------------------------------------------------------------------------


def test_an_order_that_was_paid_otherwise_is_shipped_when_everything_is_set_aside() -> None:
    given_saga(Fulfilment, created).when(paid).then_nothing()
    given_saga(Fulfilment, created, paid, set_aside[0]).when(set_aside[1]).then(ship)


def test_an_order_that_was_paid_otherwise_gives_the_gateways_money_back() -> None:
    given_saga(Fulfilment, *reserved).when(paid).then(STOP, ship)
    given_saga(Fulfilment, *reserved, paid).when(taken).then(refund_all)


def test_an_order_that_was_shipped_by_hand_still_leaves_the_stock() -> None:
    given_saga(Fulfilment, created, paid, set_aside[0]).when(shipped).then(dispatch[0])
    given_saga(Fulfilment, created, paid, set_aside[0], shipped).when(set_aside[1]).then(dispatch[1]).and_ended()


# --- returns ------------------------------------------------------------------------------------------------------

ONE_LANTERN = LineAmount(line=1, sku="71053", quantity=1, amount=gbp("3.39"))


def test_what_comes_back_is_in_stock_again_and_paid_back() -> None:
    given_saga(Fulfilment, *gone).when(came_back(ONE_LANTERN)).then(
        ReceiveStock("71053", 1, "C1"), RefundPayment(ORDER, KEY, gbp("3.39"))
    )


def test_what_was_returned_before_it_left_is_released() -> None:
    given_saga(Fulfilment, *ready).when(came_back(ONE_LANTERN)).then(
        ReleaseInventory("71053", ORDER, 1), RefundPayment(ORDER, KEY, gbp("3.39"))
    )
    given_saga(Fulfilment, *ready, came_back(ONE_LANTERN)).when(shipped).then(
        DispatchInventory("71053", ORDER, 5), dispatch[1]
    )


def test_what_was_returned_before_it_was_set_aside_is_released_when_it_is() -> None:
    early: tuple[SagaMessage, ...] = (created, paid, came_back(ONE_LANTERN))
    given_saga(Fulfilment, *early).when(set_aside[0]).then(ReleaseInventory("71053", ORDER, 1))
    given_saga(Fulfilment, *early, set_aside[0]).when(set_aside[1]).then(ship)
    given_saga(Fulfilment, *early, *set_aside).when(shipped).then(DispatchInventory("71053", ORDER, 5), dispatch[1])


def test_an_order_of_which_everything_came_back_before_it_left_has_ended() -> None:
    everything: tuple[SagaMessage, ...] = (*ready, came_back(SIX_LANTERNS, TWO_MUGS), given_back)
    given_saga(Fulfilment, *everything).has_ended()
    given_saga(Fulfilment, *everything).when(refused(ship, "nothing-to-ship")).then_nothing().and_ended()


def test_returns_never_pay_back_more_than_was_taken_nor_a_part_of_a_penny() -> None:
    """Two mugs cost 2.25: the first refund is 1.12, the second 1.13."""
    mug = LineAmount(line=2, sku="21212", quantity=1, amount=gbp("1.125"))
    once: tuple[SagaMessage, ...] = (*gone, came_back(mug), PaymentReturned(gbp("1.12")))
    given_saga(Fulfilment, *gone).when(came_back(mug)).then(
        ReceiveStock("21212", 1, "C1"), RefundPayment(ORDER, KEY, gbp("1.12"))
    )
    given_saga(Fulfilment, *once).when(came_back(mug)).then(
        ReceiveStock("21212", 1, "C1"), RefundPayment(ORDER, KEY, gbp("1.13"))
    )


def test_what_the_gateway_never_took_it_does_not_give_back() -> None:
    given_saga(Fulfilment, *reserved, paid, shipped).when(came_back(ONE_LANTERN)).then(ReceiveStock("71053", 1, "C1"))


# --- which orders -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "takes_part"), [(0, True), (0.9, True), (1, False), (500, False)])
def test_only_an_order_of_now_takes_part(hours: float, takes_part: bool) -> None:
    """Orders of an import or a demo were fulfilled long ago."""
    [told] = given_events(created).history
    meta = type(told.meta)(
        **{name: getattr(told.meta, name) for name in told.meta.__struct_fields__}
        | {"occurred_at": told.meta.recorded_at - timedelta(hours=hours)}
    )
    assert Fulfilment.starts_with(created, meta) is takes_part


@pytest.mark.parametrize("event", [set_aside[0], paid, cancelled(), shipped, refunded("1")])
def test_nothing_else_starts_one(event: Event) -> None:
    [told] = given_events(event).history
    assert not Fulfilment.starts_with(event, told.meta)


def test_totals_are_exact() -> None:
    assert given_saga(Fulfilment, *charged).state.taken == Decimal("22.590")  # type: ignore[attr-defined]
