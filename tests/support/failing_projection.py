"""A projection that fails where a test says so, and its dead letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from eventshop.core.messages import Event, Meta
from eventshop.projections import dead_letter_retry
from eventshop.projections.dead_letter_retry import RetryResult
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import EventHandler, Key, Projection, projection_registry
from projections.order_summary import order_summary
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale

sale = Sale(1)


class Broken(Exception):
    """A projection cannot digest an event."""


def fail(row: Any) -> None:
    raise Broken("cannot digest this")


class Flaky:
    """A copy of a real projection under another name. `spoils` changes the row at a stream's version; at those in
    `lost_keys` the key function fails. `repair` empties both.
    """

    def __init__(self, real: Projection[Any], *, name: str = "flaky", version: int = 1) -> None:
        self.projection: Projection[Any] = Projection(real.model, topic=f"{name}-projection", version=version)
        self.spoils: dict[tuple[UUID, int], Callable[[Any], None]] = {}
        self.lost_keys: set[tuple[UUID, int]] = set()
        for event, handlers in real.handlers.items():
            for handler in handlers:
                keys = partial(self._keys, handler)
                self.projection.on(event, dated_key=keys)(partial(self._change, handler))

    def repair(self) -> None:
        self.spoils.clear()
        self.lost_keys.clear()

    def _keys(self, handler: EventHandler, event: Event, meta: Meta) -> Key:
        if (meta.aggregate_id, meta.version) in self.lost_keys:
            raise Broken("whose is this?")
        return handler.keys(event, meta)

    def _change(self, handler: EventHandler, row: Any, event: Event, meta: Meta) -> None:
        handler.change(row, event, meta)
        spoil = self.spoils.get((meta.aggregate_id, meta.version))
        if spoil is not None:
            spoil(row)


def register_temporarily(flaky: Flaky) -> Iterator[Flaky]:
    """Register a projection for one test: the body of a fixture."""
    projection_registry.register(flaky.projection)
    yield flaky
    del projection_registry._projections[flaky.projection.name]


def with_a_dead_letter(stream: UUID, *events: Event) -> Iterator[Flaky]:
    """Register a copy of the orders' projection that has failed at the second event of a stream: a fixture's body."""
    for flaky in register_temporarily(Flaky(order_summary)):
        flaky.spoils[stream, 2] = fail
        append(stream, *events)
        catch_up(flaky.projection)
        yield flaky


def queue(flaky: Flaky, stream: UUID = sale.order_id) -> list[tuple[int, bool]]:
    """A stream's dead letters in order: version, and whether it has an error of its own."""
    rows = DeadLetter.objects.filter(projection=flaky.projection.name, aggregate_id=stream)
    return [(row.version, bool(row.error)) for row in rows.order_by("position")]


def retry(flaky: Flaky, stream: UUID = sale.order_id) -> RetryResult:
    return dead_letter_retry.retry(flaky.projection.name, stream)
