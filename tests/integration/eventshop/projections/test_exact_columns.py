"""Amounts in the database are exact: stored, summed, compared and ordered, on SQLite as on PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Count, Max, Min, Sum

from eventshop.projections.exact_columns import ExactSum
from eventshop.projections.read_model_table import ReadModelTable
from orders.models import Product
from projections.models import DailySales

pytestmark = pytest.mark.usefixtures("clean_database")

LARGEST = Decimal("999999999999999.999")
#: The event that a row was written with.
PLACE: dict[str, Any] = {"last_event_id": UUID(int=1), "last_version": 1, "last_partition": 0, "last_offset": 0}


def store_days(*amounts: Decimal, currency: str = "GBP") -> None:
    """One row of `DailySales` for each amount, written as projections do."""
    first = date(2000, 1, 1)
    ReadModelTable(DailySales).save(
        [
            DailySales(
                pk=f"{currency}-{number}", day=first + timedelta(number), currency=currency, gross=amount, **PLACE
            )
            for number, amount in enumerate(amounts)
        ]
    )


def gross_sum() -> Decimal | None:
    total: Decimal | None = DailySales.objects.aggregate(total=Sum("gross"))["total"]
    return total


@pytest.mark.parametrize("amount", ["0.1", "0.7", "1.005", "2.675", "0.001"])
def test_a_sum_over_thousands_of_rows_is_exact(amount: str) -> None:
    store_days(*[Decimal(amount)] * 3_000)
    assert gross_sum() == Decimal(amount) * 3_000


def test_a_sum_of_the_largest_amounts_is_exact() -> None:
    store_days(*[LARGEST, Decimal("0.001")] * 1_000)
    assert gross_sum() == Decimal(10) ** 15 * 1_000
    assert str(DailySales.objects.earliest("day").gross) == str(LARGEST)


def test_sums_by_group_are_exact_and_have_the_decimals_of_the_column() -> None:
    store_days(*[Decimal("0.1")] * 10)
    store_days(*[Decimal("-0.3")] * 10, currency="EUR")
    rows = DailySales.objects.values("currency").annotate(total=Sum("gross"), days=Count("day")).order_by("currency")
    assert [(row["currency"], str(row["total"]), row["days"]) for row in rows] == [
        ("EUR", "-3.000", 10),
        ("GBP", "1.000", 10),
    ]


def test_a_sum_over_nothing_is_none() -> None:
    assert gross_sum() is None


def test_amounts_are_compared_and_ordered_by_number() -> None:
    amounts = [Decimal(text) for text in ("9", "10", "-2", "-10.5", "100", "0.5")]
    store_days(*amounts)
    assert list(DailySales.objects.order_by("gross").values_list("gross", flat=True)) == sorted(amounts)
    assert set(DailySales.objects.filter(gross__gte=Decimal("9.00")).values_list("gross", flat=True)) == {9, 10, 100}
    assert DailySales.objects.filter(gross__lt=0).count() == 2
    assert DailySales.objects.filter(gross__in=[Decimal("10.0"), Decimal("0.50")]).count() == 2
    assert DailySales.objects.aggregate(most=Max("gross"), least=Min("gross")) == {
        "most": 100,
        "least": Decimal("-10.5"),
    }


def test_an_amount_is_rounded_half_up_to_the_decimals_of_the_column() -> None:
    store_days(Decimal("0.0005"), Decimal("2.6745"))
    assert [str(day.gross) for day in DailySales.objects.order_by("day")] == ["0.001", "2.675"]


def test_a_price_keeps_the_decimals_of_its_currency() -> None:
    prices = {"GBP": "12.50", "XOF": "500", "IQD": "1.250", "HUF": "700.00", "ZZZ": "7.000"}
    for currency, price in prices.items():
        Product.objects.create(sku=currency, name=currency, price=Decimal(price), currency=currency)
    assert {product.currency: str(product.price) for product in Product.objects.all()} == prices
    assert Product.objects.aggregate(total=Sum("price"))["total"] == Decimal("1220.750")


def test_whole_numbers_and_floats_are_summed_as_before() -> None:
    statement = "SELECT sum(n) FROM (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT NULL) AS numbers"
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.fetchone() == (3,)
        cursor.execute(statement.replace("SELECT 2", "SELECT 0.5"))
        assert cursor.fetchone()[0] == 1.5


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([], None),
        ([None], None),
        ([1, 2, None], 3),
        ([2**62, 2**62], str(2**63)),
        (["0.1", "0.2"], "0.3"),
        (["1.50", 2], "3.50"),
        ([0.5, 1], 1.5),
        (["9" * 30, "0.001"], "9" * 30 + ".001"),
    ],
)
def test_sums_keep_every_digit(values: list[int | float | str | None], total: object) -> None:
    exact = ExactSum()
    for value in values:
        exact.step(value)
    assert exact.finalize() == total


def test_a_moving_sum_forgets_what_left_the_window() -> None:
    exact = ExactSum()
    for value in ("0.1", "0.2"):
        exact.step(value)
    exact.inverse("0.1")
    assert exact.value() == "0.2"
    exact.inverse("0.2")
    assert exact.value() is None
