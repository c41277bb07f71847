"""The leftover scan searches every table, whatever else its rows contain."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventshop.privacy.erasure.leftover_scan import scan_for_leftovers
from eventshop.privacy.erasure.search_terms import SearchTerm, SearchTerms
from tests.support.read_models import append
from tests.support.sales import Sale, gbp, line

pytestmark = pytest.mark.usefixtures("clean_database")


def test_words_beside_binary_columns_are_found() -> None:
    """An event's hash is 32 arbitrary bytes."""
    sales = [Sale(number, (line("ZEBRAFINK", 1, gbp("1")),)) for number in range(20)]
    for sale in sales:
        append(sale.order_id, sale.created)
    found = scan_for_leftovers(SearchTerms([SearchTerm("Zebrafink", unique=True)], []))
    [hit] = found.hits
    assert (hit.where, hit.count) == ("table event", len(sales))
    assert {item.owner for item in hit.items} == {sale.order_id for sale in sales}
    assert found.looked_at["table event"] == len(sales)


def test_who_is_not_there_is_not_found() -> None:
    sale = Sale(1)
    append(sale.order_id, sale.created)
    assert scan_for_leftovers(SearchTerms([SearchTerm("Zebrafink", unique=True)], [])).hits == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"name":"Ada","id":"%s"}', True),
        ("%s said to ADA: hello", True),
        ('{"to":"Ms\\nAda","id":"%s"}', True),  # a line end, as JSON escapes it
        ("%s 01a20db84c0e74b1844d74a8a757ada3", False),
        ("%s Canada", False),
        ('{"id":"%s","name":"e1.CsLHr1uB3wGzv0aUoq1k+Ada/3xQmB2dJ0Yw9fGZt8Nq6RrE="}', False),  # encrypted
        ('{"name":"Ada"}', False),  # the row does not say whose name it is
    ],
)
def test_a_short_word_counts_where_it_stands_alone_beside_its_person(content: str, found: bool) -> None:
    person = UUID("1544990d-e45a-5692-b653-a6c737cfe25a")
    text = content % person if "%s" in content else content
    assert SearchTerms([SearchTerm("Ada")], [person]).found_in(text.encode()) is found
