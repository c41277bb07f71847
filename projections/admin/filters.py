"""Filters of the read models' lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.list_filters import day, midnight
from eventshop.admin_console.unfold_adapter import DropdownFilter, RangeDateFilter
from projections.models import DailySales

#: Countries and currencies change rarely; finding them reads the whole table.
REMEMBERED_S: Final = 600


class ValuesFilter(DropdownFilter):
    """The values of a column, asked for once in ten minutes."""

    parameter_name: str = ""
    #: Where the values are looked up, if not in the table that is filtered.
    values_of: type[Model] | None = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        model = self.values_of or model_admin.model
        key = f"console:values:{model._meta.db_table}:{self.parameter_name}"
        values = cache.get(key)
        if values is None:
            rows = model._default_manager.order_by(self.parameter_name)
            values = list(rows.values_list(self.parameter_name, flat=True).distinct()[:300])
            cache.set(key, values, REMEMBERED_S if values else 0)
        return [(value, value) for value in values if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class CountryFilter(ValuesFilter):
    title = "country"
    parameter_name = "country"


class CurrencyFilter(ValuesFilter):
    title = "currency"
    parameter_name = "currency"
    values_of = DailySales  # few rows, and every currency something was paid in


class ProjectionFilter(ValuesFilter):
    title = "projection"
    parameter_name = "projection"


class DaysFilter(RangeDateFilter):
    """Days in the shop's time zone, both included; a moment of the last day counts."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (day(str(self.used_parameters.get(f"{self.field_path}_{end}") or "")) for end in ("from", "to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": midnight(last + timedelta(days=1))})
        return queryset
