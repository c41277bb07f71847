"""The venue's orders: every request by its key, what became of it, and what is still to happen."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final

from deploy.gateway.database import Database
from deploy.gateway.requests import HttpError
from deploy.gateway.webhook_queue import WebhookQueue
from deploy.venue.behaviours import Behaviour, behaviour_of
from deploy.venue.requests import Order

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS placed (
    id TEXT PRIMARY KEY, instrument TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, quantity TEXT NOT NULL,
    limit_price TEXT, time_in_force TEXT NOT NULL, good_until REAL, request TEXT NOT NULL,
    status TEXT NOT NULL, filled TEXT NOT NULL DEFAULT '0');
CREATE TABLE IF NOT EXISTS request (
    key TEXT PRIMARY KEY, body TEXT NOT NULL, answer TEXT, times INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS fill (
    id INTEGER PRIMARY KEY, placed TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS task (
    number INTEGER PRIMARY KEY, placed TEXT NOT NULL, what TEXT NOT NULL, share INTEGER NOT NULL, due_at REAL NOT NULL);
"""
#: The price of a market order in an instrument that has had no limit price yet.
FIRST_PRICE: Final = "100.00"
Answer = dict[str, Any]


class OrderBook:
    """Thread-safe; every method is one transaction. `later_s` is how long a moment takes."""

    def __init__(self, path: Path | str, *, later_s: float) -> None:
        self._later_s = later_s
        self.database = Database(path, SCHEMA)
        self.webhooks = WebhookQueue(self.database)

    def place(self, key: str, order: Order) -> Answer:
        """The answer to a new order. Raises `HttpError`."""
        request, behaviour = json.dumps(order), behaviour_of(order.instrument)
        with self.database.transaction():
            known = self.database.row("SELECT request, status FROM placed WHERE id = ?", order.id)
            if known is not None:
                if known["request"] != request:
                    raise HttpError(409, "this order id was used for another order")
                return _refused(order.id, behaviour) if known["status"] == "refused" else _report(order.id, "taken")
            self._begin(key, request, behaviour)
            values = (*order, request, "refused" if behaviour.refusal else "open")
            self.database.rows("INSERT INTO placed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0')", *values)
            if behaviour.refusal:
                return _refused(order.id, behaviour)
            self._plan(order, behaviour)
            return _report(order.id, "taken")

    def cancel(self, key: str, order_id: str) -> Answer | None:
        """The answer to a cancellation; None while there is none. Raises `HttpError`."""
        with self.database.transaction():
            placed, behaviour = self._find(order_id)
            known = self._begin(key, f"cancel {order_id}", behaviour)
            if known is None:
                answer = self._decide_cancel(placed, behaviour)
                self._answer(key, answer)
                if behaviour.on_cancel != "silent":
                    self._send(answer, behaviour)
                return None  # as real venues: the report says it, or who asks again
            return known

    def amend(self, key: str, order_id: str, quantity: str, limit_price: str | None) -> Answer | None:
        """The answer to an amendment; None while there is none. Raises `HttpError`."""
        with self.database.transaction():
            placed, behaviour = self._find(order_id)
            known = self._begin(key, json.dumps(["amend", order_id, quantity, limit_price]), behaviour)
            if known is None:
                answer = self._decide_amend(placed, behaviour, quantity, limit_price)
                self._answer(key, answer)
                self._send(answer, behaviour)
                return None
            return known

    def newest(self, count: int) -> list[dict[str, Any]]:
        return [dict(row) for row in self.database.rows("SELECT * FROM placed ORDER BY rowid DESC LIMIT ?", count)]

    def do_due_work(self) -> None:
        """Do what is due: fills, corrections, busts and expiries."""
        with self.database.transaction():
            for task in self.database.rows("SELECT * FROM task WHERE due_at <= ? ORDER BY number", time.time()):
                self.database.rows("DELETE FROM task WHERE number = ?", task["number"])
                placed, behaviour = self._find(task["placed"])
                self._do(task, placed, behaviour)

    def seconds_until_due(self) -> float:
        """Seconds until the next task or webhook is due; at most one."""
        [row] = self.database.rows(
            "SELECT min(due) AS due FROM (SELECT min(due_at) AS due FROM task"
            " UNION ALL SELECT min(due_at) FROM notice WHERE due_at IS NOT NULL)"
        )
        return 1.0 if row["due"] is None else min(1.0, max(0.0, row["due"] - time.time()))

    def close(self) -> None:
        self.database.close()

    # --- requests -------------------------------------------------------------------------------------------------

    def _find(self, order_id: str) -> tuple[sqlite3.Row, Behaviour]:
        placed = self.database.row("SELECT * FROM placed WHERE id = ?", order_id)
        if placed is None:
            raise HttpError(404, "no such order")
        return placed, behaviour_of(placed["instrument"])

    def _begin(self, key: str, body: str, behaviour: Behaviour) -> Answer | None:
        """The answer to a request that was made before. Raises `HttpError`."""
        [row] = self.database.rows(
            "INSERT INTO request (key, body) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING *",
            *(key, body),
        )
        if row["body"] != body:
            raise HttpError(422, "this key was used for another request")
        return None if row["answer"] is None else json.loads(row["answer"])

    def fails(self, key: str, instrument: str) -> bool:
        """Whether this request must fail before anything happens; counts it against `errors_first`."""
        behaviour = behaviour_of(instrument)
        if not behaviour.errors_first:
            return False
        [row] = self.database.rows(
            "INSERT INTO request (key, body, times) VALUES (?, '', 1)"
            " ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times",
            f"error {key}",
        )
        return bool(row["times"] <= behaviour.errors_first)

    def _answer(self, key: str, answer: Answer) -> None:
        self.database.rows("UPDATE request SET answer = ? WHERE key = ?", json.dumps(answer), key)

    def _decide_cancel(self, placed: sqlite3.Row, behaviour: Behaviour) -> Answer:
        if placed["status"] == "cancelled":
            return _report(placed["id"], "cancelled", reason="asked by the client")
        if placed["status"] != "open" or not _open_quantity(placed):
            return _report(placed["id"], "cancel_declined", reason="nothing is open")
        if behaviour.on_cancel == "decline":
            self._schedule(placed["id"], "fill", 100)
            return _report(placed["id"], "cancel_declined", reason="too late to cancel")
        self._close(placed["id"], "cancelled")
        if behaviour.on_cancel == "late fill":
            self._schedule(placed["id"], "late fill", 50)
        return _report(placed["id"], "cancelled", reason="asked by the client")

    def _decide_amend(
        self, placed: sqlite3.Row, behaviour: Behaviour, quantity: str, limit_price: str | None
    ) -> Answer:
        if placed["status"] != "open":
            return _report(placed["id"], "amend_declined", reason="nothing is open")
        if behaviour.on_amend == "decline":
            return _report(placed["id"], "amend_declined", reason="this order cannot be amended")
        if Decimal(quantity) <= Decimal(placed["filled"]):
            return _report(placed["id"], "amend_declined", reason="so much is filled already")
        if (limit_price is None) != (placed["limit_price"] is None):
            return _report(placed["id"], "amend_declined", reason="the type of an order stays")
        self.database.rows(
            "UPDATE placed SET quantity = ?, limit_price = ? WHERE id = ?", quantity, limit_price, placed["id"]
        )
        return _report(placed["id"], "amended", quantity=quantity, limit_price=limit_price)

    # --- what happens ---------------------------------------------------------------------------------------------

    def _plan(self, order: Order, behaviour: Behaviour) -> None:
        if behaviour.at_once:
            self._schedule(order.id, "fill", behaviour.at_once, at_once=True)
        if order.time_in_force == "IOC":
            self._schedule(order.id, "expire", 0, at_once=True)
        elif behaviour.later:
            self._schedule(order.id, "fill", behaviour.later)
        if behaviour.then:
            self._schedule(order.id, behaviour.then, 0)
        if order.good_until is not None:
            self._schedule(order.id, "expire", 0, due_at=order.good_until)

    def _schedule(
        self, order_id: str, what: str, share: int, *, at_once: bool = False, due_at: float | None = None
    ) -> None:
        due = time.time() + (0 if at_once else self._later_s) if due_at is None else due_at
        self.database.rows(
            "INSERT INTO task (placed, what, share, due_at) VALUES (?, ?, ?, ?)", order_id, what, share, due
        )

    def _do(self, task: sqlite3.Row, placed: sqlite3.Row, behaviour: Behaviour) -> None:
        match task["what"]:
            case "fill" if placed["status"] == "open":
                self._fill(placed, behaviour, task["share"])
            case "late fill":
                self._fill(placed, behaviour, task["share"])
            case "expire" if placed["status"] == "open":
                self._close(placed["id"], "expired")
                self._send(_report(placed["id"], "expired"), behaviour)
            case "correct":
                self._correct(placed, behaviour)
            case "bust":
                self._bust(placed, behaviour)

    def _fill(self, placed: sqlite3.Row, behaviour: Behaviour, share: int) -> None:
        quantity, left = _share(Decimal(placed["quantity"]), share), _open_quantity(placed)
        if not behaviour.overfills:
            quantity = min(quantity or left, left)
        if not quantity:
            return
        price = placed["limit_price"] or self._last_price(placed["instrument"])
        [fill] = self.database.rows(
            "INSERT INTO fill (placed, price, quantity, at) VALUES (?, ?, ?, ?) RETURNING *",
            *(placed["id"], price, f"{quantity:f}", time.time()),
        )
        filled = Decimal(placed["filled"]) + quantity
        status = "filled" if filled >= Decimal(placed["quantity"]) else placed["status"]
        self.database.rows("UPDATE placed SET filled = ?, status = ? WHERE id = ?", f"{filled:f}", status, placed["id"])
        self._send(_report(placed["id"], "filled", fills=[_fill_view(fill)]), behaviour)

    def _correct(self, placed: sqlite3.Row, behaviour: Behaviour) -> None:
        fill = self.database.row("SELECT * FROM fill WHERE placed = ? ORDER BY id LIMIT 1", placed["id"])
        if fill is None:
            return
        price = Decimal(fill["price"])
        better = price - 1 if placed["side"] == "BUY" else price + 1
        [corrected] = self.database.rows(
            "UPDATE fill SET price = ? WHERE id = ? RETURNING *", f"{better:f}", fill["id"]
        )
        self._send(
            _report(placed["id"], "corrected", fill=_fill_view(corrected), reason="wrong price reported"), behaviour
        )

    def _bust(self, placed: sqlite3.Row, behaviour: Behaviour) -> None:
        fill = self.database.row("SELECT * FROM fill WHERE placed = ? ORDER BY id LIMIT 1", placed["id"])
        if fill is not None:
            number = _fill_view(fill)["venue_trade_id"]
            self._send(_report(placed["id"], "busted", venue_trade_id=number, reason="erroneous print"), behaviour)

    def _last_price(self, instrument: str) -> str:
        row = self.database.row(
            "SELECT limit_price FROM placed WHERE instrument = ? AND limit_price IS NOT NULL"
            " ORDER BY rowid DESC LIMIT 1",
            instrument,
        )
        return row["limit_price"] if row else FIRST_PRICE

    def _close(self, order_id: str, status: str) -> None:
        self.database.rows("UPDATE placed SET status = ? WHERE id = ?", status, order_id)

    def _send(self, report: Answer, behaviour: Behaviour) -> None:
        for _ in range(behaviour.copies):
            self.webhooks.put(json.dumps(report))


def _report(order_id: str, kind: str, **fields: Any) -> Answer:
    return {"type": kind, "order": order_id, **fields}


def _refused(order_id: str, behaviour: Behaviour) -> Answer:
    return _report(order_id, "refused", reason=behaviour.refusal)


def _share(quantity: Decimal, share: int) -> Decimal:
    """A share in percent, in steps of the last decimal that the quantity has."""
    return (quantity * share / 100).quantize(Decimal(1).scaleb(_exponent(quantity)), rounding=ROUND_DOWN)


def _exponent(quantity: Decimal) -> int:
    exponent = quantity.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _open_quantity(placed: sqlite3.Row) -> Decimal:
    return max(Decimal(placed["quantity"]) - Decimal(placed["filled"]), Decimal(0))


def _fill_view(fill: sqlite3.Row) -> dict[str, str]:
    return {
        "venue_trade_id": f"SIM-{fill['id']}",
        "price": fill["price"],
        "quantity": fill["quantity"],
        "at": datetime.fromtimestamp(fill["at"], UTC).isoformat(),
    }
