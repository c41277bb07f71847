"""Where the console meets what lies above it: pages of read models, and names that lead to streams.

The console may not know any projection; whoever has a page about an aggregate, or knows it by a name, says so here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.models import StoredEvent


class Link(NamedTuple):
    """A page and what to call it."""

    text: str
    url: str


class Row(NamedTuple):
    """A read model's row that an event changes. `reached`: the projection has come past that event."""

    text: str
    url: str
    reached: bool


#: From an aggregate's type and id to the page of its read model row, if there is one.
RowPage = Callable[[str, UUID], Link | None]
#: From a name people use (an order's number) to streams. Indexed look-ups only.
Naming = Callable[[str], list[UUID]]

#: From events to the rows each changes, by position. A fixed number of queries.
Touching = Callable[[Sequence[StoredEvent]], dict[int, list[Row]]]

_row_pages: Final[list[RowPage]] = []
_namings: Final[list[Naming]] = []
_touchings: Final[list[Touching]] = []


def add_row_page(row_page: RowPage) -> RowPage:
    _row_pages.append(row_page)
    return row_page


def add_naming(naming: Naming) -> Naming:
    _namings.append(naming)
    return naming


def add_touching(touching: Touching) -> Touching:
    _touchings.append(touching)
    return touching


def rows_touched(events: Sequence[StoredEvent]) -> dict[int, list[Row]]:
    """Every row that these events change, by position."""
    found: dict[int, list[Row]] = {}
    for touching in _touchings:
        for position, rows in touching(events).items():
            found.setdefault(position, []).extend(rows)
    return found


def row_pages(aggregate_type: str, aggregate_id: UUID) -> list[Link]:
    """Every read model page about an aggregate."""
    links = (row_page(aggregate_type, aggregate_id) for row_page in _row_pages)
    return [link for link in links if link is not None]


def streams_named(name: str) -> list[UUID]:
    """The streams that people call by this name."""
    return [aggregate_id for naming in _namings for aggregate_id in naming(name)]
