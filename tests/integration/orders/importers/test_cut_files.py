"""However a file is cut, and in whatever order its overlapping pieces are imported, the read models are the same."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from itertools import groupby, pairwise, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from eventshop.projections.fold import fold
from eventshop.projections.projection import Projection
from eventshop.testing.given_when_then import columns
from projections.customer_summary import customer_summary
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.database import empty_tables
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import (
    CONTROL_TOTALS,
    MONTH,
    ImportRun,
    differing_totals,
    imported_history,
    run_projections,
)

pytestmark = pytest.mark.usefixtures("clean_database")

#: What an order or credit note comes to; times and texts may be those of the part that came first.
SUMS: Final = (
    *("kind", "status", "customer_id", "total", "payment_state", "outstanding", "paid", "refunded", "lines", "units"),
    *("units_returned", "returned_value", "review"),
)
#: Columns that say where a row was read, and to the minute when something was sold.
OTHER: Final = {
    *("last_event_id", "last_version", "last_partition", "last_offset"),
    *("described_at", "description", "first_order_at", "last_order_at"),
}
Rows = list[str]


def read_models() -> dict[Any, Any]:
    """The rows of the read models of sales, computed from the stored events."""
    history = [to_recorded_event(row, registry) for row in backend().select_events("ORDER BY position", ())]
    found: dict[Any, Any] = {}
    projections: list[Projection[Any]] = [daily_sales, product_sales, customer_summary]
    for projection in projections:
        for key, row in fold(projection, history).items():
            found[projection.name, key] = {name: value for name, value in columns(row).items() if name not in OTHER}
    for row in fold(order_summary, history).values():
        if row.status != OrderSummary.Status.REVERSED:
            found["order", row.reference] = {name: getattr(row, name) for name in SUMS}
    return found


def import_files(*files: Sequence[str]) -> dict[Any, Any]:
    empty_tables()
    with TemporaryDirectory() as folder:
        for rows in files:
            run = ImportRun(write_sales_file(Path(folder), *rows))
            assert run.code == 0, run.error_lines
    return read_models()


@st.composite
def invoices(draw: st.DrawFn) -> list[Rows]:
    """Sales and cancellations of few customers and products within few minutes. No row repeats another exactly."""
    numbers = range(100, 100 + draw(st.integers(2, 9)))
    return [draw(st.lists(draw(rows_of(number)), min_size=1, max_size=4, unique_by=without_time)) for number in numbers]


@st.composite
def rows_of(draw: st.DrawFn, number: int) -> st.SearchStrategy[str]:
    """The rows that an invoice may have."""
    sign, day, minute = draw(st.sampled_from(["", "-"])), draw(st.integers(1, 2)), draw(st.integers(0, 3))
    return st.builds(
        csv_line,
        invoice=st.just(f"{'C' if sign else ''}{number}"),
        sku=st.sampled_from(["71053", "21212"]),
        quantity=st.integers(1, 3).map(lambda units: f"{sign}{units}"),
        at=st.integers(minute, minute + 1).map(lambda at: f"2010-12-0{day} 08:0{at}:00"),
        price=st.sampled_from(["3.39", "0"]),
        customer=st.just(draw(st.sampled_from(["17850.0", "17850.0", "13047.0", ""]))),
    )


def without_time(row: str) -> tuple[str, ...]:
    return (*row.split(",")[:4], *row.split(",")[5:])


@st.composite
def pieces(draw: st.DrawFn, rows: Rows) -> list[Rows]:
    """The rows cut into pieces that may overlap, in any order."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=3)))
    bounds = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    cut = [rows[max(0, start - draw(st.integers(0, 3))) : end] for start, end in bounds]
    return draw(st.permutations(cut))


def check(data: st.DataObject) -> None:
    rows = [row for invoice in data.draw(invoices()) for row in invoice]
    whole = import_files(rows)
    cut = data.draw(pieces(rows))
    assert import_files(*cut) == whole
    stored = imported_history()
    with TemporaryDirectory() as folder:
        assert ImportRun(write_sales_file(Path(folder), *rows)).rows[1] == 0
    assert imported_history() == stored, "what is stored already agrees with the whole file"


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_cut_order_and_overlap_gives_the_read_models_of_the_whole_file(data: st.DataObject) -> None:
    check(data)


def test_exact_repeats_on_both_sides_of_a_cut_count_and_those_in_an_overlap_do_not() -> None:
    lantern, *others = (csv_line(sku=sku) for sku in ("71053", "21212", "84029", "22633", "85123"))
    first, second, third, fourth = others
    rows = [first, lantern, second, third, lantern, fourth]
    whole = import_files(rows)
    for cut in ([rows[:3], rows[3:]], [rows[:4], rows[2:]], [rows[:3], rows[2:4], rows[3:]]):
        for pieces in permutations(cut):
            assert import_files(*pieces) == whole
    assert import_files(rows[:3], rows[3:], rows, list(reversed(rows))) == whole


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_cuts_orders_and_overlaps_give_the_read_models_of_the_whole_file(data: st.DataObject) -> None:
    check(data)


@pytest.mark.long
@pytest.mark.data
def test_the_month_cut_within_three_invoices_agrees_with_the_books(tmp_path: Path) -> None:
    header, *rows = gzip.decompress(MONTH.read_bytes()).decode().splitlines()
    cuts = [0, *(find_cut(rows, start) for start in (9_000, 20_000, 31_000)), len(rows)]
    files = [rows[start:end] for start, end in pairwise(cuts)]
    for number in (2, 0, 3, 1):
        file = write_sales_file(tmp_path, *files[number], header=header)
        assert ImportRun(file).rows[1] == len(files[number])
    run_projections()
    assert differing_totals(MONTH, CONTROL_TOTALS) == set()


def find_cut(rows: Rows, start: int) -> int:
    """A place in the next invoice that has a row on both sides of it, and other rows right at it."""
    for _, numbered in groupby(enumerate(rows[start:], start=start), key=lambda pair: pair[1].partition(",")[0]):
        invoice = list(numbered)
        for place in range(1, len(invoice)) if invoice[0][0] > start else ():
            before, behind = ([row for _, row in part] for part in (invoice[:place], invoice[place:]))
            if set(before) & set(behind) and before[-1] not in behind and behind[0] not in before:
                return invoice[place][0]
    raise AssertionError("no such invoice")
