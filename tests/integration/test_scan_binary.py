"""The search after an erasure reads rows whose binary columns are no text."""

from __future__ import annotations

import pytest

from eventshop.privacy.scanning import scan
from eventshop.privacy.words import Sought, Word
from eventshop.store import dispatch
from orders.commands import ReceiveStock

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_word_beside_binary_that_is_no_text_is_found() -> None:
    for number in range(8):  # each with a hash of its own, hardly one of which is UTF-8
        dispatch.send(ReceiveStock(sku="SKU", quantity=1, reference=f"zz-marker {number}"))
    found = scan(Sought([Word("zz-marker", unique=True)], []))
    assert {hit.where: hit.count for hit in found.hits}["table event"] == 8
