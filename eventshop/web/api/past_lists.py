"""Lists as of a time: the rows of a caller are folded from their streams, then filtered, sorted and paged in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django_filters.rest_framework import BaseInFilter, Filter, FilterSet
from django_filters.utils import translate_validation

from eventshop.eventstore.models import StoredEvent
from eventshop.projections.historical_queries import rows_of_streams
from eventshop.projections.projection import projection_registry
from eventshop.web.api.pagination import KeysetPagination, PageCursor, invalid_parameter, parse_value, place_of
from eventshop.web.api.resource import Resource
from eventshop.web.api.resource_filters import SearchFilter
from eventshop.web.shared.errors import PastTooLong

#: The most streams, and the most events of them, that are folded within a request.
MAX_STREAMS: Final = 1_000
MAX_EVENTS: Final = 20_000


class PastPagination(KeysetPagination):
    """Pages of rows in memory; the cursors are those of the list as it is now."""

    def read_page(
        self, queryset: Any, ordering: str, cursor: PageCursor | None, limit: int
    ) -> tuple[list[Any], PageCursor | None]:
        column, backwards = ordering.lstrip("-"), cursor is not None and cursor.backwards
        descending = ordering.startswith("-") ^ backwards
        rows = sorted(queryset, key=lambda row: (getattr(row, column), row.pk), reverse=descending)
        if cursor and rows:
            meta = rows[0]._meta
            start = parse_value(meta.get_field(column), cursor.value), parse_value(meta.pk, cursor.key)
            rows = [row for row in rows if _is_after((getattr(row, column), row.pk), start, descending)]
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], place_of(cursor or PageCursor(ordering, "", ""), rows[limit - 1], backwards=backwards)


def _is_after(place: tuple[Any, Any], start: tuple[Any, Any], descending: bool) -> bool:
    return place < start if descending else place > start


def past_rows(
    resource: Resource,
    filters: type[FilterSet],
    parameters: Mapping[str, str],
    visible: QuerySet[Any],
    moment: datetime,
) -> list[Any]:
    """The rows that are made of the streams of the visible ones, as recorded up to a time, and that the filters let by.

    Raises `PastTooLong`, and `InvalidParameter` for a filter that knows the rows of now only.
    """
    asked = filters(parameters, queryset=visible)
    if not asked.form.is_valid():
        raise translate_validation(asked.errors)
    wanted = [(name, one, asked.form.cleaned_data[name]) for name, one in asked.filters.items() if name in parameters]
    for name, one, _ in wanted:
        if name in dict(resource.more_filters) or one._method is not None:
            raise invalid_parameter(name, "cannot be combined with as_of")
    narrow = {name: parameters[name] for name, one, _ in wanted if resource.does_not_change(one.field_name)}
    streams = list(resource.streams_of(filters(narrow, queryset=visible).qs)[: MAX_STREAMS + 1])
    events = StoredEvent.objects.filter(aggregate_id__in=streams[:MAX_STREAMS])[: MAX_EVENTS + 1].count()
    if len(streams) > MAX_STREAMS or events > MAX_EVENTS:
        raise PastTooLong(most_streams=MAX_STREAMS, most_events=MAX_EVENTS)
    rows = rows_of_streams(projection_registry.get(resource.projection), streams, moment).values()
    return [row for row in rows if all(_lets_by(one, value, row) for _, one, value in wanted)]


def _lets_by(one: Filter, wanted: Any, row: Any) -> bool:
    if isinstance(one, SearchFilter):
        return any(str(getattr(row, column)).startswith(wanted) for column in one.columns)
    value = getattr(row, one.field_name)
    if isinstance(one, BaseInFilter):
        return value in wanted
    match one.lookup_expr:
        case "gte":
            return value is not None and value >= wanted
        case "lte":
            return value is not None and value <= wanted
        case "lt":
            return value is not None and value < wanted
        case _:
            return bool(value == wanted)
