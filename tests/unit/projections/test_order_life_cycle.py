"""Payments in parts, authorisations, returns, observed facts and lines that are no products, in all read models."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.money import Money
from eventshop.testing.given_when_then import at, given_events
from orders.domain.commands import (
    AcceptReturn,
    AuthorisePayment,
    CreateOrder,
    DeclinePayment,
    DeclineReturn,
    DeliverOrder,
    OrderCommand,
    ProcessPayment,
    ReceivedLine,
    ReceiveReturn,
    RecordObservedCancellation,
    RecordObservedPayment,
    RecordObservedShipment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReturnLine,
    ShipOrder,
)
from orders.domain.events import Line, OrderEvent, RefundRequested
from orders.domain.order import Order
from orders.domain.payments import payment_id_of
from projections.activity_timeline import activity_timeline
from projections.customer_summary import customer_summary
from projections.daily_sales import daily_sales
from projections.order_lines import order_lines
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.sales import ADA, LANTERNS, gbp

ORDER = UUID(int=7, version=4)
ANSWERED = datetime(2026, 2, 2, 10, tzinfo=UTC)
DAY = (date(2026, 2, 2), "GBP")
FREIGHT = Line("POST", "Parcel", 1, gbp("2.50"), kind="freight")
DISCOUNT = Line("71053", "Welcome", 1, gbp("-1.00"), kind="discount")
#: Six lanterns at 3.39, freight and a discount: 21.84 together.
create = CreateOrder(ORDER, "000007", ADA, (LANTERNS, FREIGHT, DISCOUNT))
ALL = gbp("21.84")


def events_after(*commands: OrderCommand) -> list[OrderEvent]:
    order, events = Order(), list[OrderEvent]()
    for command in commands:
        new_events = order.decide(command)
        order = order.evolve_all(new_events)
        events += new_events
    return events


def pay(number: int, amount: Money | None, method: str = "card") -> list[OrderCommand]:
    taken = ALL if amount is None else amount
    return [
        RequestPayment(ORDER, method, amount),
        ProcessPayment(ORDER, taken, method, payment_id_of(ORDER, number), charge_id(number), ANSWERED),
    ]


def charge_id(number: int) -> UUID:
    return derive_id("test-charge", number)


def authorise(number: int) -> list[OrderCommand]:
    payment = payment_id_of(ORDER, number)
    return [
        RequestPayment(ORDER, "card"),
        AuthorisePayment(ORDER, ALL, "card", payment, charge_id(number), ANSWERED),
    ]


def test_an_order_paid_in_parts_is_sold_once_by_the_payment_that_completes_it() -> None:
    part = events_after(create, *pay(1, gbp("5.00"), "voucher"))
    given_events(*part).project(order_summary).row(ORDER).has(
        status="CREATED", payment_state="PARTLY_PAID", paid=gbp("5.00"), outstanding=gbp("16.84")
    )
    given_events(*part).project(product_sales).row(("71053", "GBP")).has(units_sold=0)
    whole = events_after(create, *pay(1, gbp("5.00"), "voucher"), *pay(2, gbp("16.84")))
    given_events(*whole).project(order_summary).row(ORDER).has(
        status="PAID", payment_state="PAID", paid=ALL, outstanding=gbp("0"), payment="card"
    )
    paid = [at(event, ANSWERED.isoformat()) for event in whole]
    given_events(*paid).project(daily_sales).row(DAY).has(orders=1, gross=ALL, units_sold=6)
    given_events(*whole).project(customer_summary).row((ADA, "GBP")).has(orders=1, paid_orders=1, spent=ALL)


def test_freight_and_discounts_are_lines_and_no_products() -> None:
    whole = events_after(create, *pay(1, None))
    given_events(*whole).project(product_sales).rows(1).row(("71053", "GBP")).has(
        units_sold=6, gross=gbp("20.34"), description="WHITE METAL LANTERN"
    )
    lines = given_events(*whole).project(order_lines).rows(3)
    lines.row((ORDER, 1)).has(kind="product")
    lines.row((ORDER, 2)).has(kind="freight", amount=gbp("2.50"))
    lines.row((ORDER, 3)).has(kind="discount", amount=gbp("-1.00"))
    given_events(*whole).project(order_summary).row(ORDER).has(lines=3, units=6, total=ALL)


def test_each_declined_try_is_counted_and_the_order_stays_payable() -> None:
    declined = [
        command
        for number in (1, 2)
        for command in (
            RequestPayment(ORDER, "declined"),
            DeclinePayment(ORDER, "expired", payment_id_of(ORDER, number), "declined"),
        )
    ]
    given_events(*events_after(create, *declined)).project(order_summary).row(ORDER).has(
        status="CREATED", payment_state="UNPAID", declined=2, outstanding=ALL, payment="declined declined"
    )


def test_what_is_set_aside_is_not_paid_until_it_is_captured() -> None:
    aside = events_after(create, *authorise(1))
    given_events(*aside).project(order_summary).row(ORDER).has(
        payment_state="AUTHORISED", authorised=ALL, paid=gbp("0"), outstanding=gbp("0"), payment="card: set aside"
    )
    captured = events_after(
        create,
        *authorise(1),
        ShipOrder(ORDER, "post"),
        ProcessPayment(ORDER, ALL, "card", payment_id_of(ORDER, 1), charge_id(1), ANSWERED),
    )
    given_events(*captured).project(order_summary).row(ORDER).has(
        status="SHIPPED", payment_state="PAID", authorised=gbp("0"), authorisations="", paid=ALL
    )
    void = RecordVoid(ORDER, payment_id_of(ORDER, 1), ALL, charge_id(1))
    given_events(*events_after(create, *authorise(1), void)).project(order_summary).row(ORDER).has(
        payment_state="UNPAID", authorised=gbp("0"), outstanding=ALL
    )


def test_a_return_is_asked_for_decided_received_and_refunded() -> None:
    shipped: list[OrderCommand] = [create, *pay(1, None), ShipOrder(ORDER, "post"), DeliverOrder(ORDER)]
    asked = [*shipped, RequestReturn(ORDER, "R1", (ReturnLine(1, 2),), "chipped")]
    given_events(*events_after(*asked)).project(order_summary).row(ORDER).has(
        returns_asked=1, returns_to_decide=1, returns_accepted=0, units_returned=0, refund_due=gbp("0")
    )
    given_events(*events_after(*asked, DeclineReturn(ORDER, "R1", "used"))).project(order_summary).row(ORDER).has(
        returns_asked=1, returns_to_decide=0, returns_accepted=0
    )
    received = [ReceivedLine(1, 1), ReceivedLine(1, 1, "damaged")]
    back = [*asked, AcceptReturn(ORDER, "R1"), ReceiveReturn(ORDER, "R1", tuple(received))]
    returned = events_after(*back)
    given_events(*returned).project(order_summary).row(ORDER).has(
        returns_accepted=1, returns_to_decide=0, units_returned=2, refund_due=gbp("6.78"), refunded=gbp("0")
    )
    given_events(*returned).project(order_lines).row((ORDER, 1)).has(returned=2, damaged=1, refunded=gbp("6.78"))
    [request] = [event for event in returned if isinstance(event, RefundRequested)]
    refunded = events_after(*back, RecordRefund(ORDER, request.refund_id, request.amount, ANSWERED))
    given_events(*refunded).project(order_summary).row(ORDER).has(
        refund_due=gbp("0"), refunded=gbp("6.78"), payment_state="PAID"
    )


def test_reported_facts_are_marked_and_broken_rules_are_to_review() -> None:
    reported = events_after(
        create,
        RecordObservedShipment(ORDER, "post"),
        RecordObservedPayment(ORDER, gbp("30.00"), "marketplace"),
        RecordObservedCancellation(ORDER, "customer's wish"),
    )
    given_events(*reported).project(order_summary).row(ORDER).has(
        status="CANCELLED",
        payment_state="OVERPAID",
        observed=True,
        review="cancelled-after-shipping overpaid shipped-before-paid",
        paid=gbp("30.00"),
    )
    given_events(*reported[:2]).project(order_summary).row(ORDER).has(
        status="SHIPPED", payment_state="UNPAID", observed=True, review=""
    )
    told = [row.summary for row in given_events(*reported).project(activity_timeline).rows_by_key.values()]
    assert "Shipped (observed)" in told
    assert "To review, shipped-before-paid: 21.84 GBP was outstanding" in told


def test_returns_are_told_without_the_customers_words() -> None:
    told = events_after(
        create,
        *pay(1, None),
        ShipOrder(ORDER, "post"),
        RequestReturn(ORDER, "R1", (ReturnLine(1, 2),), "my late husband"),
        DeclineReturn(ORDER, "R1", "worn by Mr Doe"),
    )
    summaries = [row.summary for row in given_events(*told).project(activity_timeline).rows_by_key.values()]
    assert summaries[-2:] == ["Return R1 of 2 pieces asked for (customer)", "Return R1 declined"]


def test_a_total_between_two_pennies_is_paid_in_whole_pennies() -> None:
    odd = CreateOrder(ORDER, "000007", ADA, (Line("71053", "", 1, gbp("3.335")),))
    paid = [*pay(1, gbp("3.34"))]
    given_events(*events_after(odd, *paid)).project(order_summary).row(ORDER).has(
        status="PAID", payment_state="PAID", outstanding=Decimal(0), paid=gbp("3.34")
    )
