"""How the lists of rows are searched: each by an index, never by looking through a table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.search import as_uuid
from projections.admin.base import RowAdmin
from projections.api.prefix_filter import starting_with


class SearchedAdmin(RowAdmin):
    """Rows with a search; an empty one shows them all."""

    def matching(self, text: str) -> Q:
        """The rows that a text means; it is stripped and not empty."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(self.matching(text)) if text else queryset), False


class FoundById(SearchedAdmin):
    """Its search asks for one id: `search_fields` names the one column that holds it."""

    def matching(self, text: str) -> Q:
        [column] = self.search_fields
        return Q(**{column: as_uuid(text)})


class FoundByReference(SearchedAdmin):
    """Its search asks for the row's id, its owner's, or how its reference begins."""

    search_fields = ("reference",)
    owner_column: ClassVar[str]

    def matching(self, text: str) -> Q:
        identity = as_uuid(text)
        if identity is None:
            return starting_with("reference", text)
        return Q(pk=identity) | Q(**{self.owner_column: identity})


class FoundBySku(SearchedAdmin):
    """Its search asks how a product code begins."""

    search_fields = ("sku",)
    search_help_text = "Product code"

    def matching(self, text: str) -> Q:
        return starting_with("sku", text)
