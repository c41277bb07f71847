"""Read and write rows of a read model in bulk, in its own table or in that of a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

import psycopg
from django.db import DatabaseError, DataError, connection, models

from eventshop.core.decimal_math import decimal_places
from eventshop.projections import outbox
from eventshop.projections.read_model import ReadModel
from eventshop.runtime.backoff import TRANSIENT_ERRORS

R = TypeVar("R", bound=models.Model)


#: Errors that a row can cause, in the database or while it is encoded.
ROW_ERRORS: Final = (DatabaseError, ArithmeticError, TypeError, ValueError)
#: A table or column does not exist yet: the program is ahead of its migrations.
_NOT_MIGRATED: Final = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)

#: Array types for `unnest`. Text rather than varchar(n): an explicit cast would cut a long text instead of refusing it.
_POSTGRES_TYPES: Final[dict[type[models.Field[Any, Any]], str]] = {
    models.UUIDField: "uuid",
    models.CharField: "text",
    models.TextField: "text",
    models.IntegerField: "int",
    models.BigIntegerField: "bigint",
    models.DecimalField: "numeric",
    models.DateTimeField: "timestamptz",
    models.DateField: "date",
    models.BooleanField: "boolean",
}


def public_fields(model: type[ReadModel]) -> list[models.Field[Any, Any]]:
    """The columns that are published. Kafka cannot erase on demand: what an erasure empties must never get there."""
    hidden = {*model.erasable(), *model.internal}
    return [field for field in model._meta.concrete_fields if field.attname not in hidden]


class ReadModelTable(Generic[R]):
    """The rows of `model` in the table `name` (default: the model's own), published on `topic` if there is one."""

    def __init__(self, model: type[R], name: str | None = None, *, topic: str | None = None) -> None:
        self.model = model
        self.topic = topic
        self.name = name or model._meta.db_table
        self.fields = list(model._meta.concrete_fields)
        self.columns = [field.column for field in self.fields]
        self.key = next(field.column for field in self.fields if field.primary_key)
        self._values = attrgetter(*(field.attname for field in self.fields))
        self._encoders = [_sqlite_encoder(field) for field in self.fields]

    def load(self, keys: Collection[Any]) -> dict[Any, R]:
        """The existing rows with these primary keys."""
        if not keys:
            return {}
        select = f'SELECT {self._column_list()} FROM "{self.name}" WHERE "{self.key}"'
        if connection.vendor == "postgresql":
            rows_found: Iterable[R] = self.model._default_manager.raw(f"{select} = ANY(%s)", [list(keys)])
            return {row.pk: row for row in rows_found}
        rows: dict[Any, R] = {}
        parameters = [_to_sqlite(key) for key in keys]
        for start in range(0, len(parameters), 500):
            page = parameters[start : start + 500]
            placeholders = ", ".join(["%s"] * len(page))
            rows |= {row.pk: row for row in self.model._default_manager.raw(f"{select} IN ({placeholders})", page)}
        return rows

    def save(self, rows: Collection[R]) -> None:
        """Insert or update rows, in the order of their keys so that two writers cannot deadlock."""
        if not rows:
            return
        values = [self._values(row) for row in sorted(rows, key=lambda row: str(row.pk))]
        connection.ensure_connection()
        with connection.wrap_database_errors:
            if connection.vendor == "postgresql":
                with psycopg.Cursor(connection.connection) as cursor:
                    arrays = [list(column) for column in zip(*values, strict=True)]
                    cursor.execute(self.with_publishing(self._postgres_upsert()), arrays, prepare=True)
                if self.topic is not None:
                    outbox.wake_publisher()
            else:
                columns = [
                    [None if value is None else encode(value) for value in column]
                    for encode, column in zip(self._encoders, zip(*values, strict=True), strict=True)
                ]
                connection.connection.executemany(self._sqlite_upsert(), zip(*columns, strict=True))

    def delete(self, keys: Collection[Any]) -> None:
        """Remove the rows with these primary keys."""
        parameters = [self.model._meta.pk.get_db_prep_value(key, connection) for key in keys]
        with connection.cursor() as cursor:
            for start in range(0, len(parameters), 500):
                page = parameters[start : start + 500]
                delete = f'DELETE FROM "{self.name}" WHERE "{self.key}" IN ({", ".join(["%s"] * len(page))})'
                cursor.execute(self.with_publishing(delete, deleted=True), page)
        if self.topic is not None and parameters:
            outbox.wake_publisher()

    def with_publishing(self, change: str, *, deleted: bool = False) -> str:
        """The statement, extended to publish the rows that it writes (`deleted`: removes) if there is a topic."""
        if self.topic is None or not outbox.is_enabled():
            return change
        public = public_fields(cast(type[ReadModel], self.model))
        return outbox.publishing_statement(change, self.topic, public, str(self.key), deleted=deleted)

    def _column_list(self, prefix: str = "") -> str:
        return ", ".join(f'{prefix}"{column}"' for column in self.columns)

    def _postgres_upsert(self) -> str:
        arrays = ", ".join(f"%b::{_postgres_type(field)}[]" for field in self.fields)
        return f"{self._insert()} SELECT * FROM unnest({arrays}) {self.on_conflict()}"

    def _sqlite_upsert(self) -> str:
        return f"{self._insert()} VALUES ({', '.join('?' * len(self.columns))}) {self.on_conflict()}"

    def _insert(self) -> str:
        return f'INSERT INTO "{self.name}" ({self._column_list()})'

    def on_conflict(self) -> str:
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in self.columns if name != self.key)
        return f'ON CONFLICT ("{self.key}") DO UPDATE SET {changes}'


def is_row_error(error: Exception) -> bool:
    """Whether an error is about the rows written, not about the database as a whole."""
    return not (isinstance(error, TRANSIENT_ERRORS) or isinstance(error.__cause__, _NOT_MIGRATED))


def _postgres_type(field: models.Field[Any, Any]) -> str:
    for kind in type(field).__mro__:
        if kind in _POSTGRES_TYPES:
            return _POSTGRES_TYPES[kind]
    raise TypeError(f"{field}: add the array type of {type(field).__name__} to {__name__}")


def _to_sqlite(value: Any) -> Any:
    """The value as Django writes it."""
    if isinstance(value, UUID):
        return _hex(value)
    if isinstance(value, datetime):
        return _encode_datetime(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


_hex: Final[Callable[[Any], str]] = attrgetter("hex")


def _encode_datetime(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _sqlite_encoder(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """As `_to_sqlite`, but it refuses what PostgreSQL refuses: SQLite accepts any text and number in any column."""
    name = field.attname
    match field:
        case models.CharField(max_length=int() as length):
            return partial(_encode_text, name, length)
        case models.BigIntegerField():
            return partial(_check_integer, name, 2**63)
        case models.IntegerField():
            return partial(_check_integer, name, 2**31)
        case models.DecimalField():
            limit = Decimal(10) ** (field.max_digits - field.decimal_places)
            if field.get_internal_type() == "ExactField":
                return partial(_encode_exact, name, limit, field.decimal_places)
            return partial(_encode_amount, name, limit, Decimal(1).scaleb(-field.decimal_places))
        case models.UUIDField():
            return partial(_encode_instance, name, UUID, _hex)
        case models.DateTimeField():
            return partial(_encode_instance, name, datetime, _encode_datetime)
        case models.DateField():
            return partial(_encode_instance, name, date, date.isoformat)
        case _:
            return _to_sqlite


def _encode_instance(column: str, kind: type, encode: Callable[[Any], str], value: Any) -> str:
    if not isinstance(value, kind):
        raise TypeError(f"{column} takes a {kind.__name__}, not {type(value).__name__}")
    return encode(value)


def _encode_text(column: str, length: int, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{column} takes text, not {type(value).__name__}")
    if len(value) > length:
        raise DataError(f"{column} takes at most {length} characters, not {len(value)}")
    return value


def _check_integer(column: str, limit: int, value: int) -> int:
    if not -limit <= value < limit:
        raise DataError(f"{column}: {value} is out of range")
    return value


def _encode_exact(column: str, limit: Decimal, places: int, value: Any) -> str:
    """Refuse a number with too many digits instead of rounding it."""
    if abs(Decimal(value)) >= limit or decimal_places(value) > places:
        raise DataError(f"{column}: {value} is out of range")
    return f"{value:f}"


def _encode_amount(column: str, limit: Decimal, unit: Decimal, value: Any) -> str:
    rounded = Decimal(value).quantize(unit, ROUND_HALF_UP)
    if abs(rounded) >= limit:
        raise DataError(f"{column}: {value} is out of range")
    return str(rounded)
