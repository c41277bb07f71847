"""Projections are found by name; keys, dates and new rows are what their declarations say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventshop.core.errors import DuplicateName, UnknownProjection
from eventshop.projections.projection import Projection, ProjectionRegistry, as_key_list, earliest, latest
from projections.models import OrderLine, OrderSummary

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def test_a_name_is_the_topic_without_its_suffix_and_occurs_once() -> None:
    registry = ProjectionRegistry()
    first = Projection(OrderSummary, topic="first-projection")
    registry.register(first)
    registry.register(first)
    second = Projection(OrderSummary, topic="second-projection")
    registry.register(second)
    assert registry.get("first") is first
    assert registry.select([]) == [first, second]
    assert registry.select(["second"]) == [second]
    with pytest.raises(DuplicateName):
        registry.register(Projection(OrderSummary, topic="first-projection"))
    with pytest.raises(UnknownProjection, match="first; second"):
        registry.get("third")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(None, []), ("A", ["A"]), (["B", "A", "B"], ["B", "A"]), ([], []), (("order", "sku"), [("order", "sku")])],
)
def test_keys_of_an_event_come_in_order_and_once(keys: object, expected: list[object]) -> None:
    assert as_key_list(keys) == expected


def test_latest_and_earliest_do_not_depend_on_the_order_of_events() -> None:
    assert latest(latest(None, NOON), LATER) == latest(latest(None, LATER), NOON) == LATER
    assert earliest(earliest(None, NOON), LATER) == earliest(earliest(None, LATER), NOON) == NOON


def test_a_new_row_has_its_key_and_the_defaults_of_the_model() -> None:
    row = Projection(OrderSummary, topic="first-projection").new_row("A")
    built = OrderSummary(pk="A")
    assert {field.attname: getattr(row, field.attname) for field in OrderSummary._meta.concrete_fields} == {
        field.attname: getattr(built, field.attname) for field in OrderSummary._meta.concrete_fields
    }
    assert row._state.adding


def test_a_key_of_several_columns_is_one_primary_key() -> None:
    projection = Projection(OrderLine, topic="lines-projection")
    key = tuple(str(number) for number in range(len(OrderLine.identity)))
    row = projection.new_row(key)
    assert row.pk == projection.primary_key(key) == ":".join(key)
    assert tuple(getattr(row, name) for name in OrderLine.identity) == key
