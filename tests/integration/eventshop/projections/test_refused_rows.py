"""A row that the database refuses is the fault of one event, and only that one becomes a dead letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, connection

from eventshop.core.messages import Meta
from eventshop.projections.dead_letter_retry import RetryResult, preview_retry
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import Projection
from orders.domain.events import PaymentProcessed
from projections.daily_sales import daily_sales
from projections.models import DailySales, OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.failing_projection import Flaky, queue, register_temporarily, retry
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    expected_rows,
    history,
    running_projections,
    stored_rows,
)
from tests.support.sales import Sale, gbp, line
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """The order summary's twin, which the registry knows."""
    yield from register_temporarily(Flaky(order_summary))


def too_long(row: Any) -> None:
    row.country = "x" * 201


def out_of_range(row: Any) -> None:
    row.total = Decimal(10) ** 15


def too_many(row: Any) -> None:
    row.units = 2**63


def missing(row: Any) -> None:
    row.reference = None


def no_text(row: Any) -> None:
    row.reference = object()


def no_time(row: Any) -> None:
    row.created_at = "soon"


def nothing_known(row: Any) -> None:
    row.created_at = object()


def no_id(row: Any) -> None:
    row.customer_id = "ada"


def no_number(row: Any) -> None:
    row.lines = "two"


@pytest.mark.parametrize(
    "spoil", [too_long, out_of_range, too_many, missing, no_text, no_time, nothing_known, no_id, no_number]
)
def test_a_row_the_database_refuses_sets_aside_exactly_the_event_that_made_it(flaky: Flaky, spoil: Any) -> None:
    append_order_histories(Random(5), range(10, 30))
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append_order_histories(Random(6), range(30, 50))
    flaky.spoils[sale.order_id, 2] = spoil
    catch_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    assert DeadLetter.objects.count() == 2
    without = [item for item in history() if item.meta.aggregate_id != sale.order_id or item.meta.version == 1]
    assert stored_rows(flaky.projection) == expected_rows(order_summary, without)
    assert retry(flaky) == RetryResult(0, 2)
    flaky.repair()
    assert retry(flaky) == RetryResult(2, 0)
    assert_rows_equal_fold(flaky.projection)


@pytest.mark.parametrize("key", [("2026-01-31",), "day", ("soon", "GBP"), {"day": 1}, ((), {})])
def test_a_key_of_the_wrong_shape_sets_its_event_aside(key: Any) -> None:
    projection = Projection(DailySales, topic="strange-projection")

    def count(row: DailySales, event: PaymentProcessed, meta: Meta) -> None:
        row.orders += 1

    projection.on(
        PaymentProcessed, key=lambda event: key if event.order_id == sale.order_id else (date(2026, 1, 31), "GBP")
    )(count)
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    catch_up(projection)
    assert DeadLetter.objects.get().aggregate_id == sale.order_id
    assert DailySales.objects.get().orders == 1


def rename_table(table: str, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{to}"')


def test_a_table_that_is_not_there_is_no_events_fault() -> None:
    append(sale.order_id, sale.created, sale.paid)
    table = OrderSummary._meta.db_table
    rename_table(table, "elsewhere")
    try:
        with pytest.raises(DatabaseError, match=table):
            catch_up(order_summary)
    finally:
        rename_table("elsewhere", table)
    assert not DeadLetter.objects.exists()
    catch_up(order_summary)
    assert_rows_equal_fold(order_summary)


@pytest.mark.postgres
def test_a_projection_without_its_table_holds_up_no_other() -> None:
    append(sale.order_id, sale.created, sale.paid)
    catch_up(order_summary, daily_sales)
    table = OrderSummary._meta.db_table
    rename_table(table, "elsewhere")
    try:
        with running_projections(order_summary, daily_sales):
            append(other.order_id, other.created, other.paid)
            wait_until(lambda: DailySales.objects.get().orders == 2)
    finally:
        rename_table("elsewhere", table)
    assert not DeadLetter.objects.exists()
    catch_up(order_summary)
    assert_rows_equal_fold(order_summary, daily_sales)


def test_sums_too_large_for_their_column_stop_nobody_else() -> None:
    """An amount has fifteen digits, and so has the column; the sum of two such amounts has not."""
    for number in (1, 2):
        rich = Sale(number, (line("GOLD", 1, gbp("999999999999999")),))
        append(rich.order_id, rich.created, rich.paid)
    modest = Sale(3)
    append(modest.order_id, modest.created, modest.paid)
    catch_up(product_sales, order_summary)
    dead_letter_rows = DeadLetter.objects.values_list("projection", "aggregate_id", "event_type")
    assert list(dead_letter_rows) == [("product-sales", Sale(2).order_id, "PaymentProcessed")]
    assert stored_rows(product_sales)["71053:GBP"]["units_sold"] == 6
    assert_rows_equal_fold(order_summary)


def test_whatever_the_derived_columns_raise_is_the_fault_of_one_event(flaky: Flaky) -> None:
    @flaky.projection.derive
    def derive(row: Any) -> None:
        if row.carrier:
            raise KeyError("no such carrier")

    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    append(other.order_id, other.created, other.paid)
    catch_up(flaky.projection)
    assert queue(flaky) == [(3, True), (4, False)]
    row = DeadLetter.objects.get(version=3)
    assert "DerivedColumnsFailed" in row.error and "no such carrier" in row.error
    assert set(OrderSummary.objects.values_list("status", flat=True)) == {"PAID"}
    preview = preview_retry("flaky", sale.order_id)
    assert (preview.folded, preview.remaining, preview.rows) == (0, 2, [])
    assert "KeyError" in preview.error
    flaky.projection.derive(lambda row: None)
    assert retry(flaky).remaining == 0
