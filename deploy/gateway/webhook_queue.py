"""The webhooks that a gateway or a venue has to send."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple
from uuid import uuid4

from deploy.gateway.behaviours import WebhookMode
from deploy.gateway.database import Database


class GatewayWebhook(NamedTuple):
    """A webhook to send to the shop."""

    number: int
    id: str
    body: str
    forged: bool
    attempts: int


class WebhookQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, payment: dict[str, Any], mode: WebhookMode) -> None:
        """Queue the webhooks about a payment that has ended."""
        if mode is WebhookMode.NONE:
            return
        if mode is WebhookMode.OTHER_AMOUNT:
            payment = payment | {"amount": payment["amount"] - 1}
        body = json.dumps({"type": f"{payment['kind']}.{payment['status']}", "data": payment})
        forged = [True, False] if mode is WebhookMode.FORGED_FIRST else [False]
        message_id = f"msg_{uuid4().hex}"
        # Three webhooks with one id, as from a gateway that did not get the shop's response.
        for place, is_forged in enumerate(forged * 3 if mode is WebhookMode.THREE else forged):
            self.put(body, after_s=place / 100, message_id="" if is_forged else message_id, forged=is_forged)

    def put(self, body: str, *, after_s: float = 0, message_id: str = "", forged: bool = False) -> None:
        """Queue one webhook; without an id it gets a new one."""
        self._database.rows(
            "INSERT INTO notice (id, body, forged, attempts, due_at) VALUES (?, ?, ?, 0, ?)",
            *(message_id or f"msg_{uuid4().hex}", body, forged, time.time() + after_s),
        )

    def due(self, count: int) -> list[GatewayWebhook]:
        statement = "SELECT number, id, body, forged, attempts FROM notice WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        return [GatewayWebhook(*row) for row in self._database.rows(statement, time.time(), count)]

    def record_attempt(self, message: GatewayWebhook, *, retry_in_s: float | None) -> None:
        """Record an attempt to send a webhook; without `retry_in_s` it is not sent again."""
        due_at = None if retry_in_s is None else time.time() + retry_in_s
        self._database.rows(
            "UPDATE notice SET attempts = attempts + 1, due_at = ? WHERE number = ?", due_at, message.number
        )
