"""Searches in the lists of read models. Each uses an index and never scans a table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.search import parse_uuid
from eventshop.web.api.prefix_filter import prefix_condition
from projections.admin.base import RowAdmin
from projections.external_id_lookup import find_subjects
from projections.models import ExternalId
from projections.row_lookup import ids_of


class SearchableRowAdmin(RowAdmin):
    """Admin of a read model with a search; an empty text shows all rows."""

    def search_condition(self, text: str) -> Q:
        """The condition for a search text, which is stripped and not empty."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(self.search_condition(text)) if text else queryset), False


class SearchById(SearchableRowAdmin):
    """Searches by an id, or its end as lists print it, in the one column that `search_fields` names."""

    def search_condition(self, text: str) -> Q:
        [column] = self.search_fields
        return Q(**{f"{column}__in": ids_of(self.model, column, text)})


class SearchByReference(SearchableRowAdmin):
    """Searches by the row's id or its end, the owner's id, or any part of the reference in any case."""

    search_fields = ("reference",)
    owner_column: ClassVar[str]

    def search_condition(self, text: str) -> Q:
        identity, pk = parse_uuid(text), str(self.model._meta.pk.name)
        if identity is None:
            return Q(reference__icontains=text) | Q(pk__in=ids_of(self.model, pk, text))
        return Q(pk=identity) | Q(**{self.owner_column: identity})


class SearchBySku(SearchableRowAdmin):
    """Searches by the beginning of the product code, or by what another system calls the product."""

    search_fields = ("sku",)
    search_help_text = "Product code, or external id"

    def search_condition(self, text: str) -> Q:
        skus = find_subjects(ExternalId.Kind.PRODUCT, text)
        return prefix_condition("sku", text) | Q(sku__in=skus) if skus else prefix_condition("sku", text)
