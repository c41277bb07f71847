"""The gateway's payments: every request by its idempotency key, and what became of it."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from deploy.gateway.behaviours import BY_METHOD, DEFAULT, Behaviour, charge_behaviour, refund_behaviour
from deploy.gateway.card_sessions import CardSessions
from deploy.gateway.database import Database
from deploy.gateway.webhook_queue import WebhookQueue

_REFERENCES = {"charge": "ch", "capture": "ca", "void": "vo", "refund": "re"}


class PaymentRequest(NamedTuple):
    """A request for a charge, capture, void or refund.

    `amount` in minor units; none for a void. A charge has `order_id`, `method`, perhaps a card `token`, and `capture`
    (false: only authorise); the others have the key of their `charge`.
    """

    kind: str
    key: str
    amount: int | None = None
    currency: str | None = None
    order_id: str | None = None
    method: str | None = None
    token: str = ""
    capture: bool = True
    charge: str | None = None


class Decision(NamedTuple):
    """What to do with a request; with a `refusal` it is declined, whatever the behaviour."""

    behaviour: Behaviour
    refusal: str = ""
    charge: sqlite3.Row | None = None


class RequestRefused(Exception):
    """The request cannot be recorded, not even as declined; the message says why."""


class Ledger:
    """Thread-safe; every method is one transaction."""

    def __init__(self, path: Path | str, *, pending_s: float) -> None:
        self._pending_s = pending_s
        self.database = Database(path)
        self.webhooks = WebhookQueue(self.database)
        self.sessions = CardSessions(self.database)

    def record_payment(self, request: PaymentRequest) -> tuple[dict[str, Any], Behaviour]:
        """Return the payment with this key and its behaviour; records a new payment. Raises `RequestRefused`."""
        with self.database.transaction():
            row = self._find(request.key)
            if row is None:
                row = self._insert_payment(request, self._decide(request))
            elif any(value is not None and row[name] != value for name, value in request._asdict().items()):
                raise RequestRefused("this key was used for another request")
            return _public_view(row), self._behaviour_of(row)

    def count_error(self, request: PaymentRequest) -> bool:
        """Whether this request must fail before anything happens; counts the request against `errors_first`."""
        behaviour = self._charge_behaviour(request) if request.kind == "charge" else None
        if behaviour is None or not behaviour.errors_first:
            return False
        [row] = self.database.rows(
            "INSERT INTO error VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times",
            request.key,
        )
        return bool(row["times"] <= behaviour.errors_first)

    def find_payment(self, key: str) -> dict[str, Any] | None:
        """The payment with this key as the API shows it, or None."""
        row = self._find(key)
        return None if row is None else _public_view(row)

    def newest_payments(self, count: int) -> list[dict[str, Any]]:
        rows = self.database.rows("SELECT * FROM payment ORDER BY rowid DESC LIMIT ?", count)
        return [_public_view(row) for row in rows]

    def do_due_work(self) -> None:
        """End the pending payments that are due, and queue their webhooks."""
        with self.database.transaction():
            due = "SELECT * FROM payment WHERE status = 'pending' AND due_at <= ?"
            for row in self.database.rows(due, time.time()):
                [ended] = self.database.rows(
                    "UPDATE payment SET status = ?, captured = ?, processed_at = ? WHERE key = ? RETURNING *",
                    *(
                        *_ended(row["kind"], row["amount"], bool(row["capture"]), row["reason"]),
                        time.time(),
                        row["key"],
                    ),
                )
                self.webhooks.add(_public_view(ended), self._behaviour_of(ended).webhooks)

    def seconds_until_due(self) -> float:
        """Seconds until the next payment or webhook is due; at most one."""
        [row] = self.database.rows(
            "SELECT min(due) AS due FROM (SELECT min(due_at) AS due FROM payment WHERE status = 'pending'"
            " UNION ALL SELECT min(due_at) FROM notice WHERE due_at IS NOT NULL)"
        )
        return 1.0 if row["due"] is None else min(1.0, max(0.0, row["due"] - time.time()))

    def close(self) -> None:
        self.database.close()

    def _find(self, key: str | None) -> sqlite3.Row | None:
        return self.database.row("SELECT * FROM payment WHERE key = ?", key)

    def _decide(self, request: PaymentRequest) -> Decision:
        if request.kind == "charge":
            return self._decide_charge(request)
        charge = self._find(request.charge)
        if charge is None or charge["kind"] != "charge":
            if request.kind == "void":
                raise RequestRefused("no such charge")
            return Decision(DEFAULT, "no such charge")
        if request.currency not in (None, charge["currency"]):
            return Decision(DEFAULT, f"the charge is in {charge['currency']}", charge)
        if request.kind == "refund":
            return self._decide_refund(request, charge)
        return Decision(DEFAULT, _capture_refusal(request, charge), charge)

    def _decide_charge(self, request: PaymentRequest) -> Decision:
        behaviour = self._charge_behaviour(request)
        if not request.token:
            return Decision(behaviour or DEFAULT, "" if behaviour else "unknown method")
        if request.method != DEFAULT.method:
            return Decision(DEFAULT, "a card token pays by card only")
        refusal = self.sessions.use(
            request.token,
            request.key,
            order_id=request.order_id,
            amount=request.amount or 0,
            currency=request.currency or "",
        )
        return Decision(behaviour or DEFAULT, refusal)

    def _decide_refund(self, request: PaymentRequest, charge: sqlite3.Row) -> Decision:
        [row] = self.database.rows(
            "SELECT coalesce(sum(amount), 0) AS refunded FROM payment"
            " WHERE charge = ? AND kind = 'refund' AND status <> 'declined'",
            charge["key"],
        )
        left = charge["captured"] - row["refunded"]
        refusal = "nothing was taken" if not charge["captured"] else "more than was taken"
        return Decision(refund_behaviour(charge["behaviour"]), refusal if (request.amount or 0) > left else "", charge)

    def _charge_behaviour(self, request: PaymentRequest) -> Behaviour | None:
        """The behaviour of a charge; None for an unknown method or token."""
        if request.token:
            return BY_METHOD.get(self.sessions.behaviour_of(request.token) or "")
        return charge_behaviour(request.method or "")

    def _behaviour_of(self, row: sqlite3.Row) -> Behaviour:
        if row["kind"] == "refund":
            charge = self._find(row["charge"])
            return DEFAULT if charge is None or row["status"] == "declined" else refund_behaviour(charge["behaviour"])
        return BY_METHOD.get(row["behaviour"], DEFAULT)

    def _insert_payment(self, request: PaymentRequest, decision: Decision) -> sqlite3.Row:
        behaviour, refusal, charge = decision
        amount = charge["amount"] if charge is not None and request.amount is None else request.amount or 0
        reason = refusal or behaviour.reason
        is_pending = behaviour.is_pending and not refusal
        status, captured = ("pending", 0) if is_pending else _ended(request.kind, amount, request.capture, reason)
        [row] = self.database.rows(
            "INSERT INTO payment (key, kind, reference, order_id, charge, method, amount, currency, status, reason,"
            " due_at, behaviour, token, capture, captured, processed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            *(request.key, request.kind, f"{_REFERENCES[request.kind]}_{uuid4().hex[:16]}", request.order_id),
            *(request.charge, (request.method or "") if charge is None else charge["method"], amount),
            *(request.currency or (charge["currency"] if charge is not None else ""), status, reason),
            *(time.time() + self._pending_s if is_pending else None, "" if refusal else behaviour.method),
            *(request.token, request.capture, captured, None if is_pending else time.time()),
        )
        if charge is not None and status == "succeeded" and request.kind in ("capture", "void"):
            self.database.rows(
                "UPDATE payment SET status = ?, captured = ? WHERE key = ?",
                *(("succeeded", amount) if request.kind == "capture" else ("voided", 0)),
                charge["key"],
            )
        if not is_pending:
            self.webhooks.add(_public_view(row), self._behaviour_of(row).webhooks)
        return row


def _ended(kind: str, amount: int, capture: bool, reason: str) -> tuple[str, int]:
    """The status of a payment that ends, and the amount of a charge that is taken with it."""
    if reason:
        return "declined", 0
    if kind != "charge":
        return "succeeded", 0
    return ("succeeded", amount) if capture else ("authorised", 0)


def _capture_refusal(request: PaymentRequest, charge: sqlite3.Row) -> str:
    """Why an authorisation cannot be captured or voided; an empty text if it can."""
    match charge["status"]:
        case "authorised":
            return "more than was authorised" if (request.amount or 0) > charge["amount"] else ""
        case "succeeded":
            return "it was captured already"
        case "voided":
            return "it was voided already"
    return "nothing was authorised"


def _public_view(row: sqlite3.Row) -> dict[str, Any]:
    """A payment as the API shows it: without the outcome that it will have."""
    names = ("key", "kind", "reference", "order_id", "charge", "method", "amount", "currency", "status", "captured")
    processed_at = row["processed_at"]
    return {
        **{name: row[name] for name in names},
        "reason": "" if row["status"] == "pending" else row["reason"],
        "processed_at": None if processed_at is None else datetime.fromtimestamp(processed_at, UTC).isoformat(),
    }
