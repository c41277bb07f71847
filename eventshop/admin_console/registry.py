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


class ChangedRow(NamedTuple):
    """A read model's row that an event changes. `reached`: the projection has come past that event."""

    text: str
    url: str
    is_projected: bool


#: From an aggregate's type and id to the page of its read model row, if there is one.
RowPageFinder = Callable[[str, UUID], Link | None]
#: From a name people use (an order's number) to streams. Indexed look-ups only.
StreamFinder = Callable[[str], list[UUID]]

#: From events to the rows each changes, by position. A fixed number of queries.
ChangedRowsFinder = Callable[[Sequence[StoredEvent]], dict[int, list[ChangedRow]]]

_row_page_finders: Final[list[RowPageFinder]] = []
_stream_finders: Final[list[StreamFinder]] = []
_changed_rows_finders: Final[list[ChangedRowsFinder]] = []


def register_row_page_finder(finder: RowPageFinder) -> RowPageFinder:
    _row_page_finders.append(finder)
    return finder


def register_stream_finder(finder: StreamFinder) -> StreamFinder:
    _stream_finders.append(finder)
    return finder


def register_changed_rows_finder(finder: ChangedRowsFinder) -> ChangedRowsFinder:
    _changed_rows_finders.append(finder)
    return finder


def find_changed_rows(events: Sequence[StoredEvent]) -> dict[int, list[ChangedRow]]:
    """Every row that these events change, by position."""
    rows_by_position: dict[int, list[ChangedRow]] = {}
    for finder in _changed_rows_finders:
        for position, rows in finder(events).items():
            rows_by_position.setdefault(position, []).extend(rows)
    return rows_by_position


def find_row_pages(aggregate_type: str, aggregate_id: UUID) -> list[Link]:
    """Every read model page about an aggregate."""
    links = (row_page(aggregate_type, aggregate_id) for row_page in _row_page_finders)
    return [link for link in links if link is not None]


def find_streams(name: str) -> list[UUID]:
    """The streams that people call by this name."""
    return [aggregate_id for naming in _stream_finders for aggregate_id in naming(name)]
