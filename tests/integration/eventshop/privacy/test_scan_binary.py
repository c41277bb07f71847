"""The leftover scan reads rows with binary columns that are not text."""

from __future__ import annotations

import pytest

from eventshop.eventstore import command_dispatcher
from eventshop.privacy.erasure.leftover_scan import scan_for_leftovers
from eventshop.privacy.erasure.search_terms import SearchTerm, SearchTerms
from orders.domain.commands import ReceiveStock

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_word_beside_binary_that_is_no_text_is_found() -> None:
    for number in range(8):  # each row has a different hash, and hardly any hash is valid UTF-8
        command_dispatcher.send(ReceiveStock(sku="SKU", quantity=1, reference=f"zz-marker {number}"))
    found = scan_for_leftovers(SearchTerms([SearchTerm("zz-marker", unique=True)], []))
    assert {hit.where: hit.count for hit in found.hits}["table event"] == 8
