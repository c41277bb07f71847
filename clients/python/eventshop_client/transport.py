"""Sends requests: repeats what may be repeated, with the same idempotency key, and reads its own writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

T = TypeVar("T")

#: Waits between the attempts of a request, in seconds, unless the server says how long to wait.
RETRY_DELAYS_S: Final = (0.2, 0.5, 1.0, 2.0)
#: The longest wait that a server can ask for.
MAX_RETRY_AFTER_S: Final = 60.0
_RETRIED: Final = frozenset((429, 502, 503, 504))


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A response: its body, and the headers that matter."""

    status: int
    body: T
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        """Send it as `if_match` with the next command."""
        return self.headers.get("etag", "")

    @property
    def is_replayed(self) -> bool:
        """Whether the command had been executed before, by an attempt whose answer was lost."""
        return self.headers.get("idempotency-replayed") == "true"


class ApiProblem(Exception):
    """A refused request (RFC 9457): `code` never changes; `errors` lists the invalid parts."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        self.code: str = problem.get("code", "")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')}")


class Transport:
    """One connection to one shop. Use it in a `with`, or call `close`. A client belongs to one thread."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout_s, transport=transport)
        self._sleep = sleep
        #: Of the last command: the next read waits until it shows its effect.
        self.consistency_token = ""

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(
        self,
        method: str,
        path: str,
        path_values: Mapping[str, object],
        *,
        query: Mapping[str, object],
        headers: Mapping[str, str | None],
        body: object = None,
        media_type: str = "",
        needs_key: bool = False,
        reads_rows: bool = False,
    ) -> Answer[Any]:
        """Send a request until it is answered. Raises `ApiProblem`, or what httpx raises after the last attempt.

        Commands are safe to repeat because each attempt has the same idempotency key; requests without one are repeated
        only where HTTP calls them idempotent.
        """
        sent = {name: value for name, value in headers.items() if value}
        if needs_key:
            sent.setdefault("Idempotency-Key", str(uuid4()))
        if reads_rows and self.consistency_token:
            sent.setdefault("Consistency-Token", self.consistency_token)
        url = path.format(**{name: quote(str(value), safe="") for name, value in path_values.items()})
        if media_type:
            sent["Content-Type"] = media_type
        request = self._http.build_request(
            method, url, params={name: _text(value) for name, value in query.items() if value is not None},
            headers=sent, **({"content": str(body).encode()} if media_type else {"json": body}),
        )  # fmt: skip
        response = self._send_until_answered(request, may_repeat=needs_key or method != "POST")
        if token := response.headers.get("Consistency-Token"):
            self.consistency_token = token
        content = response.json() if response.content else None
        if response.status_code >= 400:
            raise ApiProblem(response.status_code, content if isinstance(content, dict) else {})
        return Answer(response.status_code, content, {name.lower(): value for name, value in response.headers.items()})

    def _send_until_answered(self, request: httpx.Request, *, may_repeat: bool) -> httpx.Response:
        for delay_s in RETRY_DELAYS_S if may_repeat else ():
            try:
                response = self._http.send(request)
            except httpx.TransportError:
                self._sleep(delay_s)
                continue
            if response.status_code not in _RETRIED and not _is_running(response):
                return response
            self._sleep(_retry_after_s(response) or delay_s)
        return self._http.send(request)


def _is_running(response: httpx.Response) -> bool:
    """Whether an earlier attempt is still being executed."""
    return response.status_code == 409 and "twin-running" in response.text


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), MAX_RETRY_AFTER_S) if text.isdecimal() else 0.0


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
