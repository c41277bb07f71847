"""Telling the shop: signed notices, again and again until it says that it has them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Final

import httpx
from standardwebhooks import Webhook

from deploy.gateway.ledger import Ledger, Notice

AT_ONCE: Final = 8
#: Seconds before the second attempt; each further one waits twice as long, up to the longest.
FIRST_WAIT_S, LONGEST_WAIT_S, MOST_ATTEMPTS = 0.25, 30.0, 12


class Teller:
    """Settles what is due and sends notices in threads of its own, until stopped."""

    def __init__(self, ledger: Ledger, *, url: str, secret: str, crash: Callable[[str], None]) -> None:
        self._ledger, self._url, self._secret, self._crash = ledger, url, secret, crash
        self._wrong = "whsec_" + "d3Jvbmd3cm9uZ3dyb25nd3Jvbmc="
        self._stop = Event()
        self._news = Event()
        self._thread = Thread(target=self._run, name="notices", daemon=True)
        self._client = httpx.Client(timeout=5.0, trust_env=False)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something new to tell."""
        self._news.set()

    def stop(self) -> None:
        self._stop.set()
        self._news.set()
        self._thread.join(10)
        self._client.close()

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not self._stop.is_set():
                self._ledger.settle_due()
                due = self._ledger.notices_due(AT_ONCE) if self._url else []
                list(pool.map(self._send, due))
                if not due:
                    self._news.wait(self._ledger.next_due() if self._url else 0.2)
                    self._news.clear()

    def _send(self, notice: Notice) -> None:
        self._crash("noticing")
        taken = self._taken(notice)
        self._crash("noticed")
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**notice.attempts)
        done = taken or notice.forged or notice.attempts + 1 >= MOST_ATTEMPTS
        self._ledger.attempted(notice, again_in_s=None if done else wait)

    def _taken(self, notice: Notice) -> bool:
        now = datetime.now(UTC)
        signer = Webhook(self._wrong if notice.forged else self._secret)
        headers = {
            "content-type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(notice.id, now, notice.body),
        }
        try:
            return self._client.post(self._url, content=notice.body, headers=headers).is_success
        except httpx.HTTPError:
            return False
