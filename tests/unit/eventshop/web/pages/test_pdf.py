"""A document as a screen reader gets it: every text in its place, on every page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventshop.web.pages.pdf import Document
from tests.support.tagged_pdf import Node, read_tags


@pytest.fixture(scope="module")
def tree() -> Node:
    document = Document("Invoice <1>", issuer="Łódź & Co", made_at=datetime(2026, 1, 30, tzinfo=UTC))
    document.add_facts([("Seller", "Łódź & Co\n1 Street"), ("Shipped", "")])
    document.add_heading("Lines")
    rows = [(f"thing {number}, whose name needs more than one line of its column", str(number)) for number in range(70)]
    document.add_table(("Item", "Quantity"), rows, widths=(30, 20), numeric_columns=1)
    document.add_paragraph("Thank you. " * 900)
    return read_tags(bytes(document.output()))


def test_the_tags_are_in_the_order_of_reading(tree: Node) -> None:
    assert [one.kind for one in tree.below][:5] == ["/P", "/H1", "/L", "/H2", "/Table"]
    assert [one.text for one in tree.find("/H1") + tree.find("/H2")] == ["Invoice <1>", "Lines"]
    assert "".join(one.text for one in tree.below[5:]).replace(" ", "").count("Thankyou.") == 900


def test_a_name_is_the_label_of_its_value(tree: Node) -> None:
    seller, shipped = tree.find("/LI")
    assert [one.kind for one in seller.below] == ["/Lbl", "/LBody"]
    assert seller.texts == ["Seller", "Łódź & Co1 Street"] and shipped.texts == ["Shipped", ""]


def test_a_table_has_headings_of_its_columns_and_all_rows_on_every_page(tree: Node) -> None:
    [table] = tree.find("/Table")
    headings, *rows = table.below
    assert [(one.kind, one.text) for one in headings.below] == [("/TH", "Item"), ("/TH", "Quantity")]
    assert [row.texts[1] for row in rows] == [str(number) for number in range(70)]
