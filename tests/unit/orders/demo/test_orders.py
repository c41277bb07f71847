"""The demo data is realistic: every command is accepted, every state occurs, and nothing is in the future."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from eventshop.core.message_registry import AnyAggregate, declared_messages, registry
from eventshop.core.messages import Command, Event
from eventshop.core.serialization import encode_canonical
from orders.demo.orders import DAYS, ORDERS, demo_commands
from orders.domain.events import (
    CreditNoteReversed,
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    LinesAdded,
    ReturnReversed,
)
from orders.domain.order import Order, Status
from orders.domain.stock_item import StockItem

MOMENTS = [datetime(2026, 11, 24, hour, 30, tzinfo=UTC) for hour in (0, 6, 12, 23)] + [
    datetime(2027, 3, 1, 9, tzinfo=UTC)
]


def replay(commands: list[Command]) -> tuple[dict[UUID, AnyAggregate], list[Event]]:
    """The aggregates and events after these commands; each command must be accepted and give events."""
    shop: dict[UUID, AnyAggregate] = {}
    history: list[Event] = []
    for command in commands:
        aggregate = registry.aggregate_of(type(command))
        key = aggregate.id_of(command)
        state = shop.get(key, aggregate())
        events = state.decide(encode_canonical(command)[1])
        assert events, command
        shop[key] = state.evolve_all(events)
        history += events
    return shop, history


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_whenever_it_is_made_the_shop_shows_everything_it_can(now: datetime) -> None:
    commands = demo_commands(now)
    shop, history = replay([command for command, _ in commands])
    states = Counter(order.status for order in shop.values() if isinstance(order, Order))
    assert set(states) == set(Status) - {Status.PENDING, Status.REVERSED}
    assert min(states.values()) >= 3, states
    assert sum(states.values()) >= ORDERS
    # Only live orders reserve and dispatch stock.
    live = {InventoryReserved, InventoryRefused, InventoryReleased, InventoryDispatched}
    corrections = {LinesAdded, ReturnReversed, CreditNoteReversed}  # of imports
    events = {*declared_messages(Order)[1], *declared_messages(StockItem)[1]}
    assert {type(event) for event in history} == events - live - corrections
    assert any(
        line.returned and line.quantity_left
        for order in shop.values()
        if isinstance(order, Order)
        for line in order.lines
    )


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_it_happened_in_the_last_two_months_in_order_and_up_to_today(now: datetime) -> None:
    moments = [envelope.occurred_at for _, envelope in demo_commands(now)]
    times = [moment for moment in moments if moment is not None]
    assert len(times) == len(moments)
    assert times == sorted(times)
    assert now - timedelta(days=DAYS + 1) < times[0]
    assert now - timedelta(hours=24) < times[-1] <= now
    assert sum(now - timedelta(days=7) < time for time in times) > 100


def test_the_same_moment_gives_the_same_shop() -> None:
    assert demo_commands(MOMENTS[0]) == demo_commands(MOMENTS[0])
    assert demo_commands(MOMENTS[0], seed=2) != demo_commands(MOMENTS[0])


def test_people_and_parcels_are_many_and_various() -> None:
    commands = [command for command, _ in demo_commands(MOMENTS[0])]
    customers = {getattr(command, "customer_id", None) for command in commands}
    countries = {getattr(command, "country", "") for command in commands}
    products = {line.sku for command in commands for line in getattr(command, "lines", ()) if hasattr(line, "sku")}
    assert (len(customers) > 70, len(countries) >= 7, len(products) >= 55) == (True, True, True)


def test_each_command_has_its_own_id_and_its_place_in_the_story() -> None:
    envelopes = [envelope for _, envelope in demo_commands(MOMENTS[0])]
    assert len({envelope.command_id for envelope in envelopes}) == len(envelopes)
    assert len({(envelope.correlation_id, envelope.sequence_number) for envelope in envelopes}) == len(envelopes)
