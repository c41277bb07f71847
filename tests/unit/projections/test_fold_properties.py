"""Properties of every projection: neither the batch boundaries nor the interleaving of orders changes a row."""

from __future__ import annotations

from collections.abc import Sequence, Set
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import RecordedEvent
from eventshop.projections.fold import Fold, PlannedEvent, fold, row_changes
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.row_details import DetailStore
from eventshop.testing.given_when_then import DatedEvent, columns, record_events
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    PaymentProcessed,
    PaymentRefunded,
    ReturnReversed,
    RuleBroken,
)
from orders.domain.order import Order
from projections.daily_sales import daily_sales
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.order_histories import random_order_history

LINEAGE = frozenset({"last_event_id", "last_version", "last_partition", "last_offset"})
POSITION_COLUMNS = LINEAGE | {"position"}
#: The end of a day in London's summer.
MIDNIGHT = datetime.fromisoformat("2026-06-30T23:00:00+00:00")

every_projection = pytest.mark.parametrize(
    "projection", projection_registry.select([]), ids=lambda projection: projection.name
)


def random_histories(chance: Random, orders: int = 4) -> list[list[DatedEvent]]:
    """Random histories of several orders; event times are close to each other and to midnight."""
    return [
        [DatedEvent(event, _random_time(chance)) for event in random_order_history(chance, number).events]
        for number in range(1, orders + 1)
    ]


def _random_time(chance: Random) -> datetime:
    return MIDNIGHT + timedelta(hours=chance.randint(-3, 3))


def interleave(chance: Random, lives: Sequence[Sequence[DatedEvent]]) -> list[DatedEvent]:
    """Merge the histories at random; the order within each history is kept."""
    left = [list(life) for life in lives if life]
    merged: list[DatedEvent] = []
    while left:
        current = chance.choice(left)
        merged.append(current.pop(0))
        left = [life for life in left if life]
    return merged


def fold_in_batches(
    projection: Projection[Any], history: Sequence[RecordedEvent[Any]], cuts: Sequence[int]
) -> dict[Any, Any]:
    """Fold batch by batch, each batch starting from the rows that the previous ones wrote."""
    stored_rows, details = dict[Any, Any](), DetailStore()
    for start, end in pairwise([0, *sorted(cuts), len(history)]):
        planned = [
            PlannedEvent(
                item.event, item.meta, item.meta.position, 0, 0, row_changes(projection, item.event, item.meta)
            )
            for item in history[start:end]
        ]
        keys = {projection.primary_key(touch.key) for step in planned for touch in step.changes}
        loaded = {key: copy(stored_rows[key]) for key in keys & stored_rows.keys()}
        folding = Fold(projection, loaded, details)
        for step in planned:
            folding.apply(step)
        stored_rows |= folding.changed
    return stored_rows


def column_values(rows: dict[Any, Any], without: Set[str] = frozenset()) -> dict[Any, dict[str, Any]]:
    return {
        key: {name: value for name, value in columns(row).items() if name not in without} for key, row in rows.items()
    }


@every_projection
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_any_cut_into_batches_gives_the_same_rows(
    projection: Projection[Any], chance: Random, data: st.DataObject
) -> None:
    history = list(record_events(interleave(chance, random_histories(chance))))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
    assert column_values(fold_in_batches(projection, history, cuts)) == column_values(fold(projection, history))


@every_projection
@given(chance=st.randoms(use_true_random=False))
def test_any_interleaving_of_orders_gives_the_same_rows(projection: Projection[Any], chance: Random) -> None:
    """Position columns are left out: they describe the interleaving itself."""
    lives = random_histories(chance)
    one, other = (fold(projection, _with_stable_ids(interleave(chance, lives))) for _ in range(2))
    assert column_values(one, without=POSITION_COLUMNS) == column_values(other, without=POSITION_COLUMNS)


def _with_stable_ids(events: Sequence[DatedEvent]) -> list[RecordedEvent[Any]]:
    """RecordedEvent events whose ids and recording times do not depend on their position."""
    return [
        RecordedEvent(
            item.event,
            replace(
                item.meta,
                event_id=derive_id("event", item.meta.aggregate_id, item.meta.version),
                recorded_at=item.meta.occurred_at,
            ),
        )
        for item in record_events(events)
    ]


@given(chance=st.randoms(use_true_random=False))
def test_the_money_of_all_events_is_the_money_of_all_rows(chance: Random) -> None:
    history = list(record_events(interleave(chance, random_histories(chance))))
    paid = sum(item.event.amount.amount for item in history if isinstance(item.event, PaymentProcessed))
    back = sum(item.event.amount.amount for item in history if isinstance(item.event, PaymentRefunded)) + sum(
        item.event.total.amount for item in history if isinstance(item.event, CreditNoteIssued)
    )
    back -= sum(item.event.refunded.amount for item in history if isinstance(item.event, ReturnReversed))
    back -= sum(item.event.total.amount for item in history if isinstance(item.event, CreditNoteReversed))
    days = fold(daily_sales, history).values()
    assert sum(row.gross for row in days) == paid
    assert sum(row.refunded for row in days) == back
    assert sum(row.net for row in days) == paid - back
    orders = fold(order_summary, history).values()
    assert sum(row.paid for row in orders) == paid
    assert sum(row.refunded for row in orders) == back


@given(chance=st.randoms(use_true_random=False))
def test_the_goods_of_all_events_are_the_goods_of_all_products(chance: Random) -> None:
    """Freight and discounts are in no product; what counts as sold, and came back, is."""
    history = list(record_events(interleave(chance, random_histories(chance))))
    sold, back = Decimal(0), Decimal(0)
    for item in history:
        match item.event:
            case PaymentProcessed(lines=lines) | LinesAdded(sold=lines):
                sold += sum(line.amount.amount for line in lines if line.kind == "product")
            case ItemsReturned(lines=lines) | OrderCancelled(lines=lines) | CreditNoteIssued(lines=lines):
                back += sum(line.amount.amount for line in lines if line.kind == "product")
            case ReturnReversed(lines=lines) | CreditNoteReversed(lines=lines):
                back -= sum(line.amount.amount for line in lines if line.kind == "product")
    products = fold(product_sales, history).values()
    assert sum(row.gross for row in products) == sold
    assert sum(row.refunded for row in products) == back
    assert sum(row.net for row in products) == sold - back


@given(chance=st.randoms(use_true_random=False))
def test_the_row_of_an_order_says_after_each_event_what_the_order_says(chance: Random) -> None:
    life = random_order_history(chance, 1).events
    if not life or isinstance(life[0], CreditNoteIssued):
        return
    order = Order()
    history = list(record_events([DatedEvent(event, MIDNIGHT) for event in life]))
    for number, event in enumerate(life, start=1):
        order = order.evolve(event)
        [row] = fold(order_summary, history[:number]).values()
        assert (row.status, row.payment_state) == (order.status, order.payment_state), event
        assert row.outstanding == order.balance.outstanding.amount, event
        assert row.authorised == order.balance.authorised, event
        assert row.paid - row.refunded - row.refund_due == order.balance.paid, event
        waiting = sum(known.status == "requested" for known in order.returns)
        assert row.returns_to_decide == waiting, event
        assert row.observed == any(getattr(fact, "observed", False) for fact in life[:number]), event
        broken = {fact.rule for fact in life[:number] if isinstance(fact, RuleBroken)}
        assert set(row.review.split()) == broken, event
        assert row.last_version == number
