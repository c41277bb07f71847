"""Prepared statements through libpq, without a cursor: a third of the processor time.

Only outside a transaction: psycopg sends BEGIN with the first statement of a cursor, which is bypassed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import errors, pq

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
TEXT: Final = 0
BINARY: Final = 1


class Statement(NamedTuple):
    """A statement with the parameters $1, $2 … and a cast for each; `formats` is TEXT or BINARY for each."""

    name: bytes
    sql: bytes
    formats: Sequence[int]


def connection_outside_transaction() -> Any:
    """Return Django's connection if it is outside a transaction, else None. Not free: call it once a statement."""
    django = connections[DEFAULT_DB_ALIAS]
    return None if django.in_atomic_block else django


def execute_prepared(django: Any, statement: Statement, parameters: Sequence[Any]) -> pq.abc.PGresult:
    """Run a statement in one round trip; parameters and results are binary. Raises Django's database errors."""
    with django.wrap_database_errors:
        if django.connection is None:
            django.ensure_connection()
        connection: pq.abc.PGconn = django.connection.pgconn
        if getattr(django, "store_prepared_on", None) is not connection:
            django.store_prepared_on, django.store_prepared = connection, set[bytes]()
        if statement.name not in django.store_prepared:
            _raise_on_error(connection.prepare(statement.name, statement.sql))
            django.store_prepared.add(statement.name)
        return _raise_on_error(
            connection.exec_prepared(statement.name, parameters, param_formats=statement.formats, result_format=BINARY)
        )


def _raise_on_error(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return result
    raise errors.error_from_result(result)


def decode_int(value: bytes | None) -> int:
    """Decode an int4 or int8 in PostgreSQL's binary format."""
    return int.from_bytes(value or b"", "big", signed=True)


def decode_time(value: bytes | None) -> datetime | None:
    """Decode a timestamptz in PostgreSQL's binary format: microseconds since the year 2000."""
    return None if value is None else _EPOCH + timedelta(microseconds=decode_int(value))


def decode_text(value: bytes | None) -> str:
    return (value or b"").decode()


def encode_parameter(value: Any) -> bytes | None:
    """Encode a parameter: ids and hashes in binary, everything else as text."""
    if type(value) is UUID:
        return value.bytes
    return value if value is None or type(value) is bytes else str(value).encode()
