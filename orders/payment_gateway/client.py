"""The gateway over HTTP: the one place that calls it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final
from uuid import UUID

import httpx

from eventshop.core.money import Money
from eventshop.runtime.circuit_breaker import Outside, Unavailable
from orders.application.payment_gateway_port import Outcome, Unknown, minor_units
from orders.payment_gateway.errors import AnswerTooLarge, GatewayRefused, MessageRefused
from orders.payment_gateway.responses import Kind, Told, must_be, outcome, read

CONNECT_S: Final = 2.0
#: For the whole answer: a gateway that takes longer is asked again later, under the same key.
ANSWER_S: Final = 5.0
TRIES: Final = 3
MOST_BYTES: Final = 64 * 1024
#: Statuses by which a server says that it cannot now.
_TROUBLE: Final = {408, 425, 429}


class Trouble(Exception):
    """The gateway cannot be reached, or cannot now."""


class TooSlow(Trouble):
    """The gateway has the request, perhaps, and did not answer in time."""


#: Told of an answer that is not believed: the request's key, the error, and how the answer begins.
Report = Callable[[UUID, MessageRefused, bytes], None]


class HttpGateway:
    """A `PaymentGateway`. Share it between threads. Trying again is safe: the key makes it the same request."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        report: Report,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
        rest_s: float = 5.0,
    ) -> None:
        self._report, self._answer_s = report, answer_s
        self.door = Outside("payment gateway", failed=(Trouble,), not_at_once=(TooSlow,), failures=10, rest_s=rest_s)
        self._client = httpx.Client(
            base_url=url,
            # Identity: a small compressed answer can hold a very large one.
            headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(answer_s, connect=connect_s),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20),
            # Where money goes is not for HTTP_PROXY or .netrc to say.
            trust_env=False,
        )

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        return self._asked("charge", key, amount, {"order_id": str(order_id), "method": method})

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        return self._asked("refund", key, amount, {"charge": str(charge)})

    def find(self, key: UUID) -> Outcome | None:
        found = self.look_up(key)
        return outcome(found) if isinstance(found, Told) else found

    def look_up(self, key: UUID) -> Told | Unknown | None:
        """As `find`, with all that the gateway says."""
        return self._told(key, self._client.build_request("GET", f"/v1/payments/{key}"), absent=404)

    def close(self) -> None:
        self._client.close()

    def _asked(self, kind: Kind, key: UUID, amount: Money, more: dict[str, str]) -> Outcome:
        pennies = minor_units(amount)
        request = self._client.build_request(
            "POST",
            f"/v1/{kind}s",
            headers={"Idempotency-Key": f'"{key}"'},
            json={**more, "amount": pennies, "currency": amount.currency},
        )
        told = self._told(key, request)
        if not isinstance(told, Told):
            return told or Unknown(key, "the gateway does not know this address")
        try:
            must_be(told, key=key, kind=kind, amount=pennies, currency=amount.currency)
            return outcome(told)
        except MessageRefused as error:
            return self._not_believed(key, error, b"")

    def _told(self, key: UUID, request: httpx.Request, absent: int = 0) -> Told | Unknown | None:
        """What the gateway says; None for the status `absent`."""
        body = b""
        try:
            status, body = self.door.call(lambda: self._exchange(request), tries=TRIES)
            if status == absent:
                return None
            if not 200 <= status < 300:
                raise GatewayRefused(status=status)
            return read(body)
        except MessageRefused as error:
            return self._not_believed(key, error, body)
        except (Trouble, Unavailable) as error:
            return Unknown(key, str(error))

    def _not_believed(self, key: UUID, error: MessageRefused, body: bytes) -> Unknown:
        self._report(key, error, body[:500])
        return Unknown(key, str(error))

    def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        """Status and body. Raises `Trouble` for what may be better in a moment, `AnswerTooLarge`."""
        give_up = monotonic() + self._answer_s
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _body(response, give_up)
            finally:
                response.close()
        except httpx.ReadTimeout:
            raise TooSlow(f"no answer within {self._answer_s:g} s") from None
        except httpx.TransportError as error:
            raise Trouble(f"the gateway was not reached: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code in _TROUBLE:
            raise Trouble(f"the gateway answered with status {response.status_code}")
        return response.status_code, body


def _body(response: httpx.Response, give_up: float) -> bytes:
    """The body, as long as it is neither too large nor too slow: a read timeout alone lets it dribble for ever."""
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise AnswerTooLarge(most=MOST_BYTES)
        if monotonic() > give_up:
            raise TooSlow("the answer did not end in time")
    return bytes(body)
