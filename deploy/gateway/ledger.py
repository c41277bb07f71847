"""The gateway's state in one SQLite file: every payment by its idempotency key, and the webhooks to send."""

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

from deploy.gateway.behaviours import Behaviour, WebhookMode, charge_behaviour, refund_behaviour

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


class GatewayWebhook(NamedTuple):
    """A webhook to send to the shop."""

    number: int
    id: str
    body: str
    forged: bool
    attempts: int


class PaymentRequest(NamedTuple):
    """A request for a charge or a refund.

    `amount` in pennies; a charge has `order_id` and `method`, a refund the key of its `charge`.
    """

    kind: str
    key: str
    amount: int
    currency: str
    order_id: str | None = None
    method: str = ""
    charge: str | None = None


class KeyReused(Exception):
    """The idempotency key was used for another request."""


class Ledger:
    """Thread-safe; every method is one transaction."""

    def __init__(self, path: Path, *, pending_s: float) -> None:
        self._pending_s = pending_s
        self._lock = RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=20)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(SCHEMA)

    def record_payment(self, request: PaymentRequest) -> tuple[dict[str, Any], Behaviour]:
        """Return the payment with this key and its behaviour; inserts a new payment. Raises `KeyReused`."""
        with self._transaction():
            behaviour, refusal = self._request_behaviour(request)
            payment = self.find_payment(request.key) or self._insert_payment(request, behaviour, refusal)
            if any(payment[name] != value for name, value in request._asdict().items()):
                raise KeyReused(request.key)
            return payment, behaviour

    def count_error(self, request: PaymentRequest) -> bool:
        """Whether this request must fail before anything happens; counts the request against `errors_first`."""
        behaviour, _ = self._request_behaviour(request)
        if not behaviour.errors_first:
            return False
        with self._transaction():
            self._connection.execute(
                "INSERT INTO error VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1", (request.key,)
            )
            times: int = self._connection.execute("SELECT times FROM error WHERE key = ?", (request.key,)).fetchone()[0]
        return times <= behaviour.errors_first

    def find_payment(self, key: str) -> dict[str, Any] | None:
        """The payment with this key as the API shows it, or None."""
        with self._lock:
            row = self._connection.execute("SELECT * FROM payment WHERE key = ?", (key,)).fetchone()
        return None if row is None else _public_view(row)

    def newest_payments(self, count: int) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._connection.execute("SELECT * FROM payment ORDER BY rowid DESC LIMIT ?", (count,)).fetchall()
        return [dict(row) for row in rows]

    def settle_due_payments(self) -> None:
        """End the pending payments that are due, and queue their webhooks."""
        with self._transaction():
            due = "SELECT * FROM payment WHERE status = 'pending' AND due_at <= ?"
            for row in self._connection.execute(due, (time.time(),)).fetchall():
                status = "declined" if row["reason"] else "succeeded"
                update = "UPDATE payment SET status = ? WHERE key = ? RETURNING *"
                self._queue_webhooks(
                    self._connection.execute(update, (status, row["key"])).fetchone(), self._payment_behaviour(row)
                )

    def due_webhooks(self, count: int) -> list[GatewayWebhook]:
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, id, body, forged, attempts FROM notice WHERE due_at <= ? ORDER BY due_at LIMIT ?",
                (time.time(), count),
            ).fetchall()
        return [GatewayWebhook(*row) for row in rows]

    def record_attempt(self, message: GatewayWebhook, *, retry_in_s: float | None) -> None:
        """Record an attempt to send a webhook; without `retry_in_s` it is not sent again."""
        due_at = None if retry_in_s is None else time.time() + retry_in_s
        with self._transaction():
            self._connection.execute(
                "UPDATE notice SET attempts = attempts + 1, due_at = ? WHERE number = ?", (due_at, message.number)
            )

    def seconds_until_due(self) -> float:
        """Seconds until the next payment or webhook is due; at most one."""
        with self._lock:
            row = self._connection.execute(
                "SELECT min(due) FROM (SELECT min(due_at) AS due FROM payment WHERE status = 'pending'"
                " UNION ALL SELECT min(due_at) FROM notice WHERE due_at IS NOT NULL)"
            ).fetchone()
        return 1.0 if row[0] is None else min(1.0, max(0.0, row[0] - time.time()))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _insert_payment(self, request: PaymentRequest, behaviour: Behaviour, refusal: str) -> dict[str, Any]:
        reason = refusal or behaviour.reason
        is_pending = behaviour.is_pending and not refusal
        status = "pending" if is_pending else "declined" if reason else "succeeded"
        reference = f"{'ch' if request.kind == 'charge' else 're'}_{uuid4().hex[:16]}"
        due_at = time.time() + self._pending_s if is_pending else None
        row = self._connection.execute(
            "INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                *(request.key, request.kind, reference, request.order_id, request.charge, request.method),
                *(request.amount, request.currency, status, reason, due_at),
            ),
        ).fetchone()
        if not is_pending:
            self._queue_webhooks(row, behaviour)
        return _public_view(row)

    def _request_behaviour(self, request: PaymentRequest) -> tuple[Behaviour, str]:
        """The behaviour of a request, and a reason to decline it whatever the behaviour; empty if there is none."""
        if request.kind == "charge":
            return charge_behaviour(request.method, request.amount), ""
        charge = self.find_payment(request.charge or "")
        if charge is None or charge["kind"] != "charge" or charge["status"] != "succeeded":
            return refund_behaviour("", 0), "nothing was taken"
        if charge["currency"] != request.currency or request.amount > self._refundable_amount(charge, request.key):
            return refund_behaviour("", 0), "more than was taken"
        return refund_behaviour(charge["method"], charge["amount"]), ""

    def _payment_behaviour(self, row: sqlite3.Row) -> Behaviour:
        if row["kind"] == "charge":
            return charge_behaviour(row["method"], row["amount"])
        charge = self.find_payment(row["charge"])
        return refund_behaviour(charge["method"], charge["amount"]) if charge else refund_behaviour("", 0)

    def _refundable_amount(self, charge: dict[str, Any], refund_key: str) -> int:
        """The amount of a charge that other refunds have left, in pennies."""
        refunded: int = self._connection.execute(
            "SELECT coalesce(sum(amount), 0) FROM payment WHERE charge = ? AND status <> 'declined' AND key <> ?",
            (charge["key"], refund_key),
        ).fetchone()[0]
        return int(charge["amount"]) - refunded

    def _queue_webhooks(self, row: sqlite3.Row, behaviour: Behaviour) -> None:
        payment = _public_view(row)
        if behaviour.webhooks is WebhookMode.NONE:
            return
        if behaviour.webhooks is WebhookMode.OTHER_AMOUNT:
            payment["amount"] -= 1
        body = json.dumps({"type": f"{payment['kind']}.{payment['status']}", "data": payment})
        forged = [True, False] if behaviour.webhooks is WebhookMode.FORGED_FIRST else [False]
        message_id = f"msg_{uuid4().hex}"
        # Three webhooks with one id, as from a gateway that did not get the shop's response.
        for place, is_forged in enumerate(forged * 3 if behaviour.webhooks is WebhookMode.THREE else forged):
            self._connection.execute(
                "INSERT INTO notice (id, body, forged, attempts, due_at) VALUES (?, ?, ?, 0, ?)",
                (f"msg_{uuid4().hex}" if is_forged else message_id, body, is_forged, time.time() + place / 100),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
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


def _public_view(row: sqlite3.Row) -> dict[str, Any]:
    """A payment as the API shows it: without the outcome that it will have."""
    payment = dict(row)
    del payment["due_at"]
    if payment["status"] == "pending":
        payment["reason"] = ""
    return payment
