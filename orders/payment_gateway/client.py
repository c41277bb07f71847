"""The HTTP client of the payment gateway: the only code that calls it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx

from eventshop.core.money import Money
from eventshop.runtime import tracing
from eventshop.runtime.circuit_breaker import CircuitBreaker, CircuitOpen
from orders.application.payment_gateway_port import Outcome, Unknown, minor_units
from orders.payment_gateway.errors import GatewayRefused, MessageRefused, ResponseTooLarge
from orders.payment_gateway.responses import (
    GatewayPayment,
    HostedPage,
    Kind,
    check_payment_matches,
    decode_hosted_page,
    decode_payment,
    outcome_of,
)

CONNECT_S: Final = 2.0
#: For the whole response. A request that takes longer is sent again later, under the same key.
RESPONSE_S: Final = 5.0
MAX_TRIES: Final = 3
MAX_RESPONSE_BYTES: Final = 64 * 1024
#: Statuses that mean "try again later", besides all from 500 on.
_RETRYABLE_STATUSES: Final = {408, 425, 429}
JsonObject: TypeAlias = dict[str, Any]


class GatewayUnavailable(Exception):
    """The gateway cannot be reached, or cannot process the request now."""


class GatewayTimeout(GatewayUnavailable):
    """The gateway did not respond in time. It may have received the request."""


#: Called for each refused response, with the request's key, the error, and the beginning of the body.
ReportRefusal = Callable[[UUID, MessageRefused, bytes], None]


class HttpGateway:
    """A `PaymentGateway` over HTTP; thread-safe. A retry is safe: its idempotency key makes it the same request."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        report: ReportRefusal,
        connect_s: float = CONNECT_S,
        response_s: float = RESPONSE_S,
        open_s: float = 5.0,
    ) -> None:
        self._report, self._response_s = report, response_s
        self.circuit_breaker = CircuitBreaker(
            "payment gateway",
            failure_types=(GatewayUnavailable,),
            no_retry_types=(GatewayTimeout,),
            failure_threshold=10,
            open_s=open_s,
        )
        self._client = httpx.Client(
            base_url=url,
            # No compression: a small compressed body can expand to a very large one.
            headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(response_s, connect=connect_s),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20),
            # Payment requests must not be redirected by HTTP_PROXY or .netrc.
            trust_env=False,
        )

    def charge(
        self,
        *,
        key: UUID,
        amount: Money,
        order_id: UUID,
        method: str,
        token: str = "",
        capture: bool = True,
        payment_id: UUID | None = None,
    ) -> Outcome:
        body: JsonObject = {"order_id": str(order_id), "method": method, "capture": capture}
        return self._post_payment("charge", key, amount, body | ({"token": token} if token else {}), method=method)

    def capture(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        return self._post_payment("capture", key, amount, {"charge": str(charge)})

    def void(self, *, key: UUID, charge: UUID, payment_id: UUID | None = None) -> Outcome:
        return self._post_payment("void", key, None, {"charge": str(charge)})

    def refund(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        return self._post_payment("refund", key, amount, {"charge": str(charge)})

    def find(self, key: UUID) -> Outcome | None:
        payment = self.look_up(key)
        return outcome_of(payment) if isinstance(payment, GatewayPayment) else payment

    def look_up(self, key: UUID) -> GatewayPayment | Unknown | None:
        """As `find`, but gives the payment as the gateway shows it."""
        return self._request_payment(
            key, self._client.build_request("GET", f"/v1/payments/{key}"), not_found_status=404
        )

    def key_refusal(self) -> int:
        """The status with which the gateway refuses our key; 0: it does not, or does not answer."""
        request = self._client.build_request("GET", f"/v1/payments/{UUID(int=0)}", timeout=CONNECT_S)
        try:
            status, _ = self._exchange(request)  # past the circuit breaker, which counts payments only
        except (GatewayUnavailable, MessageRefused):
            return 0
        return status if status in (401, 403) else 0

    def close(self) -> None:
        self._client.close()

    def create_session(self, body: JsonObject) -> HostedPage:
        """A new hosted card page. Raises `GatewayUnavailable`, `CircuitOpen` or `MessageRefused`."""
        request = self._client.build_request("POST", "/v1/sessions", json=body)
        status, answer = self.circuit_breaker.call(lambda: self._exchange(request), attempts=MAX_TRIES)
        if not 200 <= status < 300:
            raise GatewayRefused(status=status, answer=answer[:200].decode(errors="replace"))
        return decode_hosted_page(answer)

    def _post_payment(
        self, kind: Kind, key: UUID, amount: Money | None, body: JsonObject, *, method: str = ""
    ) -> Outcome:
        """Send a request. Without `amount` (of a void) the gateway says the amount."""
        if amount is not None:
            body = {**body, "amount": minor_units(amount), "currency": amount.currency}
        request = self._client.build_request("POST", f"/v1/{kind}s", headers={"Idempotency-Key": f'"{key}"'}, json=body)
        payment = self._request_payment(key, request)
        if not isinstance(payment, GatewayPayment):
            return payment or Unknown(key, "the gateway does not know this URL")
        try:
            requested = {"amount": payment.amount, "currency": payment.currency, **body}
            check_payment_matches(
                payment,
                key=key,
                kind=kind,
                amount=requested["amount"],
                currency=requested["currency"],
                method=method,
            )
            return outcome_of(payment)
        except MessageRefused as error:
            return self._refuse_response(key, error, b"")

    def _request_payment(
        self, key: UUID, request: httpx.Request, not_found_status: int = 0
    ) -> GatewayPayment | Unknown | None:
        """Send a request and decode the payment; None for the status `not_found_status`."""
        body = b""
        try:
            status, body = self.circuit_breaker.call(lambda: self._exchange(request), attempts=MAX_TRIES)
            if status == not_found_status:
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
        """Send a request once; gives status and body.

        Raises `GatewayUnavailable` if a retry may help, or `ResponseTooLarge`.
        """
        deadline = monotonic() + self._response_s
        request.headers.update(tracing.outgoing_headers())
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _read_body(response, deadline)
            finally:
                response.close()
        except httpx.ReadTimeout:
            raise GatewayTimeout(f"the gateway did not respond within {self._response_s:g} s") from None
        except httpx.TransportError as error:
            raise GatewayUnavailable(f"the gateway could not be reached: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code in _RETRYABLE_STATUSES:
            raise GatewayUnavailable(f"the gateway responded with status {response.status_code}")
        return response.status_code, body


def _read_body(response: httpx.Response, deadline: float) -> bytes:
    """Read the body with a size limit and a deadline. A read timeout alone would allow an endless slow body.

    Raises `ResponseTooLarge` or `GatewayTimeout`.
    """
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ResponseTooLarge(most=MAX_RESPONSE_BYTES)
        if monotonic() > deadline:
            raise GatewayTimeout("the response did not end in time")
    return bytes(body)
