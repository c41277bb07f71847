"""Orders, payments and lifetime value of a customer."""

from __future__ import annotations

from eventshop.testing.given_when_then import at, given_events
from projections.customer_summary import customer_summary
from tests.support.sales import ADA, BOB, LANTERNS, Sale, eur, gbp, line

sale = Sale(1)
JANUARY, MARCH = "2026-01-02T10:00:00+00:00", "2026-03-04T10:00:00+00:00"


def test_a_customer_is_worth_what_they_paid() -> None:
    given_events(sale.created, sale.paid).project(customer_summary).row((ADA, "GBP")).has(
        customer_id=ADA,
        currency="GBP",
        orders=1,
        paid_orders=1,
        spent=gbp("22.59"),
        refunded=gbp("0"),
        lifetime_value=gbp("22.59"),
    )


def test_an_order_that_is_not_paid_counts_and_is_worth_nothing() -> None:
    given_events(sale.created).project(customer_summary).row((ADA, "GBP")).has(
        orders=1, paid_orders=0, lifetime_value=gbp("0")
    )


def test_an_anonymous_sale_is_nobodys() -> None:
    anonymous = Sale(1, customer_id=None)
    happened = (anonymous.created, anonymous.paid, anonymous.refunded(gbp("1")), Sale(2, customer_id=None).credited)
    given_events(*happened).project(customer_summary).rows(0).no_row((ADA, "GBP"))


def test_two_currencies_are_two_rows() -> None:
    euros = Sale(2, (line("71053", 1, eur("4.50")),))
    projected = given_events(sale.created, euros.created, euros.paid).project(customer_summary).rows(2)
    projected.row((ADA, "GBP")).has(orders=1, lifetime_value=gbp("0"))
    projected.row((ADA, "EUR")).has(orders=1, lifetime_value=eur("4.50"))


def test_what_goes_back_is_worth_nothing() -> None:
    happened = (sale.created, sale.paid, sale.returned((1, 1)), sale.refunded(gbp("3.39")))
    given_events(*happened).project(customer_summary).row((ADA, "GBP")).has(
        spent=gbp("22.59"), refunded=gbp("3.39"), lifetime_value=gbp("19.20"), paid_orders=1
    )


def test_a_cancelled_paid_order_was_placed_and_is_worth_nothing() -> None:
    happened = (sale.created, sale.paid, sale.cancelled(*sale.all_amounts()), sale.refunded(sale.total))
    given_events(*happened).project(customer_summary).row((ADA, "GBP")).has(
        orders=1, paid_orders=1, lifetime_value=gbp("0")
    )


def test_a_credit_note_for_a_customer_without_orders_makes_them_worth_less_than_nothing() -> None:
    credit = Sale(1, (LANTERNS,), BOB)
    given_events(credit.credited).project(customer_summary).row((BOB, "GBP")).has(
        orders=0, refunded=gbp("20.34"), lifetime_value=gbp("-20.34"), first_order_at=None, last_order_at=None
    )


def test_first_and_last_order_do_not_depend_on_what_arrives_first() -> None:
    early, late = at(Sale(1).created, JANUARY), at(Sale(2).created, MARCH)
    for happened in ((early, late), (late, early)):
        given_events(*happened).project(customer_summary).row((ADA, "GBP")).has(
            orders=2, first_order_at=early.when, last_order_at=late.when
        )


def test_customers_are_kept_apart() -> None:
    projected = given_events(sale.created, Sale(2, customer_id=BOB).created, sale.paid).project(customer_summary)
    projected.rows(2).row((BOB, "GBP")).has(orders=1, spent=gbp("0"))
