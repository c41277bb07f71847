"""The current state of an order, folded from its events."""

from __future__ import annotations

from msgspec.structs import replace

from eventshop.testing.given_when_then import MORNING, at, given_events
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.sales import ADA, Sale, gbp

sale = Sale(1)
NOON, EVENING = "2026-02-01T12:00:00+00:00", "2026-02-01T18:00:00+00:00"


def test_a_new_order_shows_what_was_asked_for() -> None:
    given_events(sale.created).project(order_summary).rows(1).row(sale.order_id).has(
        reference="000001",
        kind=OrderSummary.Kind.ORDER,
        status=OrderSummary.Status.CREATED,
        customer_id=ADA,
        country="France",
        currency="GBP",
        total=gbp("22.59"),
        paid=gbp("0"),
        refunded=gbp("0"),
        lines=2,
        units=8,
        units_returned=0,
        payment="",
        created_at=MORNING,
        updated_at=MORNING,
        paid_at=None,
    )


def test_an_anonymous_order_has_no_customer() -> None:
    anonymous = Sale(1, customer_id=None)
    given_events(anonymous.created).project(order_summary).row(anonymous.order_id).has(customer_id=None)


def test_a_declined_payment_is_noted_and_changes_no_state() -> None:
    row = given_events(sale.created, sale.requested, at(sale.declined, NOON)).project(order_summary)
    row.row(sale.order_id).has(status="CREATED", payment="declined", paid=gbp("0"), updated_at=at(sale.paid, NOON).when)


def test_a_requested_payment_names_its_method() -> None:
    given_events(sale.created, sale.requested).project(order_summary).row(sale.order_id).has(
        status="CREATED", payment="card: requested"
    )


def test_the_longest_words_fit_their_columns() -> None:
    words = "x" * 200
    wordy = [replace(sale.requested, method=words), replace(sale.declined, reason=words)]
    for event in wordy:
        [row] = given_events(sale.created, event).project(order_summary).rows_by_key.values()
        assert len(row.payment) <= 200


def test_a_paid_order_shows_payment_and_time() -> None:
    given_events(sale.created, at(sale.paid, NOON)).project(order_summary).row(sale.order_id).has(
        status="PAID", paid=gbp("22.59"), payment="card", paid_at=at(sale.paid, NOON).when
    )


def test_shipping_and_delivery_keep_their_times() -> None:
    happened = (sale.created, sale.paid, at(sale.shipped, NOON), at(sale.delivered, EVENING))
    given_events(*happened).project(order_summary).row(sale.order_id).has(
        status="DELIVERED",
        carrier="Royal Mail",
        tracking="RM1",
        shipped_at=at(sale.shipped, NOON).when,
        delivered_at=at(sale.delivered, EVENING).when,
        updated_at=at(sale.delivered, EVENING).when,
    )
    given_events(*happened[:3]).project(order_summary).row(sale.order_id).has(status="SHIPPED", delivered_at=None)


def test_an_unpaid_order_is_cancelled_without_money() -> None:
    given_events(sale.created, at(sale.cancelled(), NOON)).project(order_summary).row(sale.order_id).has(
        status="CANCELLED", reason="changed her mind", cancelled_at=at(sale.paid, NOON).when, refunded=gbp("0")
    )


def test_a_cancelled_paid_order_is_refunded() -> None:
    happened = (sale.created, sale.paid, sale.cancelled(*sale.all_amounts()), sale.refunded(sale.total))
    given_events(*happened).project(order_summary).row(sale.order_id).has(
        status="CANCELLED", paid=gbp("22.59"), refunded=gbp("22.59"), units_returned=0
    )


def test_partial_returns_add_up_and_keep_the_state() -> None:
    happened = (
        sale.created,
        sale.paid,
        sale.shipped,
        sale.returned((1, 1)),
        sale.refunded(gbp("3.39")),
        sale.returned((1, 2), (2, 1)),
        sale.refunded(gbp("7.905")),
    )
    given_events(*happened).project(order_summary).row(sale.order_id).has(
        status="SHIPPED", units_returned=4, refunded=gbp("11.295"), paid=gbp("22.59")
    )


def test_a_credit_note_is_an_order_of_its_own_kind() -> None:
    given_events(sale.credited).project(order_summary).row(sale.order_id).has(
        kind=OrderSummary.Kind.CREDIT_NOTE,
        status=OrderSummary.Status.CREDITED,
        total=gbp("22.59"),
        refunded=gbp("22.59"),
        paid=gbp("0"),
        units=8,
        units_returned=8,
        reason="goodwill",
    )


def test_each_order_has_its_own_row_and_its_own_lineage() -> None:
    other = Sale(2, customer_id=None)
    projected = given_events(sale.created, other.created, sale.paid, other.requested).project(order_summary)
    projected.rows(2).row(sale.order_id).has(status="PAID", last_version=2, last_offset=3, last_partition=0)
    projected.row(other.order_id).has(status="CREATED", last_version=2, last_offset=4)
