"""The HTTP client of the venue: the only code that calls it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from eventshop.core.errors import InvalidMessage
from eventshop.core.json_input import check_json_depth
from eventshop.runtime.circuit_breaker import CircuitBreaker
from eventshop.runtime.http_service import HttpService
from eventshop.web.webhooks.signed_notices import InvalidJson
from trading.application.venue_port import OrderToVenue, VenueReport
from trading.venue.errors import OtherOrder, VenueRefused

#: The status of an answer that comes later.
_LATER: Final = 202
_decoder: Final[msgspec.json.Decoder[VenueReport]] = msgspec.json.Decoder(VenueReport)


class HttpVenue:
    """A `Venue` over HTTP; thread-safe.

    Raises `ServiceUnavailable`, `CircuitOpen`, `VenueRefused`, `InvalidJson`, `ResponseTooLarge` or `OtherOrder`.
    """

    def __init__(self, url: str, secret: str, *, response_s: int = 5) -> None:
        self._service = HttpService("venue", url, secret, breaker_name="venue", response_s=response_s)

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        return self._service.circuit_breaker

    def place(self, order: OrderToVenue, *, key: UUID) -> VenueReport | None:
        return self._post("/v1/orders", order.order, key, msgspec.to_builtins(order))

    def cancel(self, order: UUID, *, key: UUID) -> VenueReport | None:
        return self._post(f"/v1/orders/{order}/cancel", order, key, {})

    def amend(self, order: UUID, *, quantity: Decimal, limit_price: Decimal | None, key: UUID) -> VenueReport | None:
        body = msgspec.to_builtins({"quantity": quantity, "limit_price": limit_price})
        return self._post(f"/v1/orders/{order}/amend", order, key, body)

    def close(self) -> None:
        self._service.close()

    def _post(self, path: str, order: UUID, key: UUID, body: Any) -> VenueReport | None:
        status, answer = self._service.request("POST", path, headers={"Idempotency-Key": f'"{key}"'}, json=body)
        if status == _LATER:
            return None
        if not 200 <= status < 300:
            raise VenueRefused(status=status, answer=answer[:200].decode(errors="replace"))
        report = decode_report(answer)
        if report.order != order:
            raise OtherOrder(requested=order, reported=report.order)
        return report


def decode_report(body: bytes) -> VenueReport:
    """The report in an answer or in a notice. Raises `InvalidJson`."""
    try:
        check_json_depth(body)
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidMessage) as error:
        raise InvalidJson(why=str(error)) from None
