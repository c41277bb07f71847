"""The client: every operation of the API, and what takes several of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from eventshop_client.operations import Operations
from eventshop_client.transport import Answer
from eventshop_client.types import CommandOutcome


class Client(Operations):
    """`Client("https://shop.example", token)`; operations are methods, named as in the description of the API."""

    def wait_for_outcome(self, answer: Answer[Any], *, timeout_s: float = 30.0) -> CommandOutcome:
        """Wait until a process has decided what comes of a command (a payment, an erasure). Raises `TimeoutError`."""
        command_id, deadline = answer.body["command_id"], time.monotonic() + timeout_s
        while True:
            left_s = max(0, min(10, int(deadline - time.monotonic())))
            outcome = self.get_command_status(command_id, prefer=f"wait={left_s}").body
            if outcome["state"] != "running":
                return outcome
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the outcome of {command_id} is not known after {timeout_s} s")

    def pages(self, first: Answer[Any]) -> Iterator[Any]:
        """The rows of a list, page after page, beginning with an answer that you have."""
        page: Mapping[str, Any] = first.body
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            url = urlsplit(page["next"])
            page = self.send(
                "GET", url.path.replace("{", "%7B"), {}, query=dict(parse_qsl(url.query)), headers={}, reads_rows=False
            ).body
