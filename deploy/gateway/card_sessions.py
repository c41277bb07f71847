"""Sessions of the hosted card page, and the card tokens that they end in."""

from __future__ import annotations

import sqlite3
import time
from secrets import token_hex
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from deploy.gateway.database import Database

#: Seconds in which a customer can use a page, and then the shop the token that it gave.
VALID_S: Final = 1_800
#: Seconds after which a session is deleted.
KEEP_S: Final = 86_400


class SessionRequest(NamedTuple):
    """A shop's request for a card page; `amount` in minor units, `reference` is the order's number."""

    amount: int
    currency: str
    order_id: str
    reference: str
    return_url: str
    cancel_url: str


class CardSessions:
    """A session is for one card. Its token pays once, for its order, at most its amount."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, request: SessionRequest) -> str:
        """A new session; gives its id, which nobody can guess."""
        session_id = f"cs_{token_hex(16)}"
        with self._database.transaction():
            self._database.rows("DELETE FROM session WHERE expires_at < ?", time.time() - KEEP_S)
            self._database.rows(
                "INSERT INTO session (id, amount, currency, order_id, reference, return_url, cancel_url, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(session_id, *request, time.time() + VALID_S),
            )
        return session_id

    def find(self, session_id: str) -> sqlite3.Row | None:
        """The session; None if there is none, or it has expired."""
        return self._database.row("SELECT * FROM session WHERE id = ? AND expires_at > ?", session_id, time.time())

    def complete(self, session_id: str, behaviour: str) -> str:
        """Give the card to the session; gives the URL to return to. A second card changes nothing.

        Raises `KeyError` for a session that is unknown or has expired.
        """
        with self._database.transaction():
            session = self.find(session_id)
            if session is None:
                raise KeyError(session_id)
            token = session["token"] or f"tok_{token_hex(12)}"
            self._database.rows(
                "UPDATE session SET token = ?, behaviour = ?, expires_at = ? WHERE id = ? AND token IS NULL",
                *(token, behaviour, time.time() + VALID_S, session_id),
            )
        parts = urlsplit(str(session["return_url"]))
        query = urlencode([*parse_qsl(parts.query), ("token", token)])
        return parts._replace(query=query).geturl()

    def behaviour_of(self, token: str) -> str | None:
        """The behaviour of the card behind a token; None for an unknown token."""
        session = self._with_token(token)
        return None if session is None else str(session["behaviour"])

    def use(self, token: str, key: str, *, order_id: str | None, amount: int, currency: str) -> str:
        """Use a token for the payment with this key; gives the reason to decline the payment, or an empty text."""
        session = self._with_token(token)
        if session is None:
            return "unknown card token"
        if session["used_by"] not in (None, key):
            return "this card token was used already"
        if session["expires_at"] < time.time():
            return "this card token has expired"
        if (session["order_id"], session["currency"]) != (order_id, currency) or amount > session["amount"]:
            return "the customer agreed to another payment"
        self._database.rows("UPDATE session SET used_by = ? WHERE token = ?", key, token)
        return ""

    def _with_token(self, token: str) -> sqlite3.Row | None:
        return self._database.row("SELECT * FROM session WHERE token = ?", token)
