"""Given, when, then: business sentences about aggregates and projections, through the real codec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventshop.core.aggregate import Aggregate
from eventshop.core.codec import canonical, decode_event
from eventshop.core.errors import EventShopError
from eventshop.core.message import Command, Event
from eventshop.core.registry import registry


def given(aggregate: type[Aggregate[Any, Any]], *history: Event) -> Given:
    """An aggregate that has this history, each event read back from what the store would hold."""
    return Given(aggregate, history)


class Given:
    def __init__(self, aggregate: type[Aggregate[Any, Any]], history: Sequence[Event]) -> None:
        self.state = aggregate().evolve_all(stored(event) for event in history)

    def when(self, command: Command) -> When:
        return When(self.state, command)


class When:
    def __init__(self, state: Aggregate[Any, Any], command: Command) -> None:
        self.told: list[Event] = []
        self.refusal: EventShopError | None = None
        try:
            self.told = [stored(event) for event in state.decide(canonical(command)[1])]
        except EventShopError as refusal:
            self.refusal = refusal

    def then(self, *expected: Event) -> None:
        """Exactly these events, in this order."""
        if self.refusal is not None:
            raise AssertionError(f"refused: {self.refusal}") from self.refusal
        assert self.told == list(expected)

    def then_nothing(self) -> None:
        """Accepted, and already so."""
        self.then()

    def then_refused(self, error: type[EventShopError], *words: str) -> None:
        """Refused with exactly this error type, its message holding these words."""
        assert type(self.refusal) is error, f"expected {error.__name__}, got {self.refusal!r} / {self.told}"
        for word in words:
            assert word in str(self.refusal)


def stored(event: Event) -> Event:
    """The event as it comes back from the store."""
    return decode_event(registry.event(registry.name_of(type(event))), canonical(event)[0])
