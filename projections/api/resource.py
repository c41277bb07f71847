"""What the API offers of a read model: its scope, columns to filter and order by, and who owns a row."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django_filters.rest_framework import Filter

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


class Resource(NamedTuple):
    """How the API offers a read model. `owner` names the column of the person who may see the row besides staff.

    `moving` are those `orderings` whose value changes in the life of a row.
    """

    model: type[ReadModel]
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
    #: Each row belongs to one stream, whose version is then the row's entity tag.
    one_stream: bool = False

    def owner_condition(self, person: UUID) -> dict[str, Any] | None:
        """The filter on the rows that belong to this person; None where rows have no owner."""
        if self.parent:
            return self.parent.condition(**{self.parent.owner: person})
        return {self.owner: person} if self.owner else None
