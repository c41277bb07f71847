"""What the gateway knows, in one SQLite file: every request under its key for ever, and the notices still to send."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, NamedTuple
from uuid import uuid4

from deploy.gateway.behaviours import Behaviour, Notices, of_charge, of_refund

SCHEMA: Final = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS payment (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, reference TEXT NOT NULL, order_id TEXT, charge TEXT, method TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, due_at REAL);
CREATE INDEX IF NOT EXISTS payment_due ON payment (due_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS refund_of ON payment (charge) WHERE charge IS NOT NULL;
CREATE TABLE IF NOT EXISTS error (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS notice (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, forged INTEGER NOT NULL,
    attempts INTEGER NOT NULL, due_at REAL);
CREATE INDEX IF NOT EXISTS notice_due ON notice (due_at) WHERE due_at IS NOT NULL;
"""


class Notice(NamedTuple):
    """Something to tell the shop; `due_at` is None once it has been told, or given up."""

    number: int
    id: str
    body: str
    forged: bool
    attempts: int


class Request(NamedTuple):
    """What was asked for. `amount` in pennies; `order_id` and `method` of a charge, `charge` (a key) of a refund."""

    kind: str
    key: str
    amount: int
    currency: str
    order_id: str | None = None
    method: str = ""
    charge: str | None = None


class KeyReused(Exception):
    """This key was used for another request."""


class Ledger:
    """Safe for threads; every method is one transaction."""

    def __init__(self, path: Path, *, later_s: float) -> None:
        self._later_s = later_s
        self._lock = RLock()
        self._rows = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=20)
        self._rows.row_factory = sqlite3.Row
        self._rows.executescript(SCHEMA)

    def receive(self, asked: Request) -> tuple[dict[str, Any], Behaviour]:
        """The payment under this key, made now if it is new; raises `KeyReused`."""
        with self._transaction():
            behaviour, refusal = self._behaviour(asked)
            found = self.find(asked.key) or self._make(asked, behaviour, refusal)
            if any(found[name] != value for name, value in asked._asdict().items()):
                raise KeyReused(asked.key)
            return found, behaviour

    def errs(self, asked: Request) -> bool:
        """Whether this request fails before anything happens, as its behaviour says how often; counts it."""
        behaviour, _ = self._behaviour(asked)
        if not behaviour.errors:
            return False
        with self._transaction():
            self._rows.execute(
                "INSERT INTO error VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1", (asked.key,)
            )
            times: int = self._rows.execute("SELECT times FROM error WHERE key = ?", (asked.key,)).fetchone()[0]
        return times <= behaviour.errors

    def find(self, key: str) -> dict[str, Any] | None:
        """A payment as the API shows it."""
        with self._lock:
            row = self._rows.execute("SELECT * FROM payment WHERE key = ?", (key,)).fetchone()
        return None if row is None else _shown(row)

    def newest(self, count: int) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._rows.execute("SELECT * FROM payment ORDER BY rowid DESC LIMIT ?", (count,)).fetchall()
        return [dict(row) for row in rows]

    def settle_due(self) -> None:
        """Finish the pending payments whose time has come."""
        with self._transaction():
            due = "SELECT * FROM payment WHERE status = 'pending' AND due_at <= ?"
            for row in self._rows.execute(due, (time.time(),)).fetchall():
                status = "declined" if row["reason"] else "succeeded"
                ended = "UPDATE payment SET status = ? WHERE key = ? RETURNING *"
                self._tell(self._rows.execute(ended, (status, row["key"])).fetchone(), self._behaviour_of(row))

    def notices_due(self, count: int) -> list[Notice]:
        with self._lock:
            rows = self._rows.execute(
                "SELECT number, id, body, forged, attempts FROM notice WHERE due_at <= ? ORDER BY due_at LIMIT ?",
                (time.time(), count),
            ).fetchall()
        return [Notice(*row) for row in rows]

    def attempted(self, notice: Notice, *, again_in_s: float | None) -> None:
        """A notice was sent: never again, or in so many seconds."""
        due_at = None if again_in_s is None else time.time() + again_in_s
        with self._transaction():
            self._rows.execute(
                "UPDATE notice SET attempts = attempts + 1, due_at = ? WHERE number = ?", (due_at, notice.number)
            )

    def next_due(self) -> float:
        """Seconds until there is something to do; at most one."""
        with self._lock:
            row = self._rows.execute(
                "SELECT min(due) FROM (SELECT min(due_at) AS due FROM payment WHERE status = 'pending'"
                " UNION ALL SELECT min(due_at) FROM notice WHERE due_at IS NOT NULL)"
            ).fetchone()
        return 1.0 if row[0] is None else min(1.0, max(0.0, row[0] - time.time()))

    def close(self) -> None:
        with self._lock:
            self._rows.close()

    def _make(self, asked: Request, behaviour: Behaviour, refusal: str) -> dict[str, Any]:
        reason = refusal or behaviour.reason
        later = behaviour.later and not refusal
        status = "pending" if later else "declined" if reason else "succeeded"
        reference = f"{'ch' if asked.kind == 'charge' else 're'}_{uuid4().hex[:16]}"
        due_at = time.time() + self._later_s if later else None
        row = self._rows.execute(
            "INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                *(asked.key, asked.kind, reference, asked.order_id, asked.charge, asked.method),
                *(asked.amount, asked.currency, status, reason, due_at),
            ),
        ).fetchone()
        if not later:
            self._tell(row, behaviour)
        return _shown(row)

    def _behaviour(self, asked: Request) -> tuple[Behaviour, str]:
        """How a request behaves, and why it is declined whatever that says."""
        if asked.kind == "charge":
            return of_charge(asked.method, asked.amount), ""
        charge = self.find(asked.charge or "")
        if charge is None or charge["kind"] != "charge" or charge["status"] != "succeeded":
            return of_refund("", 0), "nothing was taken"
        if charge["currency"] != asked.currency or asked.amount > self._left(charge, asked.key):
            return of_refund("", 0), "more than was taken"
        return of_refund(charge["method"], charge["amount"]), ""

    def _behaviour_of(self, row: sqlite3.Row) -> Behaviour:
        if row["kind"] == "charge":
            return of_charge(row["method"], row["amount"])
        charge = self.find(row["charge"])
        return of_refund(charge["method"], charge["amount"]) if charge else of_refund("", 0)

    def _left(self, charge: dict[str, Any], but: str) -> int:
        """What of a charge has not been given back, this very refund aside."""
        given: int = self._rows.execute(
            "SELECT coalesce(sum(amount), 0) FROM payment WHERE charge = ? AND status <> 'declined' AND key <> ?",
            (charge["key"], but),
        ).fetchone()[0]
        return int(charge["amount"]) - given

    def _tell(self, row: sqlite3.Row, behaviour: Behaviour) -> None:
        payment = _shown(row)
        if behaviour.notices is Notices.NONE:
            return
        if behaviour.notices is Notices.OTHER_AMOUNT:
            payment["amount"] -= 1
        body = json.dumps({"type": f"{payment['kind']}.{payment['status']}", "data": payment})
        forged = [True, False] if behaviour.notices is Notices.FORGED_FIRST else [False]
        notice_id = f"msg_{uuid4().hex}"
        # Three times the same notice: its id says so, as with a gateway that missed the shop's answer.
        for place, wrong in enumerate(forged * 3 if behaviour.notices is Notices.THREE else forged):
            self._rows.execute(
                "INSERT INTO notice (id, body, forged, attempts, due_at) VALUES (?, ?, ?, 0, ?)",
                (f"msg_{uuid4().hex}" if wrong else notice_id, body, wrong, time.time() + place / 100),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._rows.in_transaction:
                yield
                return
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._rows.execute("ROLLBACK")
                raise
            self._rows.execute("COMMIT")


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    """A payment as the API shows it: its future is nobody's business."""
    payment = dict(row)
    del payment["due_at"]
    if payment["status"] == "pending":
        payment["reason"] = ""
    return payment
