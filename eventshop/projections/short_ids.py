"""Ids as lists print them: the last eight characters, which are random in a UUIDv7, and how to find a row by them."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler

LENGTH: Final = 8
_SHORT_ID: Final = re.compile(rf"(?:.*[\s…:])?([0-9a-f]{{{LENGTH}}})", re.IGNORECASE)


class ShortId(Func):
    """The last characters of a UUID column. It has no parameters, so that an index on it serves both databases."""

    arity = 1
    output_field = CharField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"SUBSTR(%(expressions)s, -{LENGTH})", **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"RIGHT((%(expressions)s)::text, {LENGTH})", **context)


def parse_short_id(text: str) -> str | None:
    """The short id in `1a2b3c4d`, `…1a2b3c4d` or `Customer 1a2b3c4d`, in lower case; None for any other text."""
    matched = _SHORT_ID.fullmatch(text.strip())
    return matched[1].lower() if matched else None


def with_short_id(rows: QuerySet[Any], column: str, short_id: str) -> QuerySet[Any]:
    """The rows whose UUID in this column ends so."""
    matching: QuerySet[Any] = rows.alias(short_id=ShortId(column)).filter(short_id=short_id)
    return matching
