"""Sales and refunds per day, in the shop's time zone."""

from __future__ import annotations

from datetime import date

from eventshop.testing.given_when_then import at, given_events
from projections.daily_sales import daily_sales
from tests.support.sales import LANTERNS, Sale, eur, gbp, line

sale = Sale(1)
MONDAY, TUESDAY = "2026-02-02T10:00:00+00:00", "2026-02-03T10:00:00+00:00"
ON_MONDAY, ON_TUESDAY = (date(2026, 2, 2), "GBP"), (date(2026, 2, 3), "GBP")


def test_a_sale_counts_on_the_day_it_is_paid() -> None:
    projected = given_events(at(sale.created, MONDAY), at(sale.paid, TUESDAY)).project(daily_sales).rows(1)
    projected.no_row(ON_MONDAY).row(ON_TUESDAY).has(
        day=date(2026, 2, 3),
        currency="GBP",
        orders=1,
        units_sold=8,
        gross=gbp("22.59"),
        refunds=0,
        units_returned=0,
        refunded=gbp("0"),
        net=gbp("22.59"),
    )


def test_an_unpaid_order_is_no_sale() -> None:
    given_events(sale.created, sale.requested, sale.declined, sale.cancelled()).project(daily_sales).rows(0)


def test_an_anonymous_sale_is_revenue() -> None:
    anonymous = Sale(1, customer_id=None)
    given_events(anonymous.created, at(anonymous.paid, MONDAY)).project(daily_sales).row(ON_MONDAY).has(
        orders=1, gross=gbp("22.59")
    )


def test_a_day_has_a_row_for_each_currency() -> None:
    euros = Sale(2, (line("71053", 2, eur("4.50")),))
    projected = given_events(at(sale.paid, MONDAY), at(euros.paid, MONDAY)).project(daily_sales).rows(2)
    projected.row(ON_MONDAY).has(gross=gbp("22.59"), units_sold=8)
    projected.row((date(2026, 2, 2), "EUR")).has(gross=eur("9.00"), units_sold=2)


def test_a_return_counts_on_the_day_it_happens() -> None:
    happened = (
        at(sale.paid, MONDAY),
        at(sale.returned((1, 2), (2, 1)), TUESDAY),
        at(sale.refunded(gbp("7.905")), TUESDAY),
    )
    projected = given_events(*happened).project(daily_sales)
    projected.row(ON_MONDAY).has(net=gbp("22.59"), refunds=0, units_returned=0)
    projected.row(ON_TUESDAY).has(
        orders=0, gross=gbp("0"), refunds=1, units_returned=3, refunded=gbp("7.905"), net=gbp("-7.905")
    )


def test_free_pieces_that_come_back_are_pieces_without_money() -> None:
    gift = Sale(1, (line("GIFT", 3, gbp("0")),))
    given_events(at(gift.paid, MONDAY), at(gift.returned((1, 3)), MONDAY)).project(daily_sales).row(ON_MONDAY).has(
        orders=1, units_sold=3, units_returned=3, refunds=0, net=gbp("0")
    )


def test_a_cancelled_paid_order_gives_pieces_and_money_back() -> None:
    cancelled = at(sale.cancelled(*sale.all_amounts()), TUESDAY)
    happened = (at(sale.paid, MONDAY), cancelled, at(sale.refunded(sale.total), TUESDAY))
    given_events(*happened).project(daily_sales).row(ON_TUESDAY).has(
        units_returned=8, refunds=1, refunded=gbp("22.59"), net=gbp("-22.59")
    )


def test_a_credit_note_is_a_refund() -> None:
    credit = Sale(1, (LANTERNS,))
    given_events(at(credit.credited, MONDAY)).project(daily_sales).row(ON_MONDAY).has(
        orders=0, refunds=1, units_returned=6, refunded=gbp("20.34"), net=gbp("-20.34")
    )


def test_the_day_ends_at_midnight_in_london_in_winter() -> None:
    before, after = Sale(1), Sale(2)
    happened = (at(before.paid, "2026-01-31T23:59:59+00:00"), at(after.paid, "2026-02-01T00:00:00+00:00"))
    projected = given_events(*happened).project(daily_sales).rows(2)
    projected.row((date(2026, 1, 31), "GBP")).has(orders=1)
    projected.row((date(2026, 2, 1), "GBP")).has(orders=1)


def test_the_day_ends_at_midnight_in_london_in_summer() -> None:
    before, after = Sale(1), Sale(2)
    happened = (at(before.paid, "2026-06-30T22:59:59+00:00"), at(after.paid, "2026-06-30T23:00:00+00:00"))
    projected = given_events(*happened).project(daily_sales).rows(2)
    projected.row((date(2026, 6, 30), "GBP")).has(orders=1)
    projected.row((date(2026, 7, 1), "GBP")).has(orders=1)


def test_a_time_in_another_zone_counts_in_london() -> None:
    given_events(at(sale.paid, "2026-02-03T04:00:00+09:00")).project(daily_sales).row(ON_MONDAY).has(orders=1)
