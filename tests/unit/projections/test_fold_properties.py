"""Whatever happens in the shop: how events are cut into batches, or how orders interleave, never shows in a row."""

from __future__ import annotations

from collections.abc import Sequence, Set
from copy import copy
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.messages import Recorded
from eventshop.projections.fold import Fold, Step, fold, touches
from eventshop.projections.projection import Projection, catalogue
from eventshop.testing.given_when_then import At, columns, recorded
from orders.domain.events import CreditNoteIssued, PaymentProcessed, PaymentRefunded
from projections.daily_sales import daily_sales
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.sales import life

LINEAGE = frozenset({"last_event_id", "last_version", "last_partition", "last_offset"})
PLACES = LINEAGE | {"position"}
#: The end of a day in London's summer.
MIDNIGHT = datetime.fromisoformat("2026-06-30T23:00:00+00:00")

every_projection = pytest.mark.parametrize("projection", catalogue.chosen([]), ids=lambda projection: projection.name)


def happened(chance: Random, orders: int = 4) -> list[list[At]]:
    """The lives of several orders, each event at a time of its own, close to the others' and to midnights."""
    return [[At(event, _moment(chance)) for event in life(chance, number).events] for number in range(1, orders + 1)]


def _moment(chance: Random) -> datetime:
    return MIDNIGHT + timedelta(hours=chance.randint(-3, 3))


def interleaved(chance: Random, lives: Sequence[Sequence[At]]) -> list[At]:
    """All events in one order that keeps the order within each life."""
    left = [list(life) for life in lives if life]
    told: list[At] = []
    while left:
        current = chance.choice(left)
        told.append(current.pop(0))
        left = [life for life in left if life]
    return told


def in_batches(projection: Projection[Any], history: Sequence[Recorded[Any]], cuts: Sequence[int]) -> dict[Any, Any]:
    """The rows after folding batch by batch, each starting from the rows that the ones before it wrote."""
    stored_rows: dict[Any, Any] = {}
    for start, end in pairwise([0, *sorted(cuts), len(history)]):
        planned = [
            Step(item.event, item.meta, item.meta.position, 0, 0, touches(projection, item.event, item.meta))
            for item in history[start:end]
        ]
        keys = {projection.primary_key(touch.key) for step in planned for touch in step.touches}
        loaded = {key: copy(stored_rows[key]) for key in keys & stored_rows.keys()}
        folding = Fold(projection, loaded)
        for step in planned:
            folding.apply(step)
        stored_rows |= folding.changed
    return stored_rows


def told(rows: dict[Any, Any], without: Set[str] = frozenset()) -> dict[Any, dict[str, Any]]:
    return {
        key: {name: value for name, value in columns(row).items() if name not in without} for key, row in rows.items()
    }


@every_projection
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_any_cut_into_batches_gives_the_same_rows(
    projection: Projection[Any], chance: Random, data: st.DataObject
) -> None:
    history = list(recorded(interleaved(chance, happened(chance))))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
    assert told(in_batches(projection, history, cuts)) == told(fold(projection, history))


@every_projection
@given(chance=st.randoms(use_true_random=False))
def test_any_interleaving_of_orders_gives_the_same_rows(projection: Projection[Any], chance: Random) -> None:
    """All but the places: which event came when is about the interleaving itself."""
    lives = happened(chance)
    one, other = (fold(projection, _named(interleaved(chance, lives))) for _ in range(2))
    assert told(one, without=PLACES) == told(other, without=PLACES)


def _named(events: Sequence[At]) -> list[Recorded[Any]]:
    """As recorded, with ids and recording times that belong to the events, whatever their place."""
    return [
        Recorded(
            item.event,
            replace(
                item.meta,
                event_id=derived_id("event", item.meta.aggregate_id, item.meta.version),
                recorded_at=item.meta.occurred_at,
            ),
        )
        for item in recorded(events)
    ]


@given(chance=st.randoms(use_true_random=False))
def test_the_money_of_all_events_is_the_money_of_all_rows(chance: Random) -> None:
    history = list(recorded(interleaved(chance, happened(chance))))
    paid = sum(item.event.amount.amount for item in history if isinstance(item.event, PaymentProcessed))
    back = sum(item.event.amount.amount for item in history if isinstance(item.event, PaymentRefunded)) + sum(
        item.event.total.amount for item in history if isinstance(item.event, CreditNoteIssued)
    )
    days = fold(daily_sales, history).values()
    assert sum(row.gross for row in days) == paid
    assert sum(row.refunded for row in days) == back
    assert sum(row.net for row in days) == paid - back
    products = fold(product_sales, history).values()
    assert sum(row.gross for row in products) == paid
    assert sum(row.refunded for row in products) == back
    orders = fold(order_summary, history).values()
    assert sum(row.paid for row in orders) == paid
    assert sum(row.refunded for row in orders) == back
