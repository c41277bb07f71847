"""The activity timeline: one row and one summary per event."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from eventshop.core.messages import Event
from eventshop.testing.given_when_then import MORNING, at, event_id, given_events
from orders.domain.events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    OrderEvent,
    StockEvent,
    StockReceived,
    StockWrittenOff,
)
from orders.domain.stock_item import stock_item_id
from projections.activity_timeline import activity_timeline
from tests.support.sales import ADA, LANTERNS, Sale, gbp
from users.domain.events import UserEvent

sale = Sale(1)
lost = StockWrittenOff(sku="71053", quantity=4, reason="broken", reference="COUNT-7")


def test_every_event_of_the_shop_is_told() -> None:
    known = [*get_args(OrderEvent), *(get_args(StockEvent) or [StockEvent]), *get_args(UserEvent)]
    assert set(known) == set(activity_timeline.handlers)


@pytest.mark.parametrize(
    ("event", "summary"),
    [
        (sale.created, "Order 000001: 2 lines for 22.590 GBP"),
        (Sale(1, (LANTERNS,)).created, "Order 000001: 1 line for 20.34 GBP"),
        (sale.requested, "Payment of 22.590 GBP requested by card"),
        (sale.declined, "Payment of 22.590 GBP declined"),
        (sale.paid, "Paid 22.590 GBP by card"),
        (sale.shipped, "Shipped"),
        (sale.delivered, "Delivered and signed for"),
        (replace(sale.delivered, received_by=""), "Delivered"),
        (sale.cancelled(), "Order 000001 cancelled"),
        (sale.returned((1, 2), (2, 1)), "3 pieces of 2 lines returned"),
        (sale.returned((1, 1)), "1 piece of 1 line returned"),
        (sale.refunded(gbp("3.39")), "Refunded 3.39 GBP"),
        (sale.credited, "Credit note 000001 over 22.590 GBP"),
        (StockReceived(sku="71053", quantity=9, reference="DEL-1"), "9 x 71053 received: DEL-1"),
        (InventoryReserved("71053", ADA, 4), "4 x 71053 set aside for an order"),
        (
            InventoryRefused("71053", ADA, 4, 3, "out of stock"),
            "4 x 71053 refused to an order: out of stock, 3 on hand",
        ),
        (InventoryReleased("71053", ADA, 4), "4 x 71053 on hand again"),
        (InventoryDispatched("71053", ADA, 4), "4 x 71053 dispatched"),
        (lost, "4 x 71053 written off"),
    ],
)
def test_each_event_is_a_sentence(event: Event, summary: str) -> None:
    given_events(event).project(activity_timeline).rows(1).row(event_id(1)).has(
        summary=summary, event_type=type(event).__name__
    )


def test_an_activity_says_when_who_and_where() -> None:
    noon = at(sale.paid, "2026-02-01T12:00:00+00:00")
    given_events(sale.created, noon).project(activity_timeline).rows(2).row(event_id(2)).has(
        event_id=event_id(2),
        at=noon.when,
        recorded_at=MORNING.replace(minute=1),
        aggregate_type="Order",
        aggregate_id=sale.order_id,
        version=2,
        event_type="PaymentProcessed",
        reference="000001",
        customer_id=ADA,
        amount=gbp("22.59"),
        currency="GBP",
        lines=2,
        units=8,
        actor="ada",
        correlation_id=sale.order_id,
    )


def test_an_anonymous_sale_is_told_without_a_customer() -> None:
    given_events(Sale(1, customer_id=None).created).project(activity_timeline).row(event_id(1)).has(customer_id=None)


@pytest.mark.parametrize("event", [sale.shipped, sale.delivered, sale.cancelled(), sale.returned((1, 1)), lost])
def test_what_moves_no_money_has_no_amount(event: Event) -> None:
    given_events(event).project(activity_timeline).row(event_id(1)).has(amount=None, currency="")


@pytest.mark.parametrize(
    ("event", "reference", "lines", "units"),
    [
        (sale.created, "000001", 2, 8),
        (sale.credited, "000001", 2, 8),
        (sale.returned((1, 2), (2, 1)), "C000001", 2, 3),
        (sale.cancelled(*sale.all_amounts()), "000001", 2, 8),
        (sale.cancelled(), "000001", 0, 0),
        (sale.refunded(gbp("1")), "C000001", 0, 0),
        (lost, "COUNT-7", 1, 4),
    ],
)
def test_an_activity_names_its_document_and_its_goods(event: Event, reference: str, lines: int, units: int) -> None:
    given_events(event).project(activity_timeline).row(event_id(1)).has(reference=reference, lines=lines, units=units)


def test_a_write_off_belongs_to_its_product() -> None:
    given_events(lost, lost).project(activity_timeline).rows(2).row(event_id(2)).has(
        aggregate_type="StockItem", aggregate_id=stock_item_id("71053"), version=2, customer_id=None
    )


def test_the_longest_words_are_cut_to_fit() -> None:
    words = "x" * 200
    event = replace(sale.refunded(gbp("1")), reason=words, reference=words)
    [row] = given_events(event).project(activity_timeline).rows_by_key.values()
    assert len(row.summary) <= 500
    assert row.reference == words
