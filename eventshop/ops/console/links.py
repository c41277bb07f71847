"""Where the console meets what lies above it: pages of read models, and names that lead to streams.

The console may not know any projection; whoever has a page about an aggregate, or knows it by a name, says so here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import UUID


class Link(NamedTuple):
    """A page and what to call it."""

    text: str
    url: str


#: From an aggregate's type and id to the page of its read model row, if there is one.
RowPage = Callable[[str, UUID], Link | None]
#: From a name people use (an order's number) to streams. Indexed look-ups only.
Naming = Callable[[str], list[UUID]]

_row_pages: Final[list[RowPage]] = []
_namings: Final[list[Naming]] = []


def add_row_page(row_page: RowPage) -> RowPage:
    _row_pages.append(row_page)
    return row_page


def add_naming(naming: Naming) -> Naming:
    _namings.append(naming)
    return naming


def row_pages(aggregate_type: str, aggregate_id: UUID) -> list[Link]:
    """Every read model page about an aggregate."""
    links = (row_page(aggregate_type, aggregate_id) for row_page in _row_pages)
    return [link for link in links if link is not None]


def streams_named(name: str) -> list[UUID]:
    """The streams that people call by this name."""
    return [aggregate_id for naming in _namings for aggregate_id in naming(name)]
