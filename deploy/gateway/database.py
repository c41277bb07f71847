"""The SQLite file of a gateway or a venue: its tables, and one transaction at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final

#: The queue of webhooks, of a gateway and of a venue.
WEBHOOK_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS notice (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, forged INTEGER NOT NULL,
    attempts INTEGER NOT NULL, due_at REAL);
CREATE INDEX IF NOT EXISTS notice_due ON notice (due_at) WHERE due_at IS NOT NULL;
"""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS payment (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, reference TEXT NOT NULL, order_id TEXT, charge TEXT, method TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, due_at REAL);
CREATE INDEX IF NOT EXISTS payment_due ON payment (due_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS refund_of ON payment (charge) WHERE charge IS NOT NULL;
CREATE TABLE IF NOT EXISTS error (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL, order_id TEXT NOT NULL,
    reference TEXT NOT NULL, return_url TEXT NOT NULL, cancel_url TEXT NOT NULL, expires_at REAL NOT NULL,
    token TEXT UNIQUE, behaviour TEXT NOT NULL DEFAULT '', used_by TEXT);
"""
#: Columns that files of earlier releases lack.
NEW_COLUMNS: Final = {
    "behaviour": "TEXT NOT NULL DEFAULT ''",
    "token": "TEXT NOT NULL DEFAULT ''",
    "capture": "INTEGER NOT NULL DEFAULT 1",
    "captured": "INTEGER NOT NULL DEFAULT 0",
    "processed_at": "REAL",
}


class Database:
    """Thread-safe: a statement outside of a transaction is one of its own."""

    def __init__(self, path: Path | str, schema: str = SCHEMA) -> None:
        self._lock = RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=20)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(WEBHOOK_SCHEMA + schema)
        if schema is SCHEMA:
            with self.transaction():
                self._add_columns()

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        return next(iter(self.rows(statement, *values)), None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _add_columns(self) -> None:
        existing = {row["name"] for row in self.rows("PRAGMA table_info(payment)")}
        for name, kind in NEW_COLUMNS.items():
            if name not in existing:
                self.rows(f"ALTER TABLE payment ADD COLUMN {name} {kind}")
        if "captured" not in existing:
            self.rows("UPDATE payment SET behaviour = method")
            self.rows("UPDATE payment SET captured = amount WHERE kind = 'charge' AND status = 'succeeded'")
