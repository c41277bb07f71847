"""Stock of a product: on hand, reserved, dispatched, written off."""

from __future__ import annotations

from eventshop.testing.given_when_then import MORNING, at, given, given_events
from orders.domain.events import StockReceived
from orders.domain.stock_item import StockItem, stock_item_id
from projections.stock_level import stock_level
from tests.unit.orders.domain.test_stock_item import (
    OTHER,
    SKU,
    dispatched,
    received,
    refused,
    released,
    reserved,
    written_off,
)


def test_pieces_move_from_the_shelf_to_the_customer() -> None:
    given_events(received, reserved(4)).project(stock_level).row(SKU).has(received=10, on_hand=6, reserved=4)
    given_events(received, reserved(4), dispatched(4)).project(stock_level).row(SKU).has(
        on_hand=6, reserved=0, dispatched=4
    )
    given_events(received, reserved(4), released(3)).project(stock_level).row(SKU).has(on_hand=9, reserved=1)


def test_what_is_lost_before_the_count_makes_no_stock() -> None:
    given_events(written_off).project(stock_level).row(SKU).has(on_hand=0, written_off=10, uncounted=10, received=0)
    given_events(written_off, received, written_off).project(stock_level).row(SKU).has(
        on_hand=0, written_off=20, uncounted=10, received=10
    )


def test_a_refusal_is_counted_and_moves_nothing() -> None:
    noon = at(refused(11, 10), "2026-02-01T12:00:00+00:00")
    given_events(received, noon).project(stock_level).row(SKU).has(
        on_hand=10, reserved=0, refusals=1, refused_at=noon.when, received_at=MORNING, updated_at=noon.when
    )


def test_a_product_has_one_row_by_its_code_as_written() -> None:
    small = StockReceived(sku="85123a", quantity=1, reference="d")
    large = StockReceived(sku="85123A", quantity=2, reference="d")
    projected = given_events(small, large).project(stock_level).rows(2)
    projected.row("85123a").has(on_hand=1, stock_item_id=stock_item_id("85123a"))
    projected.row("85123A").has(on_hand=2, stock_item_id=stock_item_id("85123A"))


def test_the_row_says_what_the_stock_item_itself_knows() -> None:
    history = (written_off, received, reserved(4), reserved(3, OTHER), dispatched(1), released(1), refused(99, 4))
    item = given(StockItem, *history).state
    assert isinstance(item, StockItem)
    given_events(*history).project(stock_level).row(SKU).has(
        received=item.received,
        on_hand=item.on_hand,
        reserved=sum(item.reserved.values()),
        dispatched=item.dispatched,
        written_off=item.written_off,
        uncounted=item.uncounted,
    )
