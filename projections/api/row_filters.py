"""Filters of the read models' lists: equality on columns, and a time range."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateField, DateTimeField, QuerySet
from django.forms import NullBooleanField
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import BooleanFilter, DateFilter, FilterSet, IsoDateTimeFilter
from django_filters.widgets import BooleanWidget

from projections.api.resource import ParentRow, Resource


class _StrictBooleanWidget(BooleanWidget):  # type: ignore[misc]
    """Passes invalid values on to validation; the library's widget treats them as not sent."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = data.get(name)
        return {"true": True, "false": False}.get(value, value)


class _StrictBooleanField(NullBooleanField):
    def validate(self, value: Any) -> None:
        if value not in (True, False, None):
            raise ValidationError("must be true or false")

    def to_python(self, value: Any) -> Any:
        return value


class _UtcDateTimeField(IsoDateTimeField):  # type: ignore[misc]
    """Converts to UTC: databases know fewer time zones than Python, and only the years 1 to 9999."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().to_python(value)
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is out of range") from error


class _UtcDateTimeFilter(IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _UtcDateTimeField


class StrictBooleanFilter(BooleanFilter):  # type: ignore[misc]
    """Accepts `true` and `false` only."""

    field_class = _StrictBooleanField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=_StrictBooleanWidget, **kwargs)


def filter_set(resource: Resource) -> type[FilterSet]:
    """The filters of a resource: equality on its columns; `from` (inclusive) and `to` (exclusive) on its time."""
    overrides = {BooleanField: {"filter_class": StrictBooleanFilter}}
    options = {"model": resource.model, "fields": list(resource.filters), "filter_overrides": overrides}
    meta = type("Meta", (), options)
    bounds: dict[str, Any] = {}
    if resource.time:
        filter_class = _bound_filter_class(resource.model._meta.get_field(resource.time))
        bounds = {"from": filter_class(resource.time, "gte"), "to": filter_class(resource.time, "lt")}
    elif resource.parent and resource.parent.time:
        bounds = {
            "from": _parent_bound_filter(resource.parent, "gte"),
            "to": _parent_bound_filter(resource.parent, "lt"),
        }
    return type(
        f"{resource.model.__name__}Filters", (FilterSet,), {**bounds, **dict(resource.more_filters), "Meta": meta}
    )


def _bound_filter_class(column: Any) -> Any:
    return DateFilter if isinstance(column, DateField) and not isinstance(column, DateTimeField) else _UtcDateTimeFilter


def _parent_bound_filter(parent: ParentRow, operator: str) -> _UtcDateTimeFilter:
    def filter_rows(rows: QuerySet[Any], name: str, moment: datetime) -> QuerySet[Any]:
        return rows.filter(**parent.condition(**{f"{parent.time}__{operator}": moment}))

    return _UtcDateTimeFilter(method=filter_rows)
