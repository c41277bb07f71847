"""What the shop may ask of the gateway: paths and JSON bodies, checked as strictly as real gateways do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from deploy.gateway.card_sessions import SessionRequest
from deploy.gateway.ledger import PaymentRequest
from eventshop.core.errors import InvalidMoney
from eventshop.core.money import check_payable, from_minor_units

KIND_OF_PATH: Final = {
    "/v1/charges": "charge",
    "/v1/captures": "capture",
    "/v1/voids": "void",
    "/v1/refunds": "refund",
}
SESSIONS_PATH: Final = "/v1/sessions"
MAX_AMOUNT: Final = 10**14
MAX_TEXT: Final = 200
#: Names of this machine, which are one host.
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class HttpError(Exception):
    """A request that gets an error response: its status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def parse_payment(path: str, key: str, body: Mapping[str, Any]) -> PaymentRequest:
    """The request for a charge, capture, void or refund. Raises `HttpError`."""
    kind = KIND_OF_PATH.get(path)
    if kind is None:
        raise HttpError(404, "no such address")
    amount, currency = (None, None) if kind == "void" else _parse_amount(body)
    if kind != "charge":
        return PaymentRequest(kind, _parse_uuid(key), amount, currency, charge=_parse_uuid(body.get("charge")))
    capture = body.get("capture", True)
    if not isinstance(capture, bool):
        raise HttpError(400, "capture must be true or false")
    return PaymentRequest(
        kind,
        _parse_uuid(key),
        amount,
        currency,
        order_id=_parse_uuid(body.get("order_id")),
        method=_parse_text(body, "method"),
        token=_parse_text(body, "token", ""),
        capture=capture,
    )


def parse_session(body: Mapping[str, Any], origins: Collection[str]) -> SessionRequest:
    """The request for a card page; it returns to these origins only. Raises `HttpError`."""
    if body.get("method", "card") != "card":
        raise HttpError(400, "a card page is for the method card")
    return SessionRequest(
        *_parse_amount(body),
        _parse_uuid(body.get("order_id")),
        _parse_text(body, "reference"),
        _parse_url(body, "return_url", origins),
        _parse_url(body, "cancel_url", origins),
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL. All names of this machine are one host."""
    parts = urlsplit(url)
    host = "localhost" if parts.hostname in _LOOPBACK else parts.hostname
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{host}:{port}"


def _parse_amount(body: Mapping[str, Any]) -> tuple[int, str]:
    amount, currency = body.get("amount"), body.get("currency")
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        raise HttpError(400, "amount must be a whole number of minor units, at least 1")
    try:
        check_payable(from_minor_units(amount, str(currency)))
    except InvalidMoney as error:
        raise HttpError(400, error.message) from None
    return amount, str(currency)


def _parse_text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    text = body.get(name, default)
    if not isinstance(text, str) or len(text) > MAX_TEXT or not (text or default == ""):
        raise HttpError(400, f"{name} must be a text of at most {MAX_TEXT} characters")
    return text


def _parse_url(body: Mapping[str, Any], name: str, origins: Collection[str]) -> str:
    url = body.get(name)
    try:
        is_known = isinstance(url, str) and url.isprintable() and len(url) <= 2_000 and origin_of(url) in origins
        is_known = is_known and "@" not in urlsplit(str(url)).netloc
    except ValueError:  # no port
        is_known = False
    if not is_known:
        raise HttpError(400, f"{name} must be at the shop: {', '.join(sorted(origins)) or 'start with --webhook'}")
    return str(url)


def _parse_uuid(text: object) -> str:
    """A UUID as text; it may be quoted, as in draft-ietf-httpapi-idempotency-key-header."""
    try:
        return str(UUID(str(text).strip('"')))
    except ValueError:
        raise HttpError(400, "keys, orders and charges must be UUIDs") from None
