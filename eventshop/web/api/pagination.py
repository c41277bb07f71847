"""Keyset pagination: each page starts after the last row of the page before, so inserts and deletes do not shift it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from msgspec import Struct
from msgspec.structs import replace
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from eventshop.web.shared.errors import InvalidParameter

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
#: An offset in a partition of the log, as far as the database can store it.
LogOffset: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class PageCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The place after a row: its value in the ordered column and its primary key, both as text.

    The rest is of lists whose rows can move, see `moving_pages.py`: the value of the list's first row and
    the log offset of each partition when the first page was read, and whether the pages after this place are of the
    rows that have moved or changed since then.
    """

    ordering: str
    value: str
    key: str
    first: str = ""
    begun: Annotated[dict[int, LogOffset], msgspec.Meta(max_length=4_096)] = {}
    of_changed_rows: bool = False
    #: The page before the row, not the one after it.
    backwards: bool = False


class PageOrder(NamedTuple):
    """The ordering of a list, in the form that `KeysetPagination` reads from a view."""

    ordering: str
    orderings: tuple[str, ...]


class KeysetPagination(BasePagination):
    """The parameters `limit`, `cursor` and `ordering`; a view's `orderings` are the allowed columns, none nullable.

    Ties are broken by the primary key, so an index finds the start of any page in one step. A row whose value in the
    ordered column changes can be missed: such columns need `eventshop.web.api.moving_pages`.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, ordering = read_limit(request), _read_ordering(request, view)
        text = request.query_params.get("cursor")
        cursor = _decode_cursor(text, ordering) if text else None
        rows, following = self.read_page(queryset, ordering, cursor, limit)
        self.next_cursor, self.prev_cursor = _encode_cursor(following), None
        if cursor and cursor.backwards:
            # The page was read towards the beginning; the row that it starts from is on the next page.
            rows, self.prev_cursor = rows[::-1], self.next_cursor
            self.next_cursor = _encode_cursor(place_of(cursor, rows[-1], backwards=False) if rows else None)
        elif cursor and rows and not cursor.of_changed_rows:
            self.prev_cursor = _encode_cursor(place_of(cursor, rows[0], backwards=True))
        self.next, self.prev = (
            cursor and replace_query_param(request.build_absolute_uri(), "cursor", cursor)
            for cursor in (self.next_cursor, self.prev_cursor)
        )
        return rows

    def read_page(
        self, queryset: QuerySet[Any], ordering: str, cursor: PageCursor | None, limit: int
    ) -> tuple[list[Any], PageCursor | None]:
        """The rows after the cursor, at most `limit`, and the cursor of the page after; None after the last one.

        For a cursor that goes backwards these are the rows before it, the nearest first, and the page before.
        """
        column, descending = ordering.lstrip("-"), ordering.startswith("-")
        backwards = cursor is not None and cursor.backwards
        descending ^= backwards
        if cursor:
            queryset = queryset.filter(_rows_after(cursor, queryset.model, column, descending))
        rows = list(queryset.order_by(*(f"{'-' if descending else ''}{name}" for name in (column, "pk")))[: limit + 1])
        if len(rows) <= limit:
            return rows, None
        start = cursor or PageCursor(ordering, "", "")
        return rows[:limit], place_of(start, rows[limit - 1], backwards=backwards)

    def get_paginated_response(self, data: Any) -> Response:
        response = Response(
            {
                "results": data,
                "next": self.next,
                "prev": self.prev,
                "next_cursor": self.next_cursor,
                "prev_cursor": self.prev_cursor,
            }
        )
        add_page_links(response, next_url=self.next, prev_url=self.prev)
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next", "prev", "next_cursor", "prev_cursor"],
            "properties": {
                "results": schema,
                "next": _url("next", "last"),
                "prev": _url("previous", "first"),
                "next_cursor": {"type": ["string", "null"], "description": "The parameter `cursor` of the next page."},
                "prev_cursor": {"type": ["string", "null"], "description": "That of the previous page."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
            _parameter("cursor", {"type": "string"}),
            _parameter(
                "ordering", {"type": "string", "enum": [*view.orderings, *(f"-{column}" for column in view.orderings)]}
            ),
        ]


def _url(which: str, end: str) -> dict[str, Any]:
    return {
        "type": ["string", "null"],
        "format": "uri",
        "description": f"URL of the {which} page; null on the {end} one.",
    }


def add_page_links(response: Response, *, next_url: str | None, prev_url: str | None = None) -> None:
    """Set the header `Link` (RFC 8288) to the pages around this one."""
    links = [f'<{url}>; rel="{relation}"' for relation, url in (("next", next_url), ("prev", prev_url)) if url]
    if links:
        response["Link"] = ", ".join(links)


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def invalid_parameter(name: str, problem: str) -> InvalidParameter:
    return InvalidParameter(f"{name} {problem}", locations=[{"parameter": name, "detail": problem}])


def refuse_unknown_parameters(request: Request, known: Iterable[str]) -> None:
    """Raise `InvalidParameter` for a parameter that is unknown, empty or sent twice.

    Ignoring it would return other rows than the caller asked for, such as an unfiltered list after a misspelt filter.
    """
    for name, value in request.query_params.items():
        if name not in known:
            raise invalid_parameter(name, "is not a parameter of this resource")
        if not value:
            raise invalid_parameter(name, "must not be empty")
        if len(request.query_params.getlist(name)) > 1:
            raise invalid_parameter(name, "must be sent once; where it takes several values, separate them by commas")


def read_limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid_parameter("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _read_ordering(request: Request, view: Any) -> str:
    ordering = request.query_params.get("ordering", view.ordering)
    if ordering.removeprefix("-") not in view.orderings:
        raise invalid_parameter(
            "ordering", f"must be one of {', '.join(view.orderings)}, with - in front for descending order"
        )
    return str(ordering)


def malformed_cursor() -> InvalidParameter:
    return invalid_parameter("cursor", "is malformed: send next_cursor of the previous response")


def _decode_cursor(text: str, ordering: str) -> PageCursor:
    try:
        cursor = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=PageCursor)
    except (ValueError, msgspec.MsgspecError):
        raise malformed_cursor() from None
    if cursor.ordering != ordering:
        raise invalid_parameter("cursor", f"belongs to a list ordered by {cursor.ordering}, not by {ordering}")
    return cursor


def _encode_cursor(cursor: PageCursor | None) -> str | None:
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=") if cursor else None


def place_of(cursor: PageCursor, row: Any, *, backwards: bool) -> PageCursor:
    """The place of a row in the list that the cursor is of."""
    value = str(getattr(row, cursor.ordering.lstrip("-")))
    return replace(cursor, value=value, key=str(row.pk), backwards=backwards)


def _rows_after(cursor: PageCursor, model: type[Model], column: str, descending: bool) -> Q:
    columns: dict[str, Field[Any, Any]] = {field.name: field for field in model._meta.concrete_fields}
    value, pk = parse_value(columns[column], cursor.value), parse_value(model._meta.pk, cursor.key)
    lookup = "lt" if descending else "gt"
    # The first condition is implied by the second; it lets PostgreSQL start an index scan there.
    return Q(**{f"{column}__{lookup}e": value}) & (Q(**{f"{column}__{lookup}": value}) | Q(**{f"pk__{lookup}": pk}))


def parse_value(column: Field[Any, Any], text: str) -> Any:
    """A column's value in a cursor; a bad one raises `InvalidParameter` here and does not fail in the database."""
    try:
        if "\0" in text:
            raise ValueError("a text in PostgreSQL cannot contain NUL")
        value = column.to_python(text)
        column.run_validators(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    except (ValidationError, ValueError, OverflowError):
        raise malformed_cursor() from None
