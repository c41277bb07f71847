"""What can become of stock that nobody bought."""

from __future__ import annotations

import pytest

from eventshop.core.errors import InvalidMessage
from orders.commands import WriteOffStock
from orders.events import StockWrittenOff
from orders.stock_item import StockItem, stock_item_id
from tests.dsl import given

write_off = WriteOffStock(sku="22139", quantity=10, reason="damaged", reference="536589")
written_off = StockWrittenOff(sku="22139", quantity=10, reason="damaged", reference="536589")


def test_pieces_are_written_off_as_often_as_they_are_found_missing() -> None:
    given(StockItem).when(write_off).then(written_off)
    given(StockItem, written_off).when(write_off).then(written_off)


def test_a_stock_item_knows_how_much_was_lost() -> None:
    assert given(StockItem, written_off, written_off).state == StockItem(written_off=20)


def test_a_product_is_known_by_its_code_as_written() -> None:
    assert StockItem.id_of(write_off) == stock_item_id("22139")
    assert stock_item_id("85123A") != stock_item_id("85123a")


def test_the_id_of_a_product_never_changes() -> None:
    assert str(stock_item_id("22139")) == "74085daa-648d-5bca-9f24-937281744d69"


def test_nothing_cannot_be_written_off() -> None:
    with pytest.raises(InvalidMessage, match="22139: quantity must be at least 1, not 0"):
        WriteOffStock(sku="22139", quantity=0, reason="damaged", reference="536589")
