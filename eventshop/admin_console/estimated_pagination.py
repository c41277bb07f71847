"""Numbered pages over large tables: rows are counted up to a limit, and the page says when there are more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from eventshop.admin_console.list_state import StatefulChangeList

if TYPE_CHECKING:
    Pages: TypeAlias = Paginator[Any]
else:
    Pages = Paginator

#: An OFFSET never skips more rows than this; filters reach the other rows faster.
MAX_COUNTED: Final = 10_000


class CountedChangeList(StatefulChangeList):
    """Shows "7 results (Show all)" only for a filtered list whose rows were all counted."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = self.load_column_data(list(self.result_list))
        incomplete = getattr(self.paginator, "has_uncounted_rows", False)
        if incomplete or not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count  # equal counts: Unfold then shows none


class BoundedPaginator(Pages):
    """Counts by reading at most `max_counted` + 1 index entries, however large the table is."""

    max_counted: ClassVar[int] = MAX_COUNTED

    @cached_property
    def _counted_rows(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.max_counted + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted_rows, self.max_counted)

    @property
    def has_uncounted_rows(self) -> bool:
        """Whether the table has more rows than `max_counted`."""
        return self._counted_rows > self.max_counted
