"""Prepared statements through libpq, without a cursor: a third of the processor time.

Only outside a transaction: psycopg sends BEGIN with the first statement of a cursor, which is bypassed here. Behind a
pooler in transaction mode nothing is prepared: the next statement may run on another server connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import errors, pq

_encode_json: Final = msgspec.json.Encoder().encode
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: psycopg deallocates every statement after a rollback, also those that it has not prepared.
_UNKNOWN_STATEMENT: Final = b"26000"
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
        if settings.DATABASE_POOLER:
            return _raise_on_error(
                connection.exec_params(statement.sql, parameters, param_formats=statement.formats, result_format=BINARY)
            )
        # Kept on psycopg's connection: a pool hands it from thread to thread, each with its own wrapper of Django's.
        prepared = django.connection.__dict__.setdefault("store_prepared", set())
        result = _execute_by_name(connection, statement, parameters) if statement.name in prepared else None
        if result is None or result.error_field(pq.DiagnosticField.SQLSTATE) == _UNKNOWN_STATEMENT:
            _raise_on_error(connection.prepare(statement.name, statement.sql))
            prepared.add(statement.name)
            result = _execute_by_name(connection, statement, parameters)
        return _raise_on_error(result)


def _execute_by_name(connection: pq.abc.PGconn, statement: Statement, parameters: Sequence[Any]) -> pq.abc.PGresult:
    return connection.exec_prepared(statement.name, parameters, param_formats=statement.formats, result_format=BINARY)


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
    kind = type(value)
    if kind is str:
        encoded: bytes = value.encode()
        return encoded
    if kind is UUID:
        return value.bytes  # type: ignore[no-any-return]
    if kind is datetime:
        return _encode_json(value)[1:-1]
    return value if value is None or kind is bytes else b"%d" % value
