"""How the lists of rows are searched: each by an index, never by looking through a table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.search import parse_uuid
from projections.admin.base import RowAdmin
from projections.api.prefix_filter import prefix_condition


class SearchableRowAdmin(RowAdmin):
    """Rows with a search; an empty one shows them all."""

    def search_condition(self, text: str) -> Q:
        """The rows that a text means; it is stripped and not empty."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(self.search_condition(text)) if text else queryset), False


class SearchById(SearchableRowAdmin):
    """Its search asks for one id: `search_fields` names the one column that holds it."""

    def search_condition(self, text: str) -> Q:
        [column] = self.search_fields
        return Q(**{column: parse_uuid(text)})


class SearchByReference(SearchableRowAdmin):
    """Its search asks for the row's id, its owner's, or how its reference begins."""

    search_fields = ("reference",)
    owner_column: ClassVar[str]

    def search_condition(self, text: str) -> Q:
        identity = parse_uuid(text)
        if identity is None:
            return prefix_condition("reference", text)
        return Q(pk=identity) | Q(**{self.owner_column: identity})


class SearchBySku(SearchableRowAdmin):
    """Its search asks how a product code begins."""

    search_fields = ("sku",)
    search_help_text = "Product code"

    def search_condition(self, text: str) -> Q:
        return prefix_condition("sku", text)
