"""A projection is a fold: it declares which rows an event changes, and how."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, overload

from django.db.models.base import ModelState

from eventshop.core.errors import DuplicateName, UnknownProjection
from eventshop.core.messages import Event, Meta
from eventshop.projections.read_model import ReadModel
from eventshop.projections.row_details import RowDetail, RowDetails

R = TypeVar("R", bound=ReadModel)
E = TypeVar("E", bound=Event)

#: A row key: the primary key, or the values of the model's `identity` columns.
Key: TypeAlias = Any
#: What a key function returns: None for no row, one key, or a list of keys.
Keys: TypeAlias = Key | list[Key] | None


class EventHandler(NamedTuple):
    """The rows that one type of event changes, and the change."""

    keys: Callable[[Any, Meta], Keys]
    change: Callable[[Any, Any, Meta], None]


class Projection(Generic[R]):
    """One row type; per event type the keys of the rows and the change. Pure: no query, no clock, no saving.

    Changed rows are published on `topic`; the name is the topic without `-projection`. A higher `version` makes the
    engine rebuild the rows. `shared_rows=False` promises that every row belongs to one aggregate: then workers on
    different partitions need not wait for each other. `details` is the table of what is kept of each row beside it.
    """

    def __init__(
        self,
        model: type[R],
        *,
        topic: str,
        version: int = 1,
        shared_rows: bool = True,
        details: type[RowDetail] | None = None,
    ) -> None:
        self.model = model
        self.topic = topic
        self.name = topic.removesuffix("-projection")
        self.version = version
        self.shared_rows = shared_rows
        self.details = details
        self.handlers: dict[type[Event], list[EventHandler]] = {}
        self.derive_columns: Callable[[R, RowDetails], None] | None = None
        self.details_to_read: Callable[[R], Collection[str]] = lambda row: ()

    def derive(self, compute: Callable[[R], None]) -> Callable[[R], None]:
        """Register the function that computes the columns which follow from the others of a row, once per batch.

        Changes may leave it what they have noted in attributes of the row that are no columns. These must be immutable:
        a change that fails is undone by giving the row its former attributes back.
        """
        self.derive_columns = lambda row, details: compute(row)
        return compute

    def derive_with_details(
        self, *, reads: Callable[[R], Collection[str]]
    ) -> Callable[[Callable[[R, RowDetails], None]], Callable[[R, RowDetails], None]]:
        """As `derive`, with the details of the row. `reads`: the keys of those that are needed for sure."""

        def register(compute: Callable[[R, RowDetails], None]) -> Callable[[R, RowDetails], None]:
            self.derive_columns, self.details_to_read = compute, reads
            return compute

        return register

    @overload
    def on(
        self, event: type[E], *, key: Callable[[E], Keys]
    ) -> Callable[[Callable[[R, E, Meta], None]], Callable[[R, E, Meta], None]]: ...
    @overload
    def on(
        self, event: type[E], *, dated_key: Callable[[E, Meta], Keys]
    ) -> Callable[[Callable[[R, E, Meta], None]], Callable[[R, E, Meta], None]]: ...
    def on(
        self,
        event: type[E],
        *,
        key: Callable[[E], Keys] | None = None,
        dated_key: Callable[[E, Meta], Keys] | None = None,
    ) -> Callable[[Callable[[R, E, Meta], None]], Callable[[R, E, Meta], None]]:
        """Register a change. `dated_key` is for keys that need the event's metadata (a day, an event id)."""

        def keys(event_value: E, meta: Meta) -> Keys:
            return key(event_value) if key is not None else dated_key(event_value, meta) if dated_key else None

        def register(change: Callable[[R, E, Meta], None]) -> Callable[[R, E, Meta], None]:
            self.handlers.setdefault(event, []).append(EventHandler(keys, change))
            return change

        return register

    def primary_key(self, key: Key) -> Any:
        """The primary key of a row key."""
        return ":".join(map(str, key)) if self.model.identity else key

    def new_row(self, key: Key) -> R:
        """A row with the default values of its columns."""
        # As `self.model(pk=..., ...)` in a fifth of the time: the defaults are computed once, not for every row.
        row = self.model.__new__(self.model)
        row.__dict__.update(self._defaults, _state=ModelState())
        row.pk = self.primary_key(key)
        for name, value in zip(self.model.identity, key if self.model.identity else (), strict=True):
            setattr(row, name, value)
        return row

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        """The columns of a new row. Their defaults are immutable: numbers, texts, None."""
        return {field.attname: field.get_default() for field in self.model._meta.concrete_fields}


class ProjectionRegistry:
    """The projections of a program by name. Raises `DuplicateName` and `UnknownProjection`."""

    def __init__(self) -> None:
        self._projections: dict[str, Projection[Any]] = {}

    def register(self, projection: Projection[Any]) -> None:
        if self._projections.setdefault(projection.name, projection) is not projection:
            raise DuplicateName(name=projection.name)

    def get(self, name: str) -> Projection[Any]:
        try:
            return self._projections[name]
        except KeyError:
            raise UnknownProjection(name=name, known="; ".join(sorted(self._projections))) from None

    def select(self, names: Iterable[str]) -> list[Projection[Any]]:
        """The named projections, or all when no name is given."""
        return [self.get(name) for name in names] or list(self._projections.values())


projection_registry = ProjectionRegistry()


def latest(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def earliest(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def as_key_list(keys: Keys) -> list[Key]:
    """The result of a key function as a list without repeats, in order."""
    if keys is None:
        return []
    return list(dict.fromkeys(keys)) if isinstance(keys, list) else [keys]
