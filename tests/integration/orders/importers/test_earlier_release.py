"""Files that an earlier release imported are recognised, although it sent other commands for the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope, Event
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    Line,
    LineAmount,
    OrderCreated,
    PaymentProcessed,
    PaymentRefunded,
)
from orders.importers.online_retail.commands import customer_id, order_id
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import ImportRun, imported_history
from tests.unit.orders.domain.examples import gbp

pytestmark = pytest.mark.usefixtures("clean_database")

ADA = customer_id("17850")
SALE, NOTE = order_id("1"), order_id("C2")
LINES = [csv_line("1", description="LANTERN "), csv_line("C2", quantity="-2"), csv_line("C2", "D", quantity="-1")]
LINE = Line("71053", "LANTERN ", 6, gbp("3.39"))
CREATED = OrderCreated(SALE, "1", ADA, "United Kingdom", (LINE,), gbp("20.34"))
PAID = PaymentProcessed(SALE, "1", ADA, gbp("20.34"), "invoice", (LineAmount(1, "71053", 6, gbp("20.34")),))
RETURNED = ItemsReturned(SALE, "C2", ADA, (LineAmount(1, "71053", 2, gbp("6.78")),), "cancellation invoice")
REFUNDED = PaymentRefunded(SALE, "C2", ADA, gbp("6.78"), "cancellation invoice")
CREDITED = CreditNoteIssued(
    NOTE, "C2", ADA, "United Kingdom", (Line("D", "WHITE METAL LANTERN", 1, gbp("3.39")),), gbp("3.39"), "no sale"
)


def append(
    number: str, kind: str, step: int, stream: UUID, events: Sequence[Event], *, version: int, actor: str = "import"
) -> None:
    envelope = Envelope(
        command_id=derive_id("retail-command", number, kind, step),
        actor=actor,
        occurred_at=datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        correlation_id=derive_id("retail-invoice", number),
    )
    store.append_events(stream, events, expected_version=version, envelope=envelope)


def import_sale(created: OrderCreated = CREATED) -> None:
    append("1", "sale", 0, SALE, [created], version=0)
    append("1", "sale", 1, SALE, [PAID], version=1)


def test_what_is_stored_with_other_commands_is_already_there(tmp_path: Path) -> None:
    import_sale()
    append("C2", "cancellation", 0, SALE, [RETURNED, REFUNDED], version=2)
    append("C2", "cancellation", 1, NOTE, [CREDITED], version=0)
    before = imported_history()
    run = ImportRun(write_sales_file(tmp_path, *LINES))
    assert (run.code, run.rows, imported_history()) == (0, [3, 0, 3, 0, 0, 0], before)


def test_what_an_earlier_release_did_not_get_to_is_added(tmp_path: Path) -> None:
    append("1", "sale", 0, SALE, [CREATED], version=0)
    run = ImportRun(write_sales_file(tmp_path, *LINES[:1]))
    assert (run.code, run.rows[:3], run.counts) == (0, [1, 0, 1], [0, 0, 0, 0, 1])
    append("C2", "cancellation", 0, SALE, [RETURNED, REFUNDED], version=2)
    run = ImportRun(write_sales_file(tmp_path, *LINES))
    assert (run.code, run.rows[:3], run.counts) == (0, [3, 1, 2], [0, 1, 0, 0, 1])
    assert ImportRun(write_sales_file(tmp_path, *LINES)).rows[:3] == [3, 0, 3]


def test_its_sales_are_returned_by_the_cancellations_of_a_new_file(tmp_path: Path) -> None:
    import_sale()
    run = ImportRun(write_sales_file(tmp_path, *LINES[1:]))
    assert (run.code, run.counts) == (0, [0, 1, 1, 0, 3])
    [returned] = StoredEvent.objects.filter(event_type="ItemsReturned")
    assert returned.aggregate_id == SALE


@pytest.mark.parametrize(
    "stored",
    [
        replace(CREATED, lines=(replace(LINE, quantity=5),)),
        replace(CREATED, lines=(replace(LINE, price=gbp("3.40")),)),
        replace(CREATED, customer_id=None),
        replace(CREATED, country="France"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, stored: OrderCreated) -> None:
    import_sale(stored)
    before = imported_history()
    others = [csv_line(number, at="2010-11-30 08:26:00", quantity="1", price="0") for number in "78"]
    ImportRun(write_sales_file(tmp_path, *others))
    run = ImportRun(write_sales_file(tmp_path, others[0], *LINES[:1], others[1]), "--on-error", "skip")
    assert run.rows == [3, 0, 2, 1, 0, 0]
    assert [event for event in imported_history() if event[0] == SALE] == before
    assert "invoice 1 was imported before with other contents" in run.refused[3]


def test_events_of_others_with_the_same_correlation_are_not_its_contents(tmp_path: Path) -> None:
    import_sale()
    append("1", "sale", 9, SALE, [RETURNED], version=2, actor="staff")
    assert ImportRun(write_sales_file(tmp_path, *LINES[:1])).rows[:3] == [1, 0, 1]
    # What staff took back is not returned a second time: 4 of 6 are left.
    run = ImportRun(write_sales_file(tmp_path, csv_line("C3", quantity="-5"), csv_line("C4", quantity="-4")))
    assert run.counts == [0, 1, 1, 0, 3]
