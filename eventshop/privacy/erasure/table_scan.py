"""Scans one table for personal data: which of its rows contain search terms, and whose rows they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventshop.privacy.erasure.search_terms import SearchTerms

#: Up to so many search terms and ids the database selects the rows; with more, every row is read.
_MAX_MARKS: Final = 50
_PAGE: Final = 2_000
#: The columns that say whose a row is, the most exact one first.
_OWNER_COLUMNS: Final = (
    *("aggregate_id", "order_id", "trade_id", "stream_id", "stock_item_id", "saga_id"),
    *("account_id", "user_id", "customer_id", "subject_id", "subject", "person_id", "person"),
)


class FoundItem(NamedTuple):
    """A row or record with leftovers: its key or place, and the stream or person that it belongs to, if known."""

    item: str
    owner: UUID | None


def count_rows(connection: Any, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
        [count] = cursor.fetchone()
    return int(count)


def find_rows(connection: Any, table: str, terms: SearchTerms) -> Iterator[FoundItem]:
    """The rows that contain search terms."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        keys = connection.introspection.get_primary_key_columns(cursor, table) or columns[:1]
        text = _postgres_row_text(cursor, table) if connection.vendor == "postgresql" else _sqlite_row_text(columns)
    owners = [name for name in _OWNER_COLUMNS if name in columns]
    selected = ", ".join(f'CAST("{name}" AS TEXT)' for name in (*keys, *owners))
    whole = text if connection.vendor == "postgresql" else f"CAST({text} AS BLOB)"
    condition, parameters = _condition(connection, text, terms.marks)
    with connection.chunked_cursor() as cursor:
        cursor.execute(f'SELECT {whole}, {selected} FROM "{table}"{condition}', parameters)
        while rows := cursor.fetchmany(_PAGE):
            for content, *values in rows:
                if terms.found_in(content if isinstance(content, bytes) else content.encode()):
                    yield FoundItem(":".join(map(str, values[: len(keys)])), _first_id(values[len(keys) :]))


def _condition(connection: Any, text: str, marks: list[str]) -> tuple[str, list[Any]]:
    if len(marks) > _MAX_MARKS:
        return "", []
    if connection.vendor == "postgresql":
        return f" WHERE lower({text}) LIKE ANY(%s)", [[f"%{_escape_like(mark)}%" for mark in marks]]
    return " WHERE " + (" OR ".join([f"instr(lower({text}), %s)"] * len(marks)) or "FALSE"), list(marks)


def _first_id(values: list[str | None]) -> UUID | None:
    for value in values:
        with suppress(ValueError):
            return UUID(value or "")
    return None


def _sqlite_row_text(columns: list[str]) -> str:
    return " || ' ' || ".join(f"COALESCE(CAST(\"{name}\" AS TEXT), '')" for name in columns)


def _postgres_row_text(cursor: Any, table: str) -> str:
    """The SQL for a whole row as text, with binary columns byte by byte instead of as hexadecimal digits."""
    cursor.execute(
        "SELECT attname, atttypid = 'bytea'::regtype FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [f'"{table}"'],
    )
    columns = [f"encode(\"{name}\", 'escape')" if binary else f'"{name}"::text' for name, binary in cursor.fetchall()]
    return f"concat_ws(' ', {', '.join(columns)})"


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
