"""Filters of the read models' lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.list_filters import ValuesFilter, midnight, parse_day
from eventshop.admin_console.unfold_adapter import DropdownFilter, RangeDateFilter
from projections.models import DailySales


class CountryFilter(ValuesFilter):
    title = "country"
    parameter_name = "country"


class CurrencyFilter(ValuesFilter):
    title = "currency"
    parameter_name = "currency"
    values_model = DailySales  # a small table with every currency of a payment


class TaskFilter(DropdownFilter):
    """Orders that wait for a person, and those of which a part was observed elsewhere."""

    title = "to do"
    parameter_name = "task"
    tasks: Final = {
        "review": ("To review: an observed fact breaks a rule", ~Q(review="")),
        "return": ("Return to decide", Q(returns_to_decide__gt=0)),
        "refund": ("Refund under way", Q(refund_due__gt=0)),
        "observed": ("Observed elsewhere", Q(observed=True)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.tasks.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        task = self.tasks.get(self.value() or "")
        return queryset.filter(task[1]) if task else queryset


class DaysFilter(RangeDateFilter):
    """A range of days in the shop's time zone; the last day is included to its end."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (
            parse_day(str(self.used_parameters.get(f"{self.field_path}_{end}") or "")) for end in ("from", "to")
        )
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": midnight(last + timedelta(days=1))})
        return queryset
