"""The rules of the aggregate `StockItem`."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.testing.given_when_then import given
from orders.domain.commands import DispatchInventory, ReceiveStock, ReleaseInventory, ReserveInventory, WriteOffStock
from orders.domain.errors import AlreadyReserved, NotEnoughStock, NotReserved
from orders.domain.events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    StockReceived,
    StockWrittenOff,
)
from orders.domain.stock_item import StockItem, stock_item_id

SKU = "22139"
ONE, OTHER = UUID(int=1, version=4), UUID(int=2, version=4)

receive = ReceiveStock(sku=SKU, quantity=10, reference="delivery 1")
received = StockReceived(sku=SKU, quantity=10, reference="delivery 1")
write_off = WriteOffStock(sku=SKU, quantity=10, reason="damaged", reference="536589")
written_off = StockWrittenOff(sku=SKU, quantity=10, reason="damaged", reference="536589")


def reserve(quantity: int, order: UUID = ONE) -> ReserveInventory:
    return ReserveInventory(sku=SKU, order_id=order, quantity=quantity)


def reserved(quantity: int, order: UUID = ONE) -> InventoryReserved:
    return InventoryReserved(sku=SKU, order_id=order, quantity=quantity)


def release(quantity: int, order: UUID = ONE) -> ReleaseInventory:
    return ReleaseInventory(sku=SKU, order_id=order, quantity=quantity)


def released(quantity: int, order: UUID = ONE) -> InventoryReleased:
    return InventoryReleased(sku=SKU, order_id=order, quantity=quantity)


def dispatch(quantity: int, order: UUID = ONE) -> DispatchInventory:
    return DispatchInventory(sku=SKU, order_id=order, quantity=quantity)


def dispatched(quantity: int, order: UUID = ONE) -> InventoryDispatched:
    return InventoryDispatched(sku=SKU, order_id=order, quantity=quantity)


def refused(quantity: int, available: int, reason: str = "out of stock", order: UUID = ONE) -> InventoryRefused:
    return InventoryRefused(sku=SKU, order_id=order, quantity=quantity, available=available, reason=reason)


def test_pieces_are_received_as_often_as_they_come() -> None:
    given(StockItem, received).when(receive).then(received)


def test_pieces_on_hand_are_set_aside_for_an_order() -> None:
    given(StockItem, received).when(reserve(10)).then(reserved(10))


def test_what_is_set_aside_is_there_for_nobody_else() -> None:
    given(StockItem, received, reserved(7)).when(reserve(4, OTHER)).then(refused(4, 3, order=OTHER))
    given(StockItem, received, reserved(7)).when(reserve(3, OTHER)).then(reserved(3, OTHER))


def test_all_or_nothing_is_set_aside() -> None:
    given(StockItem, received).when(reserve(11)).then(refused(11, 10))


def test_a_product_that_never_came_is_unknown() -> None:
    given(StockItem).when(reserve(1)).then(refused(1, 0, "unknown product"))
    given(StockItem, written_off).when(reserve(1)).then(refused(1, 0, "unknown product"))


def test_an_order_has_its_pieces_set_aside_once() -> None:
    given(StockItem, received, reserved(2)).when(reserve(2)).then_nothing()
    given(StockItem, received, reserved(2)).when(reserve(3)).then_refused(AlreadyReserved, "reserved 2", "requested 3")


def test_released_pieces_are_on_hand_again() -> None:
    given(StockItem, received, reserved(10)).when(release(10)).then(released(10))
    given(StockItem, received, reserved(10), released(4)).when(reserve(4, OTHER)).then(reserved(4, OTHER))


def test_dispatched_pieces_are_gone() -> None:
    given(StockItem, received, reserved(10)).when(dispatch(10)).then(dispatched(10))
    given(StockItem, received, reserved(10), dispatched(10)).when(reserve(1, OTHER)).then(refused(1, 0, order=OTHER))


@pytest.mark.parametrize("of", [release, dispatch])
def test_no_more_is_released_or_dispatched_than_was_set_aside(of: type) -> None:
    given(StockItem, received, reserved(3)).when(of(4)).then_refused(NotReserved, "reserved 3", "requested 4")
    given(StockItem, received, reserved(3), dispatched(3)).when(of(1)).then_refused(NotReserved)
    given(StockItem, received, reserved(3)).when(of(1, OTHER)).then_refused(NotReserved)


def test_pieces_are_written_off_as_often_as_they_are_found_missing() -> None:
    given(StockItem).when(write_off).then(written_off)
    given(StockItem, written_off).when(write_off).then(written_off)


def test_once_it_is_counted_no_more_is_written_off_than_there_is() -> None:
    given(StockItem, received).when(write_off).then(written_off)
    given(StockItem, received, reserved(1)).when(write_off).then_refused(NotEnoughStock, "requested 10", "on hand 9")


def test_a_loss_from_before_the_count_makes_no_stock_and_takes_none() -> None:
    assert given(StockItem, written_off, written_off).state == StockItem(written_off=20, uncounted=20)
    given(StockItem, written_off, received).when(reserve(10)).then(reserved(10))


def test_every_piece_is_somewhere() -> None:
    history = (written_off, received, reserved(4), reserved(3, OTHER), dispatched(1), released(1), written_off)
    item = given(StockItem, *history[:-1]).state
    assert item == StockItem(
        received=10, on_hand=4, reserved={ONE: 2, OTHER: 3}, dispatched=1, written_off=10, uncounted=10
    )


def test_a_product_is_known_by_its_code_as_written() -> None:
    assert StockItem.id_of(write_off) == stock_item_id(SKU)
    assert stock_item_id("85123A") != stock_item_id("85123a")


def test_the_id_of_a_product_never_changes() -> None:
    assert str(stock_item_id(SKU)) == "74085daa-648d-5bca-9f24-937281744d69"


@pytest.mark.parametrize("kind", [ReceiveStock, ReserveInventory, ReleaseInventory, DispatchInventory, WriteOffStock])
def test_no_pieces_are_nothing_to_do(kind: type) -> None:
    given_names = {"reference": "r", "reason": "r", "order_id": ONE}
    fields = {name: given_names[name] for name in kind.__struct_fields__ if name in given_names}  # type: ignore[attr-defined]
    with pytest.raises(InvalidMessage, match=r"22139: quantity .*\b0$"):
        kind(sku=SKU, quantity=0, **fields)
