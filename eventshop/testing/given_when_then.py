"""Given, when, then: business sentences about aggregates, sagas and projections, through the real codec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Event, Meta, RecordedEvent
from eventshop.core.money import Money
from eventshop.core.saga import CancelTimer, Saga, SagaAction, SagaMessage, StartTimer
from eventshop.core.serialization import decode_event, decode_stored, encode_canonical
from eventshop.projections.fold import fold
from eventshop.projections.projection import Key, Projection
from eventshop.projections.read_model import ReadModel

R = TypeVar("R", bound=ReadModel)
M = TypeVar("M", bound=Struct)

#: When the first event of a history happens, unless it says otherwise; each further one a minute later.
MORNING = datetime.fromisoformat("2026-01-31T09:00:00+00:00")


def given(aggregate: type[Aggregate[Any, Any]], *history: Event) -> Given:
    """An aggregate that has this history, each event read back from what the store would hold."""
    return Given(aggregate, history)


class Given:
    def __init__(self, aggregate: type[Aggregate[Any, Any]], history: Sequence[Event]) -> None:
        self.state = aggregate().evolve_all(round_trip(event) for event in history)

    def when(self, command: Command) -> When:
        return When(self.state, command)


class When:
    def __init__(self, state: Aggregate[Any, Any], command: Command) -> None:
        self.events: list[Event] = []
        self.refusal: EventShopError | None = None
        try:
            self.events = [round_trip(event) for event in state.decide(encode_canonical(command)[1])]
        except EventShopError as refusal:
            self.refusal = refusal

    def then(self, *expected: Event) -> None:
        """Exactly these events, in this order."""
        if self.refusal is not None:
            raise AssertionError(f"refused: {self.refusal}") from self.refusal
        assert self.events == list(expected)

    def then_nothing(self) -> None:
        """Accepted, and already so."""
        self.then()

    def then_refused(self, error: type[EventShopError], *words: str) -> None:
        """Refused with exactly this error type, its message holding these words."""
        assert type(self.refusal) is error, f"expected {error.__name__}, got {self.refusal!r} / {self.events}"
        for word in words:
            assert word in str(self.refusal)


def round_trip(event: Event) -> Event:
    """The event as it comes back from the store."""
    return decode_event(registry.event_class(registry.name_of(type(event))), encode_canonical(event)[0])


# --- sagas ---------------------------------------------------------------------------------------


def given_saga(saga: type[Saga[Any]], *heard: SagaMessage) -> GivenSaga:
    """A saga that has heard this, in order; whatever it stores and does passes through the codec."""
    return GivenSaga(saga, heard)


class GivenSaga:
    def __init__(self, saga: type[Saga[Any]], heard: Sequence[SagaMessage]) -> None:
        self.state = saga()
        for it in heard:
            self.state = _evolved(self.state, it)

    def when(self, heard: SagaMessage) -> WhenHeard:
        return WhenHeard(self.state, heard)

    def has_ended(self) -> None:
        """It has nothing more to do."""
        assert self.state.ended, self.state

    def goes_on(self) -> None:
        """It waits for something."""
        assert not self.state.ended, self.state


class WhenHeard:
    def __init__(self, state: Saga[Any], heard: SagaMessage) -> None:
        self.error: Exception | None = None
        self.steps: list[SagaAction] = []
        try:
            self.steps = [
                step if isinstance(step, StartTimer | CancelTimer) else _kept(step) for step in state.react(heard)
            ]
        except EventShopError as error:
            self.error = error
        self.state = state if self.error else _evolved(state, heard)

    def then(self, *expected: SagaAction) -> WhenHeard:
        """Exactly these steps, in this order."""
        if self.error is not None:
            raise AssertionError(f"stuck: {self.error}") from self.error
        assert self.steps == list(expected)
        return self

    def then_nothing(self) -> WhenHeard:
        return self.then()

    def then_suspended(self, error: type[EventShopError]) -> None:
        """It cannot go on by itself, and says why."""
        assert type(self.error) is error, f"expected {error.__name__}, got {self.error!r} / {self.steps}"

    def and_ended(self) -> None:
        assert self.state.ended, self.state


def _evolved(state: Saga[Any], heard: SagaMessage) -> Saga[Any]:
    return _kept(state.evolve(round_trip(heard) if isinstance(heard, Event) else heard))


def _kept(message: M) -> M:
    """As it comes back from its row."""
    return decode_stored(type(message), encode_canonical(message)[0])


# --- projections ---------------------------------------------------------------------------------


class At(NamedTuple):
    """An event that happens at a time of its own."""

    event: Event
    when: datetime


Happening: TypeAlias = Event | At


def at(event: Event, when: str) -> At:
    """The event, at an ISO time with its zone."""
    return At(event, datetime.fromisoformat(when))


def given_events(*events: Happening) -> GivenEvents:
    """What the store would give back after these events, in this order."""
    return GivenEvents(list(record_events(events)))


class GivenEvents:
    def __init__(self, history: Sequence[RecordedEvent[Any]]) -> None:
        self.history = history

    def project(self, projection: Projection[R]) -> Projected[R]:
        return Projected(projection, fold(projection, self.history))


class Projected(Generic[R]):
    def __init__(self, projection: Projection[R], found: dict[Any, R]) -> None:
        self.projection = projection
        self.rows_by_key = found

    def row(self, key: Key) -> ProjectedRow:
        """The row of a key as the projection's own key functions answer it."""
        primary = self.projection.primary_key(key)
        assert primary in self.rows_by_key, f"no row {primary}; there are {list(self.rows_by_key)}"
        return ProjectedRow(self.rows_by_key[primary])

    def no_row(self, key: Key) -> Projected[R]:
        assert self.projection.primary_key(key) not in self.rows_by_key
        return self

    def rows(self, count: int) -> Projected[R]:
        """Exactly so many rows."""
        assert len(self.rows_by_key) == count, list(self.rows_by_key)
        return self


class ProjectedRow:
    def __init__(self, row: ReadModel) -> None:
        self.columns = columns(row)

    def has(self, **fields: object) -> ProjectedRow:
        """These fields have these values; money is compared by its amount."""
        unknown = fields.keys() - self.columns.keys()
        assert not unknown, f"no such field: {', '.join(sorted(unknown))}"
        expected = {name: value.amount if isinstance(value, Money) else value for name, value in fields.items()}
        assert {name: self.columns[name] for name in fields} == expected
        return self


def columns(row: ReadModel) -> dict[str, Any]:
    """Every column of a row, by name."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def event_id(place: int) -> UUID:
    """The id of the event at this place (from 1) of a given history."""
    return derive_id("event", place)


def stream_id_of(event: Event) -> UUID:
    """Whose event it is: its first field says so, as an id or as a name."""
    first = getattr(event, event.__struct_fields__[0])
    if isinstance(first, UUID):
        return first
    return derive_id("stock-item", str(first))


def record_events(events: Iterable[Happening]) -> Iterable[RecordedEvent[Any]]:
    """Events with what the store would know beside them: versions without gaps, a position and a minute each."""
    versions: dict[UUID, int] = {}
    for place, item in enumerate(events, start=1):
        event, when = item if isinstance(item, At) else (item, MORNING + timedelta(minutes=place - 1))
        stream = stream_id_of(event)
        versions[stream] = versions.get(stream, 0) + 1
        yield RecordedEvent(round_trip(event), _meta(event, stream, versions[stream], place, when))


def _meta(event: Event, stream: UUID, version: int, place: int, when: datetime) -> Meta:
    return Meta(
        event_id=event_id(place),
        aggregate_id=stream,
        aggregate_type=registry.aggregate_of(type(event)).__name__,
        event_type=registry.name_of(type(event)),
        version=version,
        schema_version=event.schema_version,
        occurred_at=when,
        recorded_at=MORNING + timedelta(minutes=place - 1),
        correlation_id=stream,
        causation_id=None,
        saga_id=None,
        sequence_number=version,
        command_id=event_id(place),
        actor="ada",
        metadata={},
        hash=b"",
        position=place,
    )
