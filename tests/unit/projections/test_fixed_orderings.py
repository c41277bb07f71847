"""The API's orderings that are not declared as moving never change in the life of a row."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventshop.projections.fold import fold
from eventshop.projections.projection import projection_registry
from eventshop.testing.given_when_then import DatedEvent, record_events
from eventshop.web.api.resource import Resource
from projections.api import shop
from tests.unit.projections.test_fold_properties import MIDNIGHT, interleave, random_histories

RESOURCES = [
    pytest.param(resource, id=resource.projection)
    for resource in (shop.ORDERS, shop.ORDER_LINES, shop.CUSTOMERS, shop.DAILY_SALES, shop.PRODUCT_SALES)
]


@pytest.mark.parametrize("resource", RESOURCES)
@settings(max_examples=30)
@given(chance=st.randoms(use_true_random=False))
def test_a_fixed_ordering_keeps_its_value(resource: Resource, chance: Random) -> None:
    projection = projection_registry.get(resource.projection)
    fixed = set(resource.orderings) - set(resource.moving)
    events = [DatedEvent(dated.event, MIDNIGHT) for dated in interleave(chance, random_histories(chance, orders=2))]
    history = list(record_events(events))
    before: dict[Any, dict[str, object]] = {}
    for number in range(1, len(history) + 1):
        rows = fold(projection, history[:number])
        now = {key: {name: getattr(row, name) for name in fixed} for key, row in rows.items()}
        assert {key: now[key] for key in before} == before
        before = now


def test_a_moving_ordering_is_one_of_the_orderings() -> None:
    for resource in (value for value in vars(shop).values() if isinstance(value, Resource)):
        assert set(resource.moving) <= set(resource.orderings)
