"""Requests to an outside service that moves money or trades: bounded, retried, and behind a circuit breaker."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

import httpx

from eventshop.runtime import tracing
from eventshop.runtime.circuit_breaker import CircuitBreaker
from eventshop.runtime.service_errors import ResponseTooLarge, ServiceTimeout, ServiceUnavailable

CONNECT_S: Final = 2.0
#: For the whole response. A request that takes longer is sent again later, under the same key.
RESPONSE_S: Final = 5.0
MAX_TRIES: Final = 3
MAX_RESPONSE_BYTES: Final = 64 * 1024
#: Statuses that mean "try again later", besides all from 500 on.
_RETRYABLE_STATUSES: Final = {408, 425, 429}


class HttpService:
    """A service over HTTP; thread-safe. `name` is for people, such as `gateway`. Requests must be safe to repeat."""

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        *,
        breaker_name: str,
        connect_s: float = CONNECT_S,
        response_s: float = RESPONSE_S,
        open_s: float = 5.0,
    ) -> None:
        self._name, self._response_s = name, response_s
        self.circuit_breaker = CircuitBreaker(
            breaker_name,
            failure_types=(ServiceUnavailable,),
            no_retry_types=(ServiceTimeout,),
            failure_threshold=10,
            open_s=open_s,
        )
        self._client = httpx.Client(
            base_url=url,
            # No compression: a small compressed body can expand to a very large one.
            headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(response_s, connect=connect_s),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20),
            # The requests must not be redirected by HTTP_PROXY or .netrc.
            trust_env=False,
        )

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, json: Any = None
    ) -> tuple[int, bytes]:
        """Send a request, again if that may help; gives status and body.

        Raises `ServiceUnavailable`, `CircuitOpen` or `ResponseTooLarge`.
        """
        request = self._client.build_request(method, path, headers=headers, json=json)
        return self.circuit_breaker.call(lambda: self._exchange(request), attempts=MAX_TRIES)

    def probe(self, path: str) -> int:
        """The status of a GET, past the circuit breaker, which counts requests only; raises as `request`."""
        status, _ = self._exchange(self._client.build_request("GET", path, timeout=CONNECT_S))
        return status

    def close(self) -> None:
        self._client.close()

    def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        deadline = monotonic() + self._response_s
        request.headers.update(tracing.outgoing_headers())
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _read_body(response, deadline)
            finally:
                response.close()
        except httpx.ReadTimeout:
            raise ServiceTimeout(f"the {self._name} did not respond within {self._response_s:g} s") from None
        except httpx.TransportError as error:
            raise ServiceUnavailable(f"the {self._name} could not be reached: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code in _RETRYABLE_STATUSES:
            raise ServiceUnavailable(f"the {self._name} responded with status {response.status_code}")
        return response.status_code, body


def _read_body(response: httpx.Response, deadline: float) -> bytes:
    """Read the body with a size limit and a deadline. A read timeout alone would allow an endless slow body.

    Raises `ResponseTooLarge` or `ServiceTimeout`.
    """
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ResponseTooLarge(most=MAX_RESPONSE_BYTES)
        if monotonic() > deadline:
            raise ServiceTimeout("the response did not end in time")
    return bytes(body)
