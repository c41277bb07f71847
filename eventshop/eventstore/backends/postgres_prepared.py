"""The two statements of a single command, straight through libpq: a third of the processor time of a cursor.

Only outside a transaction: psycopg sends its BEGIN with the first statement of a cursor, and would not know of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import errors, pq

TEXT: Final = 0
BINARY: Final = 1


class Statement(NamedTuple):
    """A statement with $1, $2 … and casts for each; `formats` says how each parameter is sent."""

    name: bytes
    sql: bytes
    formats: Sequence[int]


def connection_outside_transaction() -> Any:
    """Django's connection where it is outside any transaction, else None. Asking is not free: once a statement."""
    django = connections[DEFAULT_DB_ALIAS]
    return None if django.in_atomic_block else django


def execute_prepared(django: Any, statement: Statement, parameters: Sequence[Any]) -> pq.abc.PGresult:
    """One round trip with bytes or None for each parameter, the result in binary; raises Django's database errors."""
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
    """An int4 or int8 as PostgreSQL sends it in binary."""
    return int.from_bytes(value or b"", "big", signed=True)


def decode_text(value: bytes | None) -> str:
    return (value or b"").decode()


def encode_parameter(value: Any) -> bytes | None:
    """A parameter: ids and hashes in binary, everything else as text."""
    if type(value) is UUID:
        return value.bytes
    return value if value is None or type(value) is bytes else str(value).encode()
