"""Pages of a list whose rows move while a client reads it: no row is missed, and some come twice.

A row that changes between two pages can move from the part not read yet to the part already read. So the first page
notes how far the projection has come, and after the last row come the rows that changed since then, by primary key,
with those that are now before the row that was first. A row that is in the list from the first page to the last is
therefore on one page at least: unchanged in its place, or changed at the end. Only what a rebuild or a retried dead
letter moves into the middle meanwhile is not repeated.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from msgspec.structs import replace
from rest_framework.request import Request

from eventshop.projections.models import Checkpoint
from eventshop.web.api.pagination import KeysetPagination, PageCursor, parse_value


class MovingPagination(KeysetPagination):
    """Keyset pagination for a view with a `resource`; its `moving` columns are those whose value can change."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.resource = view.resource
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """With what is missing from the projection, as in the header `Incomplete`; absent if nothing is."""
        page = super().get_paginated_response_schema(schema)
        count = {"type": "integer", "minimum": 0}
        page["properties"]["incomplete"] = {
            "type": "object",
            "description": "What the rows lack: events that were set aside, of so many streams, and events since "
            "`as_of`. Absent if they lack nothing.",
            "required": ["events", "streams", "as_of"],
            "properties": {
                "events": count,
                "streams": count,
                "as_of": {"type": ["string", "null"], "format": "date-time"},
            },
        }
        return page

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        if moving := view.resource.moving:
            text = f"Rows can move in the order by {', '.join(moving)}: after the last row follow, once more, those "
            ordering = next(parameter for parameter in parameters if parameter["name"] == "ordering")
            ordering["description"] = text + "that have changed since the first page."
        return parameters

    def read_page(
        self, queryset: QuerySet[Any], ordering: str, cursor: PageCursor | None, limit: int
    ) -> tuple[list[Any], PageCursor | None]:
        if ordering.lstrip("-") not in self.resource.moving or (cursor and cursor.backwards):
            return super().read_page(queryset, ordering, cursor, limit)
        # Before the rows: a change in between is then repeated, not missed.
        begun = cursor.begun if cursor else self._offsets()
        rows, following = list[Any](), None
        if cursor is None or not cursor.of_changed_rows:
            rows, following = super().read_page(queryset, ordering, cursor, limit)
            if following:
                first = cursor.first if cursor else str(getattr(rows[0], ordering.lstrip("-")))
                return rows, replace(following, first=first, begun=begun)
            if cursor is None:
                return rows, None  # One query has read the whole list.
            cursor = PageCursor(ordering, "", "", cursor.first, begun, of_changed_rows=True)
        changed, more = self._changed_rows(queryset, cursor, limit - len(rows), {row.pk for row in rows})
        last_key = str(changed[-1].pk) if changed else cursor.key
        return rows + changed, replace(cursor, key=last_key) if more else None

    def _changed_rows(
        self, queryset: QuerySet[Any], cursor: PageCursor, limit: int, delivered: set[Any]
    ) -> tuple[list[Any], bool]:
        """The next rows that have moved or changed since the first page, and whether there are more of them."""
        column, meta = cursor.ordering.lstrip("-"), queryset.model._meta
        before = "gt" if cursor.ordering.startswith("-") else "lt"
        changed = Q(pk__in=[])
        if cursor.first:  # a cursor of an earlier release has none
            changed = Q(**{f"{column}__{before}": parse_value(meta.get_field(column), cursor.first)})
        for partition, offset in self._offsets().items():
            if offset > (begun := cursor.begun.get(partition, 0)):
                changed |= Q(last_partition=partition, last_offset__gt=begun)
        queryset = queryset.filter(changed).exclude(pk__in=delivered)
        if cursor.key:
            queryset = queryset.filter(pk__gt=parse_value(meta.pk, cursor.key))
        rows = list(queryset.order_by("pk")[: limit + 1])
        return rows[:limit], len(rows) > limit

    def _offsets(self) -> dict[int, int]:
        """How far the projection has come in each partition."""
        checkpoints = Checkpoint.objects.filter(projection=self.resource.projection)
        return dict(checkpoints.values_list("partition", "position"))
