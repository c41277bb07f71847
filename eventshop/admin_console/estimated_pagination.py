"""Numbered pages over large tables: counted up to a limit, said so beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from eventshop.admin_console.unfold_adapter import ChangeList

if TYPE_CHECKING:
    Pages: TypeAlias = Paginator[Any]
else:
    Pages = Paginator

#: Nobody pages further; filters lead there faster, and an offset never has to skip more.
MOST_COUNTED: Final = 10_000


class CountedChangeList(ChangeList):
    """A list says "7 results (Show all)" only where it was narrowed, and only a number that was counted."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        bounded = getattr(self.paginator, "bounded", False)
        if bounded or not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count  # so that Unfold says nothing


class BoundedPaginator(Pages):
    """Reads at most so many index entries to count, however large the table."""

    most: ClassVar[int] = MOST_COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.most + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def bounded(self) -> bool:
        """Whether there are more rows than were counted."""
        return self._counted > self.most
