"""The lines of an order, with the quantities returned of each."""

from __future__ import annotations

from eventshop.testing.given_when_then import given_events
from projections.order_lines import order_lines
from tests.support.sales import LANTERNS, MUGS, Sale, eur, gbp, line

sale = Sale(1)


def test_each_line_of_an_order_has_a_row() -> None:
    projected = given_events(sale.created).project(order_lines).rows(2)
    projected.row((sale.order_id, 1)).has(
        order_id=sale.order_id,
        line=1,
        sku="71053",
        description="WHITE METAL LANTERN",
        quantity=6,
        price=gbp("3.39"),
        amount=gbp("20.34"),
        currency="GBP",
        returned=0,
        refunded=gbp("0"),
    )
    projected.row((sale.order_id, 2)).has(sku="21212", quantity=2, amount=gbp("2.25"))


def test_a_free_line_costs_nothing() -> None:
    gift = Sale(1, (line("GIFT", 3, eur("0")),))
    given_events(gift.created).project(order_lines).row((gift.order_id, 1)).has(
        price=eur("0"), amount=eur("0"), currency="EUR", quantity=3
    )


def test_the_same_product_on_two_lines_stays_two_lines() -> None:
    twice = Sale(1, (LANTERNS, MUGS, LANTERNS))
    projected = given_events(twice.created, twice.paid, twice.returned((3, 2))).project(order_lines).rows(3)
    projected.row((twice.order_id, 1)).has(sku="71053", returned=0)
    projected.row((twice.order_id, 3)).has(sku="71053", returned=2, refunded=gbp("6.78"))


def test_partial_returns_add_up_on_their_line() -> None:
    happened = (sale.created, sale.paid, sale.returned((1, 1)), sale.returned((1, 2), (2, 2)))
    projected = given_events(*happened).project(order_lines)
    projected.row((sale.order_id, 1)).has(returned=3, refunded=gbp("10.17"), quantity=6)
    projected.row((sale.order_id, 2)).has(returned=2, refunded=gbp("2.25"))


def test_a_credit_note_has_lines_too() -> None:
    given_events(sale.credited).project(order_lines).rows(2).row((sale.order_id, 2)).has(
        sku="21212", amount=gbp("2.25"), returned=0
    )


def test_payment_and_cancellation_leave_the_lines_alone() -> None:
    given_events(sale.created, sale.paid, sale.cancelled(*sale.all_amounts())).project(order_lines).rows(2).row(
        (sale.order_id, 1)
    ).has(returned=0, refunded=gbp("0"), last_version=1)
