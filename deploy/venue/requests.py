"""What a client may ask of the venue: paths and JSON bodies, checked as strictly as real venues do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

from deploy.gateway.requests import HttpError

_SIDES, _TYPES, _TIMES = ("BUY", "SELL"), ("MARKET", "LIMIT"), ("GTC", "DAY", "IOC")
_ORDER_FIELDS = {
    *("order", "instrument", "side", "type", "quantity", "limit_price", "time_in_force", "good_until"),
}


class Order(NamedTuple):
    """A new order; numbers stay text, so that they keep their decimals."""

    id: str
    instrument: str
    side: str
    type: str
    quantity: str
    limit_price: str | None
    time_in_force: str
    good_until: float | None


def parse_order(body: Mapping[str, Any]) -> Order:
    """Raises `HttpError`."""
    if set(body) != _ORDER_FIELDS:
        raise HttpError(400, f"an order has exactly these fields: {', '.join(sorted(_ORDER_FIELDS))}")
    side, kind, time = (
        _one_of(body, name, values) for name, values in (("side", _SIDES), ("type", _TYPES), ("time_in_force", _TIMES))
    )
    instrument = body["instrument"]
    if not isinstance(instrument, str) or not 3 <= len(instrument) <= 60 or instrument.count("/") != 1:
        raise HttpError(400, "instrument must be market and symbol, such as SIM/REST")
    if (kind == "LIMIT") != (body["limit_price"] is not None):
        raise HttpError(400, "a limit order needs a limit price; a market order has none")
    if (time == "DAY") != (body["good_until"] is not None):
        raise HttpError(400, "an order for the day needs good_until; another one has none")
    quantity, limit_price = parse_terms(body)
    return Order(
        parse_uuid(body["order"]), instrument, side, kind, quantity, limit_price, time, _parse_time(body["good_until"])
    )


def parse_terms(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """Quantity and limit price. Raises `HttpError`."""
    limit_price = body.get("limit_price")
    quantity = _number("quantity", body.get("quantity"))
    if quantity <= 0:
        raise HttpError(400, "quantity must be above 0")
    return str(body["quantity"]), None if limit_price is None else str(_number("limit_price", limit_price))


def parse_uuid(text: object) -> str:
    """A UUID as text; it may be quoted, as in draft-ietf-httpapi-idempotency-key-header."""
    try:
        return str(UUID(str(text).strip('"')))
    except ValueError:
        raise HttpError(400, "keys and orders must be UUIDs") from None


def _one_of(body: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    if body[name] not in values:
        raise HttpError(400, f"{name} must be one of {', '.join(values)}")
    return str(body[name])


def _number(name: str, value: object) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) >= 10**10:
        raise HttpError(400, f"{name} must be a decimal number written as text")
    return number


def _parse_time(value: object) -> float | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC).timestamp()
    except ValueError:
        raise HttpError(400, "good_until must be a time such as 2026-01-30T17:30:00Z") from None
