"""Bulk inserts and updates: on PostgreSQL one statement with binary arrays, far cheaper than the ORM."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)

#: Array types for `unnest`. Text rather than varchar(n): a cast would cut a long text instead of refusing it.
_ARRAY_TYPES: Final[dict[type[models.Field[Any, Any]], str]] = {
    models.UUIDField: "uuid",
    models.CharField: "text",
    models.TextField: "text",
    models.SmallIntegerField: "int",
    models.IntegerField: "int",
    models.BigIntegerField: "bigint",
    models.DateTimeField: "timestamptz",
    models.BooleanField: "boolean",
}


def filter_literally(model: type[M], condition: str) -> models.QuerySet[M]:
    """Filter by a literal SQL condition (never of a user's), such as that of a partial index.

    SQLite's planner does not use a partial index when the condition has a parameter.
    """
    return model._default_manager.extra(where=[condition])  # noqa: S610


def new_row(model: type[M], **values: Any) -> M:
    """As `model(**values)`, in a third of the time: Django sets positional values without looking at each name."""
    defaults = _defaults(model)
    if unknown := values.keys() - defaults.keys():
        raise TypeError(f"{model.__name__} has no column {min(unknown)}")
    return model(*(defaults | values).values())


@cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    """The default of each column, in the order of the columns. Raises `TypeError` for one that is computed."""
    if computed := [
        field.name for field in model._meta.concrete_fields if field.has_default() and callable(field.default)
    ]:
        raise TypeError(f"{model.__name__} computes the defaults of {computed}")
    return {field.attname: field.get_default() for field in model._meta.concrete_fields}


def insert_rows(rows: Sequence[models.Model], *, ignore_existing: bool = False) -> None:
    """Insert rows of one model; `once`: one that is there already stays as it is."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows, ignore_conflicts=ignore_existing)
        return
    _execute(_insert_sql(model, ignore_existing), rows, _columns(model))


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Update these fields of rows of one model."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor == "postgresql":
        _execute(
            _update_sql(model, tuple(fields)),
            rows,
            (_primary_key(model), *(model._meta.get_field(name) for name in fields)),
        )
    else:
        _update_one_by_one(rows, [*(model._meta.get_field(name) for name in fields), _primary_key(model)])


def _update_one_by_one(rows: Sequence[models.Model], columns: Sequence[Any]) -> None:
    """Run one statement for each row, for SQLite, where a statement needs no network."""
    *changed, key = columns
    changes = ", ".join(f'"{column.column}" = %s' for column in changed)
    with connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{rows[0]._meta.db_table}" SET {changes} WHERE "{key.column}" = %s',
            [[column.get_db_prep_save(getattr(row, column.attname), connection) for column in columns] for row in rows],
        )


def _execute(sql: str, rows: Sequence[models.Model], columns: Sequence[Any]) -> None:
    from eventshop.eventstore.backends import postgres  # psycopg is needed only with PostgreSQL

    postgres.execute(sql, [[getattr(row, column.attname) for row in rows] for column in columns])


@cache
def _columns(model: type[models.Model]) -> tuple[Any, ...]:
    return tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.BigAutoField))


@cache
def _insert_sql(model: type[models.Model], once: bool) -> str:
    columns = _columns(model)
    names = ", ".join(f'"{column.column}"' for column in columns)
    conflict = "ON CONFLICT DO NOTHING " if once else ""
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({names}) SELECT * FROM unnest({_array_parameters(columns)}) {conflict}RETURNING 1'


@cache
def _update_sql(model: type[models.Model], fields: tuple[str, ...]) -> str:
    key: Any = _primary_key(model)
    columns: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in fields)
    names = ", ".join(f'"{column.column}"' for column in (key, *columns))
    changes = ", ".join(f'"{column.column}" = new."{column.column}"' for column in columns)
    table, pk = model._meta.db_table, key.column
    return (
        f'UPDATE "{table}" AS old SET {changes} '
        f"FROM unnest({_array_parameters((key, *columns))}) AS new({names}) "
        f'WHERE old."{pk}" = new."{pk}" RETURNING 1'
    )


def _primary_key(model: type[models.Model]) -> Any:
    assert model._meta.pk is not None  # noqa: S101
    return model._meta.pk


def _array_parameters(columns: Sequence[Any]) -> str:
    return ", ".join(f"%b::{_array_type(column)}[]" for column in columns)


def _array_type(column: models.Field[Any, Any]) -> str:
    for kind in type(column).__mro__:
        if kind in _ARRAY_TYPES:
            return _ARRAY_TYPES[kind]
    raise TypeError(f"{column}: add the array type of {type(column).__name__} to {__name__}")
