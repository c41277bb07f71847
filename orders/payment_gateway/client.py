"""The gateway over HTTP: the one place that calls it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final
from uuid import UUID

import httpx

from eventshop.core.money import Money
from eventshop.runtime.circuit_breaker import CircuitBreaker, CircuitOpen
from orders.application.payment_gateway_port import Outcome, Unknown, minor_units
from orders.payment_gateway.errors import ResponseTooLarge, GatewayRefused, MessageRefused
from orders.payment_gateway.responses import Kind, GatewayPayment, check_payment_matches, outcome_of, decode_payment

CONNECT_S: Final = 2.0
#: For the whole answer: a gateway that takes longer is asked again later, under the same key.
RESPONSE_S: Final = 5.0
MAX_TRIES: Final = 3
MAX_RESPONSE_BYTES: Final = 64 * 1024
#: Statuses by which a server says that it cannot now.
_RETRYABLE_STATUSES: Final = {408, 425, 429}


class GatewayUnavailable(Exception):
    """The gateway cannot be reached, or cannot now."""


class GatewayTimeout(GatewayUnavailable):
    """The gateway has the request, perhaps, and did not answer in time."""


#: Told of an answer that is not believed: the request's key, the error, and how the answer begins.
ReportRefusal = Callable[[UUID, MessageRefused, bytes], None]


class HttpGateway:
    """A `PaymentGateway`. Share it between threads. Trying again is safe: the key makes it the same request."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        report: ReportRefusal,
        connect_s: float = CONNECT_S,
        response_s: float = RESPONSE_S,
        rest_s: float = 5.0,
    ) -> None:
        self._report, self._response_s = report, response_s
        self.circuit_breaker = CircuitBreaker("payment gateway", failure_types=(GatewayUnavailable,), no_retry_types=(GatewayTimeout,), failure_threshold=10, open_s=rest_s)
        self._client = httpx.Client(
            base_url=url,
            # Identity: a small compressed answer can hold a very large one.
            headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(response_s, connect=connect_s),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20),
            # Where money goes is not for HTTP_PROXY or .netrc to say.
            trust_env=False,
        )

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        return self._post_payment("charge", key, amount, {"order_id": str(order_id), "method": method})

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        return self._post_payment("refund", key, amount, {"charge": str(charge)})

    def find(self, key: UUID) -> Outcome | None:
        found = self.look_up(key)
        return outcome_of(found) if isinstance(found, GatewayPayment) else found

    def look_up(self, key: UUID) -> GatewayPayment | Unknown | None:
        """As `find`, with all that the gateway says."""
        return self._request_payment(key, self._client.build_request("GET", f"/v1/payments/{key}"), absent=404)

    def close(self) -> None:
        self._client.close()

    def _post_payment(self, kind: Kind, key: UUID, amount: Money, more: dict[str, str]) -> Outcome:
        pennies = minor_units(amount)
        request = self._client.build_request(
            "POST",
            f"/v1/{kind}s",
            headers={"Idempotency-Key": f'"{key}"'},
            json={**more, "amount": pennies, "currency": amount.currency},
        )
        told = self._request_payment(key, request)
        if not isinstance(told, GatewayPayment):
            return told or Unknown(key, "the gateway does not know this address")
        try:
            check_payment_matches(told, key=key, kind=kind, amount=pennies, currency=amount.currency)
            return outcome_of(told)
        except MessageRefused as error:
            return self._refuse_response(key, error, b"")

    def _request_payment(self, key: UUID, request: httpx.Request, absent: int = 0) -> GatewayPayment | Unknown | None:
        """What the gateway says; None for the status `absent`."""
        body = b""
        try:
            status, body = self.circuit_breaker.call(lambda: self._exchange(request), attempts=MAX_TRIES)
            if status == absent:
                return None
            if not 200 <= status < 300:
                raise GatewayRefused(status=status)
            return decode_payment(body)
        except MessageRefused as error:
            return self._refuse_response(key, error, body)
        except (GatewayUnavailable, CircuitOpen) as error:
            return Unknown(key, str(error))

    def _refuse_response(self, key: UUID, error: MessageRefused, body: bytes) -> Unknown:
        self._report(key, error, body[:500])
        return Unknown(key, str(error))

    def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        """Status and body. Raises `Trouble` for what may be better in a moment, `AnswerTooLarge`."""
        give_up = monotonic() + self._response_s
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _read_body(response, give_up)
            finally:
                response.close()
        except httpx.ReadTimeout:
            raise GatewayTimeout(f"no answer within {self._response_s:g} s") from None
        except httpx.TransportError as error:
            raise GatewayUnavailable(f"the gateway was not reached: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code in _RETRYABLE_STATUSES:
            raise GatewayUnavailable(f"the gateway answered with status {response.status_code}")
        return response.status_code, body


def _read_body(response: httpx.Response, give_up: float) -> bytes:
    """The body, as long as it is neither too large nor too slow: a read timeout alone lets it dribble for ever."""
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > MAX_RESPONSE_BYTES:
            raise ResponseTooLarge(most=MAX_RESPONSE_BYTES)
        if monotonic() > give_up:
            raise GatewayTimeout("the answer did not end in time")
    return bytes(body)
