"""Registries through which apps plug into the console: pages of read model rows, and look-ups of streams by name.

The console does not import any read model; the app that has the page or the name registers a finder here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.models import StoredEvent


class Link(NamedTuple):
    """The address of a page and its link text."""

    text: str
    url: str


class ChangedRow(NamedTuple):
    """A read model row that an event changes. `is_projected`: the projection's checkpoint is past that event."""

    text: str
    url: str
    is_projected: bool


#: From an aggregate's type and id to the page of its read model row, or None.
RowPageFinder = Callable[[str, UUID], Link | None]
#: From a business reference such as an order number to stream ids. Uses an index.
StreamFinder = Callable[[str], list[UUID]]

#: From stream ids to what people call those streams, such as order numbers; never personal data. One query.
StreamNamer = Callable[[Collection[UUID]], dict[UUID, str]]

#: From events to the rows that each changes, by position. Runs a fixed number of queries.
ChangedRowsFinder = Callable[[Sequence[StoredEvent]], dict[int, list[ChangedRow]]]

_row_page_finders: Final[list[RowPageFinder]] = []
_stream_finders: Final[list[StreamFinder]] = []
_stream_namers: Final[list[StreamNamer]] = []
_changed_rows_finders: Final[list[ChangedRowsFinder]] = []


def register_row_page_finder(finder: RowPageFinder) -> RowPageFinder:
    _row_page_finders.append(finder)
    return finder


def register_stream_finder(finder: StreamFinder) -> StreamFinder:
    _stream_finders.append(finder)
    return finder


def register_stream_namer(namer: StreamNamer) -> StreamNamer:
    _stream_namers.append(namer)
    return namer


def register_changed_rows_finder(finder: ChangedRowsFinder) -> ChangedRowsFinder:
    _changed_rows_finders.append(finder)
    return finder


def find_changed_rows(events: Sequence[StoredEvent]) -> dict[int, list[ChangedRow]]:
    """Every read model row that these events change, by position."""
    rows_by_position: dict[int, list[ChangedRow]] = {}
    for finder in _changed_rows_finders:
        for position, rows in finder(events).items():
            rows_by_position.setdefault(position, []).extend(rows)
    return rows_by_position


def find_row_pages(aggregate_type: str, aggregate_id: UUID) -> list[Link]:
    """Every read model page of an aggregate."""
    links = (row_page(aggregate_type, aggregate_id) for row_page in _row_page_finders)
    return [link for link in links if link is not None]


def find_streams(name: str) -> list[UUID]:
    """The streams with this business reference."""
    return [aggregate_id for naming in _stream_finders for aggregate_id in naming(name)]


def name_streams(ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of those streams that have one; one query for each kind of name."""
    return {stream: name for namer in _stream_namers for stream, name in namer(ids).items()} if ids else {}
