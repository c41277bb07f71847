"""What the lists of events and streams can be narrowed by; choices come from the registry, never from a scan."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from eventshop.admin_console.search import recorded_between
from eventshop.admin_console.unfold_adapter import DropdownFilter, RangeDateFilter
from eventshop.core.message_registry import registry

#: Nothing was recorded before or after; there is a day before and after each in every time zone.
_FIRST: Final = date(1900, 1, 1)
_LAST: Final = date(2999, 12, 31)


def event_types_of(aggregate_type: str) -> list[str]:
    """The stored names of an aggregate's events."""
    return sorted(
        name
        for event in registry.events.values()
        if registry.aggregate_of(event).__name__ == aggregate_type
        for name in registry.stored_names(event)
    )


class EventTypeFilter(DropdownFilter):
    title = "event type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = {name for aggregate in registry.aggregates for name in event_types_of(aggregate)}
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event_type=self.value()) if self.value() else queryset


class AggregateTypeFilter(DropdownFilter):
    """Only remembers the choice: the change list turns it into one indexed query per branch."""

    title = "aggregate type"
    parameter_name = "aggregate"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(registry.aggregates)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class RecordedFilter(RangeDateFilter):
    """Days in the shop's time zone, both included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first = self._day("from")
        last = self._day("to")
        return recorded_between(
            queryset, midnight(first) if first else None, midnight(last + timedelta(days=1)) if last else None
        )

    def _day(self, end: str) -> date | None:
        text = self.used_parameters.get(f"{self.field_path}_{end}")
        return day(str(text)) if text else None


def day(text: str) -> date | None:
    """A date as people type it, ISO or British; None when it is none."""
    try:
        found = parse_date(text) or datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None
    return min(max(found, _FIRST), _LAST)


def midnight(of: date) -> datetime:
    return timezone.make_aware(datetime.combine(of, time.min))
