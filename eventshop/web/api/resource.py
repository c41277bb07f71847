"""What the API offers of a table: its scope, columns to filter and order by, what it contains, and who owns a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django_filters.rest_framework import Filter
from msgspec import Struct

from eventshop.projections.exact_columns import MoneyField
from eventshop.projections.read_model import ReadModel


class ParentRow(NamedTuple):
    """Another row that knows a row's owner and time; `column` holds its primary key."""

    column: str
    model: type[ReadModel]
    owner: str
    time: str = ""

    def condition(self, **conditions: Any) -> dict[str, Any]:
        """The filter on the resource's rows for these conditions on their parent rows."""
        return {f"{self.column}__in": self.model._default_manager.filter(**conditions).values("pk")}


class Part(NamedTuple):
    """A list of what belongs to a row, such as the payments of an order; `read` takes it from what `load` gave."""

    name: str
    item: type[Struct]
    read: Callable[[Any], Iterable[Struct]]


class Contents(NamedTuple):
    """What rows contain. `load` reads all about some rows, by primary key, now or as recorded up to a time."""

    load: Callable[[Sequence[Any], datetime | None], Mapping[Any, Any]]
    parts: tuple[Part, ...]


class Computed(NamedTuple):
    """A value of rows that is no column: its schema, and how it is found for many rows; without one it is null."""

    name: str
    schema: dict[str, Any]
    load: Callable[[Sequence[Any]], Mapping[Any, Any]]


class Resource(NamedTuple):
    """How the API offers a table. `owner` names the column of the person who may see the row besides staff.

    `moving` are those `orderings` whose value changes in the life of a row. `projection` is empty for a table that is
    no read model.
    """

    model: type[Any]
    projection: str
    scope: str
    ordering: str
    orderings: tuple[str, ...]
    filters: tuple[str, ...]
    time: str = ""
    owner: str = ""
    parent: ParentRow | None = None
    moving: tuple[str, ...] = ()
    #: Filters other than equality, by their parameter.
    more_filters: tuple[tuple[str, Filter], ...] = ()
    #: Each row is that of one stream, whose version is then the row's entity tag.
    one_stream: bool = False
    #: The column with the id of that stream; or of the one that all events of the row are in, such as a person's.
    stream: str = "pk"
    #: The streams that rows are made of where these are several, so that a list can be read as of a time.
    streams: Callable[[QuerySet[Any]], QuerySet[Any, Any]] | None = None
    #: Whether everybody who is signed in sees all rows.
    is_public: bool = False
    #: Columns with another name in the API: the id of one thing is called the same everywhere.
    names: tuple[tuple[str, str], ...] = ()
    #: Columns with amounts of money other than `MoneyField`, and the column of their currency.
    amounts: tuple[tuple[str, str], ...] = ()
    #: Columns that the API does not show.
    hidden: tuple[str, ...] = ()
    #: Columns whose beginning (with an index) the parameter `q` is compared with.
    search: tuple[str, ...] = ()
    #: What a row contains: always in the answer for one row, in a list on request (`expand`).
    contents: Contents | None = None

    computed: tuple[Computed, ...] = ()

    def __hash__(self) -> int:
        return hash((self.model, self.scope))  # one resource a model

    def owner_condition(self, person: UUID) -> dict[str, Any] | None:
        """The filter on the rows that belong to this person; None where rows have no owner."""
        if self.parent:
            return self.parent.condition(**{self.parent.owner: person})
        return {self.owner: person} if self.owner else None

    @property
    def has_past(self) -> bool:
        """Whether all events of a row are in one stream, so that it can be read as of a time."""
        return bool(self.projection) and (self.one_stream or self.stream != "pk")

    @property
    def list_has_past(self) -> bool:
        """Whether a list can be read as of a time."""
        return self.has_past or self.streams is not None

    def streams_of(self, rows: QuerySet[Any]) -> QuerySet[Any, Any]:
        """The ids of the streams that make these rows."""
        return self.streams(rows) if self.streams else rows.order_by().values_list(self.stream, flat=True).distinct()

    def does_not_change(self, column: str) -> bool:
        """Whether a row keeps its value of this column: it says whose the row is."""
        return column in (self.owner, self.parent.column if self.parent else "", self.stream)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.contents.parts if self.contents else ()

    @property
    def personal(self) -> Mapping[str, str]:
        """The columns with personal data, which only their owner sees."""
        return self.model.personal if issubclass(self.model, ReadModel) else {}

    def name_of(self, column: str) -> str:
        """What the API calls a column."""
        return dict(self.names).get(column, column)

    def column_of(self, name: str) -> str:
        """The column that the API calls so."""
        return next((column for column, shown in self.names if shown == name), name)

    @property
    def shown_columns(self) -> list[Any]:
        """The columns of a row: neither internal ones, nor where in the log its last event was."""
        hidden = {*self.hidden}
        if issubclass(self.model, ReadModel):
            hidden |= {*self.model.internal, *META_COLUMNS}
        return [column for column in self.model._meta.concrete_fields if column.name not in hidden]

    @property
    def currency_columns(self) -> dict[str, str]:
        """The column of the currency, by the column of each amount of money."""
        columns = {column.name: column for column in self.model._meta.concrete_fields}
        money = [name for name, column in columns.items() if isinstance(column, MoneyField)]
        return dict.fromkeys(money, "currency") | dict(self.amounts) if "currency" in columns else dict(self.amounts)


#: Which event a row shows last: `meta`, on request.
META_COLUMNS = ("last_event_id", "last_version", "last_partition", "last_offset")
