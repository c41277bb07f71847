"""Sales and returns of each product."""

from __future__ import annotations

from itertools import permutations

from eventshop.testing.given_when_then import at, given_events
from projections.product_sales import product_sales
from tests.support.sales import LANTERNS, MUGS, Sale, eur, gbp, line

sale = Sale(1)
LANTERN, MUG = ("71053", "GBP"), ("21212", "GBP")
MONDAY, TUESDAY = "2026-02-02T10:00:00+00:00", "2026-02-03T10:00:00+00:00"


def test_a_product_is_known_when_ordered_and_sold_when_paid() -> None:
    given_events(sale.created).project(product_sales).rows(2).row(LANTERN).has(
        sku="71053", currency="GBP", description="WHITE METAL LANTERN", units_sold=0, gross=gbp("0")
    )
    given_events(sale.created, sale.paid).project(product_sales).row(LANTERN).has(
        units_sold=6, units_net=6, gross=gbp("20.34"), net=gbp("20.34"), units_returned=0, refunded=gbp("0")
    )


def test_an_anonymous_sale_sells_products() -> None:
    anonymous = Sale(1, customer_id=None)
    given_events(anonymous.created, anonymous.paid).project(product_sales).row(MUG).has(units_sold=2)


def test_the_same_product_on_two_lines_is_one_product() -> None:
    twice = Sale(1, (LANTERNS, MUGS, line("71053", 1, gbp("4"), "ODD LANTERN")))
    given_events(twice.created, twice.paid).project(product_sales).rows(2).row(LANTERN).has(
        units_sold=7, gross=gbp("24.34"), description="WHITE METAL LANTERN"
    )


def test_the_code_counts_exactly_as_it_is_written() -> None:
    cases = Sale(1, (line("85123A", 1, gbp("1")), line("85123a", 2, gbp("1")), line("85123A:GBP", 3, gbp("1"))))
    projected = given_events(cases.created, cases.paid).project(product_sales).rows(3)
    projected.row(("85123A", "GBP")).has(units_sold=1)
    projected.row(("85123a", "GBP")).has(units_sold=2)
    projected.row(("85123A:GBP", "GBP")).has(units_sold=3)


def test_a_product_has_a_row_for_each_currency() -> None:
    euros = Sale(2, (line("71053", 1, eur("4.50")),))
    projected = given_events(sale.paid, euros.paid).project(product_sales)
    projected.row(LANTERN).has(units_sold=6)
    projected.row(("71053", "EUR")).has(units_sold=1, net=eur("4.50"))


def test_a_free_product_sells_pieces_without_money() -> None:
    gift = Sale(1, (line("GIFT", 3, gbp("0"), "GIFT"),))
    given_events(gift.created, gift.paid).project(product_sales).row(("GIFT", "GBP")).has(
        units_sold=3, gross=gbp("0"), net=gbp("0")
    )


def test_partial_returns_are_subtracted_from_their_product() -> None:
    happened = (sale.created, sale.paid, sale.returned((1, 1)), sale.returned((1, 2), (2, 1)))
    projected = given_events(*happened).project(product_sales)
    projected.row(LANTERN).has(
        units_sold=6,
        units_returned=3,
        units_net=3,
        gross=gbp("20.34"),
        refunded=gbp("10.17"),
        net=gbp("10.17"),
    )
    projected.row(MUG).has(units_returned=1, refunded=gbp("1.125"))


def test_two_lines_of_a_product_come_back_together() -> None:
    twice = Sale(1, (LANTERNS, LANTERNS))
    given_events(twice.paid, twice.returned((1, 1), (2, 2))).project(product_sales).row(LANTERN).has(
        units_returned=3, units_net=9, refunded=gbp("10.17")
    )


def test_a_cancelled_paid_order_sold_nothing_in_the_end() -> None:
    happened = (sale.created, sale.paid, sale.cancelled(*sale.all_amounts()), sale.refunded(sale.total))
    given_events(*happened).project(product_sales).row(LANTERN).has(
        units_sold=6, units_returned=6, units_net=0, net=gbp("0")
    )


def test_a_cancelled_unpaid_order_gives_nothing_back() -> None:
    given_events(sale.created, sale.cancelled()).project(product_sales).row(LANTERN).has(units_returned=0, net=gbp("0"))


def test_a_credit_note_takes_pieces_back_that_nobody_sold() -> None:
    given_events(sale.credited).project(product_sales).rows(2).row(LANTERN).has(
        units_sold=0, units_returned=6, units_net=-6, refunded=gbp("20.34"), net=gbp("-20.34"), description=""
    )


def test_the_newest_words_describe_a_product_whatever_arrives_first() -> None:
    old = at(Sale(1, (line("71053", 1, gbp("1"), "OLD NAME"),)).created, MONDAY)
    new = at(Sale(2, (line("71053", 1, gbp("1"), "NEW NAME"),)).created, TUESDAY)
    tied = at(Sale(3, (line("71053", 1, gbp("1"), "MY NAME"),)).created, TUESDAY)
    silent = at(Sale(4, (line("71053", 1, gbp("1"), ""),)).created, "2026-02-04T10:00:00+00:00")
    for happened in permutations((old, new, tied, silent)):
        given_events(*happened).project(product_sales).row(LANTERN).has(description="NEW NAME", described_at=new.when)
