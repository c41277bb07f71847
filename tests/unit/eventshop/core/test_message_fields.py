"""The field types of commands and events are checked at registration."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import check_field_types
from eventshop.core.messages import Event, Instant
from eventshop.core.money import Money


class Exact(Event, frozen=True):
    at: Instant | None
    prices: dict[str, list[Money | Decimal]]


class Inexact(Event, frozen=True):
    prices: dict[str, list[float | None]]


class Timeless(Event, frozen=True):
    at: datetime | None


class Tree(Event, frozen=True):
    branches: tuple[Tree, ...]


class BadTree(Event, frozen=True):
    branches: tuple[BadTree, ...]
    weight: float


@pytest.mark.parametrize("event", [Exact, Tree])
def test_exact_values_and_zoned_times_are_welcome(event: type[Event]) -> None:
    check_field_types(event)


@pytest.mark.parametrize(("event", "why"), [(Inexact, "float"), (BadTree, "float"), (Timeless, "zone")])
def test_floats_and_times_without_zone_are_refused_wherever_they_hide(event: type[Event], why: str) -> None:
    with pytest.raises(RegistryError, match=why):
        check_field_types(event)
