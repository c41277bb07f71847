"""Pages of a list by cursor: each begins where the last one ended, however many rows came or went in between."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from eventshop.web.shared.errors import InvalidParameter

ROWS: Final = 50
MOST_ROWS: Final = 200


class Keyset(BasePagination):
    """`limit`, `cursor` and `ordering`; a view lists as `orderings` the columns it can be ordered by, none nullable.

    Ties are broken by the primary key, so one index step finds the next page at any depth.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, self.ordering = limit_of(request), _ordering(request, view)
        column, back = self.ordering.lstrip("-"), self.ordering.startswith("-")
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(_beyond(_opened(cursor, self.ordering), queryset.model, column, back))
        rows = list(queryset.order_by(self.ordering, "-pk" if back else "pk")[: limit + 1])
        self.next = self.next_cursor = None
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = _closed(self.ordering, rows[-1], column)
            self.next = replace_query_param(request.build_absolute_uri(), "cursor", self.next_cursor)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        response = Response({"results": data, "next": self.next, "next_cursor": self.next_cursor})
        if self.next:
            response["Link"] = f'<{self.next}>; rel="next"'
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next", "next_cursor"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "format": "uri", "description": "Where the next page is."},
                "next_cursor": {"type": ["string", "null"], "description": "The same as the parameter `cursor`."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS}),
            _parameter("cursor", {"type": "string"}),
            _parameter("ordering", {"type": "string", "enum": [*view.orderings, *(f"-{it}" for it in view.orderings)]}),
        ]


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def refused(name: str, said: str) -> InvalidParameter:
    return InvalidParameter(f"{name} {said}", where=[{"parameter": name, "detail": said}])


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """An answer that leaves out what was asked for would be taken for what it is not; raises `InvalidParameter`."""
    for name, value in request.query_params.items():
        if name not in known:
            raise refused(name, "is no parameter here")
        if not value:
            raise refused(name, "is empty")


def limit_of(request: Request) -> int:
    given = request.query_params.get("limit", str(ROWS))
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and 1 <= int(given) <= MOST_ROWS):
        raise refused("limit", f"is a number from 1 to {MOST_ROWS}")
    return int(given)


def _ordering(request: Request, view: Any) -> str:
    given = request.query_params.get("ordering", view.ordering)
    if given.removeprefix("-") not in view.orderings:
        raise refused("ordering", f"is one of {', '.join(view.orderings)}, with - for the other way round")
    return str(given)


def _closed(ordering: str, row: Any, column: str) -> str:
    place = [ordering, str(getattr(row, column)), str(row.pk)]
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _opened(cursor: str, ordering: str) -> tuple[str, str]:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of, value, pk = msgspec.json.decode(raw, type=tuple[str, str, str])
    except (ValueError, msgspec.MsgspecError):
        raise refused("cursor", "is none of ours") from None
    if of != ordering:
        raise refused("cursor", f"is of a list ordered by {of}")
    return value, pk


def _beyond(place: tuple[str, str], model: type[Model], column: str, back: bool) -> Q:
    try:
        columns: dict[str, Field[Any, Any]] = {field.name: field for field in model._meta.concrete_fields}
        value, pk = _value(columns[column], place[0]), _value(model._meta.pk, place[1])
    except (ValidationError, ValueError, OverflowError):
        raise refused("cursor", "is none of ours") from None
    way = "lt" if back else "gt"
    # The first part says again what the second implies: an index can begin there.
    return Q(**{f"{column}__{way}e": value}) & (Q(**{f"{column}__{way}": value}) | Q(**{f"pk__{way}": pk}))


def _value(column: Field[Any, Any], text: str) -> Any:
    """What a row could hold there: anything else would fail in the database, not here."""
    if "\0" in text:
        raise ValueError("PostgreSQL has no NUL in a text")
    value = column.to_python(text)
    column.run_validators(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
