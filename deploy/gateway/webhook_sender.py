"""Sends signed webhooks to the shop, with retries until the shop accepts them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Final, Protocol

import httpx
from standardwebhooks import Webhook

from deploy.gateway.webhook_queue import GatewayWebhook, WebhookQueue

CONCURRENCY: Final = 8
#: Seconds before the second attempt; the wait doubles with each attempt up to the maximum.
FIRST_BACKOFF_S, MAX_BACKOFF_S, MAX_ATTEMPTS = 0.25, 30.0, 12


class WebhookSource(Protocol):
    """What a sender works for: a ledger of payments, or a book of orders."""

    webhooks: WebhookQueue

    def do_due_work(self) -> None: ...

    def seconds_until_due(self) -> float: ...


class WebhookSender:
    """Does due work and sends due webhooks in background threads, until stopped."""

    def __init__(self, ledger: WebhookSource, *, url: str, secret: str, crash: Callable[[str], None]) -> None:
        self._ledger, self._url, self._secret, self._crash = ledger, url, secret, crash
        self._forged_secret = "whsec_" + "d3Jvbmd3cm9uZ3dyb25nd3Jvbmc="
        self._stop = Event()
        self._wake_signal = Event()
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)
        self._client = httpx.Client(timeout=5.0, trust_env=False)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Check for due work now."""
        self._wake_signal.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake_signal.set()
        self._thread.join(10)
        self._client.close()

    def _run(self) -> None:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            while not self._stop.is_set():
                self._ledger.do_due_work()
                due = self._ledger.webhooks.due(CONCURRENCY) if self._url else []
                list(pool.map(self._send, due))
                if not due:
                    self._wake_signal.wait(self._ledger.seconds_until_due() if self._url else 0.2)
                    self._wake_signal.clear()

    def _send(self, message: GatewayWebhook) -> None:
        self._crash("sending")
        accepted = self._post(message)
        self._crash("sent")
        backoff_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2**message.attempts)
        done = accepted or message.forged or message.attempts + 1 >= MAX_ATTEMPTS
        self._ledger.webhooks.record_attempt(message, retry_in_s=None if done else backoff_s)

    def _post(self, message: GatewayWebhook) -> bool:
        now = datetime.now(UTC)
        signer = Webhook(self._forged_secret if message.forged else self._secret)
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(message.id, now, message.body),
        }
        try:
            return self._client.post(self._url, content=message.body, headers=headers).is_success
        except httpx.HTTPError:
            return False
