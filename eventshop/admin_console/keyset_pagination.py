"""Keyset pagination by position: every page costs the same, and rows are never counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest

from eventshop.admin_console.list_state import EXPORT_PAGE, StatefulChangeList

_MAX_POSITION: Final = 2**63 - 1


class Cursor(NamedTuple):
    """Where a page begins: rows `older` than a position, or newer ones."""

    position: int
    older: bool

    @classmethod
    def from_request(cls, request: HttpRequest) -> Cursor:
        """From `?before=` or `?after=`. Raises `IncorrectLookupParameters`."""
        for name in ("before", "after"):
            if (text := request.GET.get(name)) is not None:
                if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _MAX_POSITION):
                    raise IncorrectLookupParameters(f"{name}={text}")
                return cls(int(text), older=name == "before")
        return cls(_MAX_POSITION, older=True)

    def fetch_rows(self, queryset: QuerySet[Any], field: str, count: int) -> list[Any]:
        """The `count` rows nearest to the cursor, nearest first."""
        if self.older:
            return list(queryset.filter(**{f"{field}__lt": self.position}).order_by(f"-{field}")[:count])
        return list(queryset.filter(**{f"{field}__gt": self.position}).order_by(field)[:count])


class KeysetChangeList(StatefulChangeList):
    """A list, newest first; `?before=` and `?after=` give the position at which the page begins."""

    cursor_field = "position"

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        for name in ("before", "after"):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        cursor = Cursor.from_request(request)
        rows = self.fetch_rows(cursor, self.list_per_page + 1)
        more = len(rows) > self.list_per_page
        page = rows[: self.list_per_page]
        if not cursor.older:
            page.reverse()
        self._set_page_links(
            page, newer=more if not cursor.older else "before" in request.GET, older=more or not cursor.older
        )
        self.result_list = self.load_column_data(page)
        self.result_count = len(page)
        self.full_result_count = self.result_count  # equal counts: Unfold then shows none
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.result_list, self.list_per_page)

    @property
    def coverage(self) -> str:
        """The rows of the page alone: others are not counted."""
        matching = " of those that match" if self.is_narrowed else ""
        return f"{self.result_count} shown{matching}, newest first"

    def indexed_queries(self) -> Sequence[QuerySet[Any]]:
        """Queries that an index serves one by one; the page is made of the first rows of all of them."""
        return [self.queryset]

    def fetch_rows(self, cursor: Cursor, count: int) -> list[Any]:
        """The `count` rows nearest to the cursor of all indexed queries, nearest first."""
        rows = [row for query in self.indexed_queries() for row in cursor.fetch_rows(query, self.cursor_field, count)]
        rows.sort(key=self.position_of, reverse=cursor.older)
        return rows[:count]

    def position_of(self, row: Any) -> int:
        return int(getattr(row, self.cursor_field))

    def count_exported(self, limit: int) -> int | None:
        counts = [query.order_by().values("pk")[:limit].count() for query in self.indexed_queries()]
        return min(sum(counts), limit)

    def export_rows(self, limit: int) -> Iterator[Any]:
        """Page by page, newest first."""
        cursor = Cursor(_MAX_POSITION, older=True)
        while limit > 0:
            rows = self.fetch_rows(cursor, min(limit, EXPORT_PAGE))
            yield from self.load_column_data(rows)
            if len(rows) < EXPORT_PAGE or self.position_of(rows[-1]) >= cursor.position:
                return
            cursor, limit = Cursor(self.position_of(rows[-1]), older=True), limit - len(rows)

    def _set_page_links(self, page: Sequence[Any], *, newer: bool, older: bool) -> None:
        first = self.get_query_string({"after": self.position_of(page[0]), "before": None}) if page else None
        last = self.get_query_string({"before": self.position_of(page[-1]), "after": None}) if page else None
        self.newer_link = first if newer else None
        self.older_link = last if older else None
        self.newest_link = self.get_query_string({"before": None, "after": None})
