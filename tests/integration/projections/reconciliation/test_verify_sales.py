"""The read models of a month reconcile with the shop's own books."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Collection
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from eventshop.core.deterministic_ids import derive_id
from projections.models import CustomerSummary, DailySales, OrderLine, OrderSummary, ProductSales
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import (
    CONTROL_TOTALS,
    MONTH,
    ImportRun,
    differing_totals,
    run_projections,
    write_first_days,
)

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.mark.data
@pytest.mark.long
def test_a_month_of_a_real_shop_agrees_with_its_books_to_the_penny() -> None:
    run = ImportRun(MONTH)
    assert (run.code, run.refused) == (0, {})
    assert run.counts == [1_629, 204, 156, 70, 3_844]
    run_projections()
    assert differing_totals(MONTH, CONTROL_TOTALS) == set()
    assert "All 76 totals agree. 4 cannot be compared" in verify(MONTH, CONTROL_TOTALS)
    assert "totals agree. 9 cannot be compared" in verify(MONTH)
    assert_corruptions_are_told(MONTH, CONTROL_TOTALS)


def assert_corruptions_are_told(file: Path, totals: Path | None, absent: Collection[str] = (), *more: str) -> None:
    """`absent`: totals that the rows are no part of; `more`: those that only the file gives."""
    assert differing_totals(file, totals) == set()
    for corrupt, differing in CORRUPTIONS.items():
        with transaction.atomic():
            corrupt()
            assert differing_totals(file, totals).difference(more) == differing.difference(absent)
            transaction.set_rollback(True)
    assert differing_totals(file, totals) == set()


@pytest.mark.data
@pytest.mark.long(on="postgres")  # tests/kafka/stack/test_month_of_sales.py is there
def test_the_first_day_of_a_real_shop_agrees_with_its_file(tmp_path: Path) -> None:
    day = write_first_days(tmp_path, "2010-12-01")
    assert ImportRun(day).code == 0
    run_projections()
    # The product is among the five with the highest sums, but not with the most units.
    absent = {"top5_product_units_sold", "top5_product_units_net"}
    assert_corruptions_are_told(day, None, absent, "stock_codes_casefolded")


DAY = {"by_day.2010-12-01", "by_month.2010-12"}
TOP = {"top5_product_units_sold", "top5_product_units_net", "top5_product_gross", "top5_product_net"}
PRODUCTS = {"stock_codes", "products_sold", "products_in_sales_or_cancels"}
PRODUCT_DIGESTS = {"digest_product_net_units", "digest_product_net_revenue"}
CUSTOMERS = {"customers", "customers_with_sale_or_cancel"}
INVOICES = {"invoices", "invoices_sale", "rows", "rows_by_kind.sale"}

#: Ways to corrupt one row of a read model, and the totals that must then differ.
CORRUPTIONS: dict[Callable[[], object], set[str]] = {
    lambda: _add(_customer(), lifetime_value="0.01"): {"net_known_customers", "digest_customer_net"},
    lambda: _add(_day_one(), gross="0.01"): DAY | {"gross_sales", "digest_day_gross"},
    lambda: _add(_day_one(), net="0.01"): DAY | {"net_revenue", "sum_all_rows", "digest_day_net"},
    lambda: _add(_day_one(), refunded="0.01"): DAY | {"refunds"},
    lambda: _add(_day_one(), orders=1): DAY,
    lambda: _add(_product(), net="0.01"): {"top5_product_net", "digest_product_net_revenue"},
    lambda: _add(_product(), units_net=1): {"top5_product_units_net", "digest_product_net_units"},
    lambda: _add(_order(), lines=1): {"rows", "rows_by_kind.sale"},
    lambda: _order().delete(): INVOICES,
    lambda: _product().delete(): TOP | PRODUCTS | PRODUCT_DIGESTS,
    lambda: _customer().delete(): CUSTOMERS | {"net_known_customers", "digest_customer_net"},
}


def _customer() -> CustomerSummary:
    return CustomerSummary.objects.get(customer_id=derive_id("retail-customer", "17850"))


def _day_one() -> DailySales:
    return DailySales.objects.earliest("day")


def _product() -> ProductSales:
    return ProductSales.objects.get(sku="85123A")


def _order() -> OrderSummary:
    return OrderSummary.objects.get(reference="536365")


def _add(row: Any, **more: str | int) -> None:
    for name, value in more.items():
        setattr(row, name, getattr(row, name) + (Decimal(value) if isinstance(value, str) else value))
    row.save()


@pytest.mark.data
@pytest.mark.long
def test_the_first_nine_days_agree_with_their_own_books(tmp_path: Path) -> None:
    nine_days = write_first_days(tmp_path, "2010-12-09")
    assert ImportRun(nine_days).code == 0
    run_projections()
    assert differing_totals(nine_days, CONTROL_TOTALS) == set()
    # The rest of the month goes on from there.
    assert ImportRun(MONTH).code == 0
    run_projections()
    assert differing_totals(MONTH, CONTROL_TOTALS) == set()


def error_of(file: Path, totals: Path, **options: str) -> CommandError:
    with pytest.raises(CommandError) as refusal:
        call_command("verify_sales", str(file), totals=totals, **options)
    assert refusal.value.returncode == 1
    return refusal.value


def assert_unreadable_totals(error: CommandError) -> None:
    assert "totals.json" in str(error)
    assert isinstance(error.__cause__, OSError | ValueError | AttributeError | TypeError)


def values_of(error: CommandError) -> set[str]:
    """The words and numbers of an error after the path of the file."""
    return set(re.findall(r"\w+", str(error).partition(": ")[2]))


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    file, totals = write_sales_file(tmp_path, csv_line()), tmp_path / "totals.json"
    assert "nowhere.csv" in str(error_of(tmp_path / "nowhere.csv", totals))
    assert_unreadable_totals(error_of(file, totals))
    for nonsense in ("{", "[]", "7", '{"month": 7}'):
        totals.write_text(nonsense)
        assert_unreadable_totals(error_of(file, totals))
    totals.write_text('{"month": {"rows": 2, "cancel_line_matching": {}}}')
    assert values_of(error_of(file, totals)) >= {"1", "month", "2"}
    assert values_of(error_of(file, totals, section="year")) >= {"year", "month", "2"}
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    assert "cut.csv.gz" in str(error_of(tmp_path / "cut.csv.gz", totals))
    assert values_of(error_of(write_sales_file(tmp_path, "garbage"), totals)) >= {"2", "1"}  # the line, its columns
    assert "sales.csv" in str(error_of(write_sales_file(tmp_path, csv_line(quantity="six")), totals))


def verify(file: Path, totals: Path | None = None) -> str:
    """What the command prints when it finds no difference."""
    out = StringIO()
    call_command("verify_sales", str(file), totals=totals, stdout=out)
    return out.getvalue()


def test_without_control_totals_the_file_gives_them(tmp_path: Path) -> None:
    file = write_sales_file(
        tmp_path, csv_line(), csv_line(invoice="C536366", quantity="-2"), csv_line(invoice="536367", price="0.125")
    )
    ImportRun(file)
    run_projections()
    lines = verify(file).splitlines()
    assert [line for line in lines if line.startswith("≠")] == []
    told = {line.split()[1] for line in lines if line.startswith("?")}
    assert {"rows_price_zero", "exact_duplicate_rows"} <= told
    CustomerSummary.objects.update(spent=Decimal("0.01"))
    with pytest.raises(CommandError, match=r"1 of \d+ totals differ"):
        verify(file)


def test_the_matching_of_cancellations_is_the_events_and_their_sums_are_compared(tmp_path: Path) -> None:
    file = write_sales_file(
        tmp_path,
        csv_line(quantity="6"),
        csv_line(invoice="C536366", quantity="-2"),
        csv_line(invoice="C536367", sku="OTHER", quantity="-3"),
    )
    totals = tmp_path / "totals.json"
    sums = [3, 1, 2, "20.34", "-16.95", "3.39"]
    books = {"rows": 3, "cancel_line_matching": {"no_earlier_sale": 9, "no_customer": 0}}
    books |= {"by_day": [["2010-12-01", *sums]], "by_month": [["2010-12", *sums]]}
    totals.write_text(json.dumps({"month": books}))
    ImportRun(file)
    run_projections()
    lines = verify(file, totals).splitlines()
    [matching] = [line for line in lines if "no_earlier_sale" in line]
    assert matching.startswith("?")
    assert matching.endswith("the events return 1 lines to a sale and credit 1 without one")
    equal = {line.split()[1]: line.split()[2] for line in lines if line.startswith("=")}
    assert (equal["cancelled.units_returned"], equal["cancelled.units_credited"]) == ("2", "3")
    assert (equal["cancelled.amount_returned"], equal["cancelled.amount_credited"]) == ("6.78", "10.17")
    OrderLine.objects.filter(returned=2).update(returned=1)
    assert differing_totals(file, totals) >= {"cancelled.units_returned"}


def test_a_total_that_nobody_knows_is_told_and_no_difference(tmp_path: Path) -> None:
    file, totals = write_sales_file(tmp_path, csv_line()), tmp_path / "totals.json"
    ImportRun(file)
    run_projections()
    totals.write_text(
        '{"day": {"rows": 1, "gross_sales": "20.34", "vat": "3.39", "by_day": [], "cancel_line_matching": {}}}'
    )
    assert differing_totals(file, totals) == {"by_day.2010-12-01", "by_month.2010-12"}
