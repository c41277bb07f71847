"""List filters. The choices of event and aggregate types come from the message registry, not from a table scan."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from eventshop.admin_console.search import filter_by_recording_time
from eventshop.admin_console.unfold_adapter import DropdownFilter, RangeDateFilter
from eventshop.core.message_registry import registry
from eventshop.runtime.counted_cache import look_up, store

#: For values such as countries and projections: they change rarely, and finding them reads the whole table.
CACHE_S: Final = 600
#: Bounds of a filter: no event is outside, and a day earlier or later is a valid date in every time zone.
_EARLIEST_DAY: Final = date(1900, 1, 1)
_LATEST_DAY: Final = date(2999, 12, 31)


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
    """Only keeps the choice; the change list turns it into `indexed_queries`."""

    title = "aggregate type"
    parameter_name = "aggregate"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(registry.aggregates)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class ValuesFilter(DropdownFilter):
    """The values of a column, at most 300, cached for `CACHE_S` seconds."""

    parameter_name: str = ""
    #: The model to read the values from, if not the filtered one.
    values_model: type[Model] | None = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        model = self.values_model or model_admin.model
        key = f"{model._meta.db_table}:{self.parameter_name}"
        values = look_up("filter-values", key)
        if values is None:
            rows = model._default_manager.order_by(self.parameter_name)
            values = list(rows.values_list(self.parameter_name, flat=True).distinct()[:300])
            store("filter-values", key, values, CACHE_S if values else 0)
        return [(value, value) for value in values if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class ProjectionFilter(ValuesFilter):
    title = "projection"
    parameter_name = "projection"


class CauseFilter(DropdownFilter):
    """The cause of dead letters or of unreadable records; not cached, since causes come and go."""

    title = "cause"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        causes = model_admin.model.objects.exclude(fingerprint="").order_by("fingerprint")
        return [(cause, cause) for cause in causes.values_list("fingerprint", flat=True).distinct()[:100]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(fingerprint=self.value()) if self.value() else queryset


class RecordedFilter(RangeDateFilter):
    """A range of days in the shop's time zone, both included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first = self._parse_bound("from")
        last = self._parse_bound("to")
        return filter_by_recording_time(
            queryset, midnight(first) if first else None, midnight(last + timedelta(days=1)) if last else None
        )

    def _parse_bound(self, end: str) -> date | None:
        text = self.used_parameters.get(f"{self.field_path}_{end}")
        return parse_day(str(text)) if text else None


def parse_day(text: str) -> date | None:
    """A date in ISO or British form, limited to the bounds above; None for any other text."""
    try:
        day = parse_date(text) or datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None
    return min(max(day, _EARLIEST_DAY), _LATEST_DAY)


def midnight(day: date) -> datetime:
    """The beginning of a day in the shop's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
