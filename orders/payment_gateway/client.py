"""The HTTP client of the payment gateway: the only code that calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID

from eventshop.core.money import Money
from eventshop.runtime.circuit_breaker import CircuitBreaker, CircuitOpen
from eventshop.runtime.http_service import CONNECT_S, RESPONSE_S, HttpService
from eventshop.runtime.service_errors import MessageRefused, ServiceUnavailable
from orders.application.payment_gateway_port import Outcome, Unknown, minor_units
from orders.payment_gateway.errors import GatewayRefused
from orders.payment_gateway.responses import (
    GatewayPayment,
    HostedPage,
    Kind,
    check_payment_matches,
    decode_hosted_page,
    decode_payment,
    outcome_of,
)

JsonObject: TypeAlias = dict[str, Any]


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
        self._report = report
        self._service = HttpService(
            "gateway",
            url,
            secret,
            breaker_name="payment gateway",
            connect_s=connect_s,
            response_s=response_s,
            open_s=open_s,
        )

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        return self._service.circuit_breaker

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
        return self._request_payment(key, "GET", f"/v1/payments/{key}", not_found_status=404)

    def key_refusal(self) -> int:
        """The status with which the gateway refuses our key; 0: it does not, or does not answer."""
        try:
            status = self._service.probe(f"/v1/payments/{UUID(int=0)}")
        except (ServiceUnavailable, MessageRefused):
            return 0
        return status if status in (401, 403) else 0

    def close(self) -> None:
        self._service.close()

    def create_session(self, body: JsonObject) -> HostedPage:
        """A new hosted card page. Raises `ServiceUnavailable`, `CircuitOpen` or `MessageRefused`."""
        status, answer = self._service.request("POST", "/v1/sessions", json=body)
        if not 200 <= status < 300:
            raise GatewayRefused(status=status, answer=answer[:200].decode(errors="replace"))
        return decode_hosted_page(answer)

    def _post_payment(
        self, kind: Kind, key: UUID, amount: Money | None, body: JsonObject, *, method: str = ""
    ) -> Outcome:
        """Send a request. Without `amount` (of a void) the gateway says the amount."""
        if amount is not None:
            body = {**body, "amount": minor_units(amount), "currency": amount.currency}
        payment = self._request_payment(key, "POST", f"/v1/{kind}s", body)
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
        self, key: UUID, method: str, path: str, body: JsonObject | None = None, *, not_found_status: int = 0
    ) -> GatewayPayment | Unknown | None:
        """Send a request and decode the payment; None for the status `not_found_status`."""
        answer, headers = b"", {"Idempotency-Key": f'"{key}"'} if method == "POST" else None
        try:
            status, answer = self._service.request(method, path, headers=headers, json=body)
            if status == not_found_status:
                return None
            if not 200 <= status < 300:
                raise GatewayRefused(status=status)
            return decode_payment(answer)
        except MessageRefused as error:
            return self._refuse_response(key, error, answer)
        except (ServiceUnavailable, CircuitOpen) as error:
            return Unknown(key, str(error))

    def _refuse_response(self, key: UUID, error: MessageRefused, body: bytes) -> Unknown:
        self._report(key, error, body[:500])
        return Unknown(key, str(error))
