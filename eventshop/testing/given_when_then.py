"""Given, when, then: tests of aggregates, sagas and projections as business sentences, through the real codec."""

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

#: When the first event of a history occurs, unless it is dated; each further one occurs a minute later.
MORNING = datetime.fromisoformat("2026-01-31T09:00:00+00:00")


def given(aggregate: type[Aggregate[Any, Any]], *history: Event) -> Given:
    """An aggregate with this history; each event is decoded from what the store would hold."""
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
        """Accepted without an event: it was so already."""
        self.then()

    def then_refused(self, error: type[EventShopError], *words: str) -> None:
        """Refused with exactly this error type, and these words in its message."""
        assert type(self.refusal) is error, f"expected {error.__name__}, got {self.refusal!r} / {self.events}"
        for word in words:
            assert word in str(self.refusal)


def round_trip(event: Event) -> Event:
    """The event as it comes back from the store."""
    return decode_event(registry.event_class(registry.name_of(type(event))), encode_canonical(event)[0])


# --- sagas ---------------------------------------------------------------------------------------


def given_saga(saga: type[Saga[Any]], *messages: SagaMessage) -> GivenSaga:
    """A saga that has handled these messages in order; its state and its actions pass through the codec."""
    return GivenSaga(saga, messages)


class GivenSaga:
    def __init__(self, saga: type[Saga[Any]], messages: Sequence[SagaMessage]) -> None:
        self.state = saga()
        for message in messages:
            self.state = _evolve(self.state, message)

    def when(self, message: SagaMessage) -> WhenHandled:
        return WhenHandled(self.state, message)

    def has_ended(self) -> None:
        """It has nothing more to do."""
        assert self.state.ended, self.state

    def goes_on(self) -> None:
        """It still has something to wait for."""
        assert not self.state.ended, self.state


class WhenHandled:
    def __init__(self, state: Saga[Any], message: SagaMessage) -> None:
        self.error: Exception | None = None
        self.actions: list[SagaAction] = []
        try:
            self.actions = [
                action if isinstance(action, StartTimer | CancelTimer) else _round_trip_struct(action)
                for action in state.react(message)
            ]
        except EventShopError as error:
            self.error = error
        self.state = state if self.error else _evolve(state, message)

    def then(self, *expected: SagaAction) -> WhenHandled:
        """Exactly these actions, in this order."""
        if self.error is not None:
            raise AssertionError(f"suspended: {self.error}") from self.error
        assert self.actions == list(expected)
        return self

    def then_nothing(self) -> WhenHandled:
        return self.then()

    def then_suspended(self, error: type[EventShopError]) -> None:
        """The reaction raised exactly this error type, which suspends the saga."""
        assert type(self.error) is error, f"expected {error.__name__}, got {self.error!r} / {self.actions}"

    def and_ended(self) -> None:
        assert self.state.ended, self.state


def _evolve(state: Saga[Any], message: SagaMessage) -> Saga[Any]:
    return _round_trip_struct(state.evolve(round_trip(message) if isinstance(message, Event) else message))


def _round_trip_struct(value: M) -> M:
    """The value as it comes back from its row."""
    return decode_stored(type(value), encode_canonical(value)[0])


# --- projections ---------------------------------------------------------------------------------


class DatedEvent(NamedTuple):
    """An event with its own time of occurrence."""

    event: Event
    when: datetime


HistoryItem: TypeAlias = Event | DatedEvent


def at(event: Event, when: str) -> DatedEvent:
    """An event that occurs at an ISO time with its zone."""
    return DatedEvent(event, datetime.fromisoformat(when))


def given_events(*events: HistoryItem) -> GivenEvents:
    """A history: the events as the store would return them, in this order."""
    return GivenEvents(list(record_events(events)))


class GivenEvents:
    def __init__(self, history: Sequence[RecordedEvent[Any]]) -> None:
        self.history = history

    def project(self, projection: Projection[R]) -> Projected[R]:
        return Projected(projection, fold(projection, self.history))


class Projected(Generic[R]):
    def __init__(self, projection: Projection[R], rows_by_key: dict[Any, R]) -> None:
        self.projection = projection
        self.rows_by_key = rows_by_key

    def row(self, key: Key) -> ProjectedRow:
        """The row of a key as the projection's key functions return it."""
        primary = self.projection.primary_key(key)
        assert primary in self.rows_by_key, f"no row {primary}; there are {list(self.rows_by_key)}"
        return ProjectedRow(self.rows_by_key[primary])

    def no_row(self, key: Key) -> Projected[R]:
        assert self.projection.primary_key(key) not in self.rows_by_key
        return self

    def rows(self, count: int) -> Projected[R]:
        """Exactly this number of rows."""
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


def event_id(position: int) -> UUID:
    """The id of the event at this position (from 1) of a given history."""
    return derive_id("event", position)


def stream_id_of(event: Event) -> UUID:
    """The stream of an event: its first field is the stream's id, or the name of a stock item."""
    first = getattr(event, event.__struct_fields__[0])
    if isinstance(first, UUID):
        return first
    return derive_id("stock-item", str(first))


def record_events(events: Iterable[HistoryItem]) -> Iterable[RecordedEvent[Any]]:
    """The events with the metadata that the store adds: versions without gaps, one position and one minute each."""
    versions: dict[UUID, int] = {}
    for position, item in enumerate(events, start=1):
        event, when = item if isinstance(item, DatedEvent) else (item, MORNING + timedelta(minutes=position - 1))
        stream = stream_id_of(event)
        versions[stream] = versions.get(stream, 0) + 1
        yield RecordedEvent(round_trip(event), _meta(event, stream, versions[stream], position, when))


def _meta(event: Event, stream: UUID, version: int, position: int, when: datetime) -> Meta:
    return Meta(
        event_id=event_id(position),
        aggregate_id=stream,
        aggregate_type=registry.aggregate_of(type(event)).__name__,
        event_type=registry.name_of(type(event)),
        version=version,
        schema_version=event.schema_version,
        occurred_at=when,
        recorded_at=MORNING + timedelta(minutes=position - 1),
        correlation_id=stream,
        causation_id=None,
        saga_id=None,
        sequence_number=version,
        command_id=event_id(position),
        actor="ada",
        metadata={},
        hash=b"",
        position=position,
    )
