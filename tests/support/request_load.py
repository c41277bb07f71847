"""Clients that send requests without a pause and count what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread
from typing import Any, TypeAlias
from uuid import uuid4

import httpx

from tests.support.waiting import DEADLINE_S, join_threads, wait_until

Send: TypeAlias = Callable[[httpx.Client], httpx.Response]


def probe(client: httpx.Client) -> httpx.Response:
    return client.get("/healthz")


def command(path: str, body: Any, *, token: str) -> Send:
    """Sends a command of the API, each time a new one."""

    def post(client: httpx.Client) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
        return client.post(f"/api/v1/{path}", json=body, headers=headers)

    return post


def order_of_two_mugs(token: str) -> Send:
    """Orders a product that the caller has put on the price list."""
    line = {"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}
    body = {"lines": [line], "delivery": {"name": "Ada Marker", "address": "1 Garden Street\nYork"}}
    return command("orders", body, token=token)


class Load:
    """Clients that ask without a pause: one keeps its connection, the other opens one for each request."""

    def __init__(self, address: str, send: Send = probe) -> None:
        self.address = address
        self.send = send
        self.answers = 0
        self.failures: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = Signal()
        threads = [Thread(target=self._ask, args=[stop, keep]) for keep in (True, False)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            join_threads(*threads)

    def _ask(self, stop: Signal, keep: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keep else 0)
        with httpx.Client(base_url=self.address, limits=limits, timeout=DEADLINE_S) as client:
            while not stop.is_set():
                try:
                    answer = self.send(client)
                    if not answer.is_success:
                        self.failures.append(f"{answer.status_code}: {answer.text[:500]}")
                    self.answers += 1
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))

    def wait_for_more(self, number: int = 20) -> None:
        goal = self.answers + number
        wait_until(lambda: self.answers >= goal or self.failures)
