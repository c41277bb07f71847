"""Filters of lists: one or several values of a column, ranges of times and numbers, and a search."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    IntegerField,
    Q,
    QuerySet,
    UUIDField,
)
from django.forms import NullBooleanField
from django_filters.fields import BaseCSVField, IsoDateTimeField
from django_filters.rest_framework import (
    BaseInFilter,
    BooleanFilter,
    CharFilter,
    ChoiceFilter,
    DateFilter,
    Filter,
    FilterSet,
    IsoDateTimeFilter,
    NumberFilter,
    UUIDFilter,
)
from django_filters.widgets import BooleanWidget

from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage
from eventshop.web.api.prefix_filter import prefix_condition
from eventshop.web.api.resource import ParentRow, Resource

#: The most values of one filter.
MAX_VALUES: Final = 50
MAX_WORDS: Final = 10


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


class _NumberField(forms.DecimalField):
    """A decimal as everywhere in the API: no exponent, no underscore, no space."""

    def to_python(self, value: Any) -> Any:
        try:
            return parse_decimal(value) if value else None
        except InvalidMessage as error:
            raise ValidationError(error.message) from None


class _WholeNumberField(_NumberField):
    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        if number is not None and number != number.to_integral_value():
            raise ValidationError("must be a whole number")
        return number


class _NumberFilter(NumberFilter):  # type: ignore[misc]
    field_class = _NumberField

    def get_max_validator(self) -> None:
        return None


class _WholeNumberFilter(_NumberFilter):
    field_class = _WholeNumberField


class _UtcDateTimeFilter(IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _UtcDateTimeField


class StrictBooleanFilter(BooleanFilter):  # type: ignore[misc]
    """Accepts `true` and `false` only."""

    field_class = _StrictBooleanField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=_StrictBooleanWidget, **kwargs)


class _Values:
    """The field of several values: as often as `MAX_VALUES`, none of them empty."""

    def clean(self, value: Any) -> Any:
        if value is not None and (len(value) > MAX_VALUES or not all(value)):
            raise ValidationError(f"must be 1 to {MAX_VALUES} values, separated by commas")
        return super().clean(value)  # type: ignore[misc]


class _ValuesField(_Values, BaseCSVField):  # type: ignore[misc]
    pass


class _OneOfFilter(BaseInFilter):  # type: ignore[misc]
    """One value, or several separated by commas."""

    base_field_class = _ValuesField


class _TextIn(_OneOfFilter, CharFilter):  # type: ignore[misc]
    pass


class _UuidIn(_OneOfFilter, UUIDFilter):  # type: ignore[misc]
    pass


class _ChoiceIn(_OneOfFilter, ChoiceFilter):  # type: ignore[misc]
    pass


class SearchFilter(CharFilter):  # type: ignore[misc]
    """The rows in which a column begins with the text."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(help_text=f"Rows whose {' or '.join(columns)} begins with this text.", max_length=200)
        self.columns = columns

    def filter(self, rows: QuerySet[Any], text: str | None) -> QuerySet[Any]:
        if not text:
            return rows
        conditions = (prefix_condition(column, text) for column in self.columns)
        return rows.filter(reduce(or_, conditions))


class TextSearchFilter(SearchFilter):
    """The rows in which each word is somewhere in one of the columns: for tables of some thousand rows."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(columns)
        self.extra["help_text"] = f"Rows that have each of these words in {', '.join(columns)}."

    def filter(self, rows: QuerySet[Any], text: str | None) -> QuerySet[Any]:
        for word in (text or "").split()[:MAX_WORDS]:
            rows = rows.filter(reduce(or_, (Q(**{f"{column}__icontains": word}) for column in self.columns)))
        return rows


def filter_set(resource: Resource) -> type[FilterSet]:
    """The filters of a resource, by the names of the API.

    Its `filters` take one or several values; the times and numbers it can be ordered by a range (`NAME_min` and
    `NAME_max`, both inclusive); `from` (inclusive) and `to` (exclusive) are of its time; `q` searches.
    """
    filters: dict[str, Any] = {}
    for name in resource.filters:
        filters[resource.name_of(name)] = _equality_filter(resource.model._meta.get_field(name))
    for name in resource.orderings:
        filters |= _range_filters(resource.model._meta.get_field(name), resource.name_of(name))
    if resource.time:
        filter_class = _bound_filter_class(resource.model._meta.get_field(resource.time))
        filters |= {"from": filter_class(resource.time, "gte"), "to": filter_class(resource.time, "lt")}
    elif resource.parent and resource.parent.time:
        filters |= {
            "from": _parent_bound_filter(resource.parent, "gte"),
            "to": _parent_bound_filter(resource.parent, "lt"),
        }
    if resource.search:
        filters["q"] = SearchFilter(resource.search)
    meta = type("Meta", (), {"model": resource.model, "fields": []})
    return type(
        f"{resource.model.__name__}Filters", (FilterSet,), {**filters, **dict(resource.more_filters), "Meta": meta}
    )


def _equality_filter(column: Any) -> Filter:
    match column:
        case BooleanField():
            return StrictBooleanFilter(column.name)
        case UUIDField():
            return _UuidIn(column.name)
        case CharField() if column.choices:
            return _ChoiceIn(column.name, choices=column.choices)
        case _:
            return _TextIn(column.name, max_length=column.max_length)


def _range_filters(column: Any, name: str) -> dict[str, Filter]:
    if isinstance(column, DateField):  # a time, too
        filter_class = _bound_filter_class(column)
    elif isinstance(column, IntegerField):
        filter_class = _WholeNumberFilter
    elif isinstance(column, DecimalField):
        filter_class = _NumberFilter
    else:
        return {}
    return {f"{name}_min": filter_class(column.name, "gte"), f"{name}_max": filter_class(column.name, "lte")}


def _bound_filter_class(column: Any) -> Any:
    return DateFilter if isinstance(column, DateField) and not isinstance(column, DateTimeField) else _UtcDateTimeFilter


def _parent_bound_filter(parent: ParentRow, operator: str) -> _UtcDateTimeFilter:
    def filter_rows(rows: QuerySet[Any], name: str, moment: datetime) -> QuerySet[Any]:
        return rows.filter(**parent.condition(**{f"{parent.time}__{operator}": moment}))

    return _UtcDateTimeFilter(method=filter_rows)
