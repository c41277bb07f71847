"""Which of the two databases this program runs on: the one switch between `postgres` and `sqlite`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any, Protocol, cast
from uuid import UUID

from django.db import connection

from eventshop.eventstore.records import Linked, Past, ReceiptRow, Row


class Engine(Protocol):
    """What the store asks of a database."""

    def history(self, aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[Past]]: ...
    def histories(self, aggregate_ids: Sequence[UUID], *, snapshots: bool = True) -> list[tuple[UUID, Past]]: ...
    def receipts(self, command_ids: Sequence[UUID]) -> list[ReceiptRow]: ...
    def append(self, rows: Sequence[Row], receipt: ReceiptRow, follows: bytes) -> int: ...
    def append_many(self, rows: Sequence[Row]) -> list[int]: ...
    def receive_many(self, rows: Sequence[ReceiptRow]) -> None: ...
    def select(self, where: str, parameters: Sequence[Any]) -> list[Row]: ...
    def links(self, after: tuple[UUID, int], to: UUID, limit: int) -> list[Linked]: ...
    def horizon(self, after: int) -> int: ...
    def violated(self, error: Exception) -> str: ...


@cache
def engine() -> Engine:
    """Looked up once: asking the connection costs as much as a tenth of a statement, several times a command."""
    module: ModuleType
    if connection.vendor == "postgresql":
        from eventshop.eventstore.backends import postgres as module
    else:
        from eventshop.eventstore.backends import sqlite as module
    return cast(Engine, module)
