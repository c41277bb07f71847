"""The storage backend protocol, and the choice between `postgres` and `sqlite`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any, Protocol, cast
from uuid import UUID

from django.db import connection

from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import ChainLink, EventRow, HistoryEntry, OpenAppend, StoredHash


class StoreBackend(Protocol):
    """The operations that the event store needs from a database."""

    def load_history(self, aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[HistoryEntry]]: ...
    def load_histories(
        self, aggregate_ids: Sequence[UUID], *, snapshots: bool = True
    ) -> list[tuple[UUID, HistoryEntry]]: ...
    def load_receipts(self, command_ids: Sequence[UUID]) -> list[ReceiptRow]: ...
    def append_command(self, rows: Sequence[EventRow], receipt: ReceiptRow, previous_hash: bytes) -> int: ...
    def append_events(self, rows: Sequence[EventRow]) -> list[int]: ...
    def insert_receipts(self, rows: Sequence[ReceiptRow]) -> None: ...
    def select_events(self, where: str, parameters: Sequence[Any]) -> list[EventRow]: ...
    def load_hashes(self, positions: Sequence[int]) -> list[StoredHash]: ...
    def load_versions_recorded_late(self, time: datetime) -> list[tuple[UUID, int]]: ...
    def load_chain_links(self, after: tuple[UUID, int], to_stream: UUID, limit: int) -> list[ChainLink]: ...
    def read_horizon(self, after: int) -> int: ...
    def load_open_appends(self, fence_lock: int, min_age_s: float) -> list[OpenAppend]: ...
    def violated_constraint(self, error: Exception) -> str: ...
    def is_deadlock(self, error: Exception) -> bool: ...


@cache
def backend() -> StoreBackend:
    """Return the backend of the default database. Cached: it is needed several times a command."""
    module: ModuleType
    if connection.vendor == "postgresql":
        from eventshop.eventstore.backends import postgres as module
    else:
        from eventshop.eventstore.backends import sqlite as module
    return cast(StoreBackend, module)
