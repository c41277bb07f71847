"""The gateway's hosted card page: the customer enters the card there, so that no card number reaches the shop.

1. A view calls `create_session` and redirects to the URL that it gives.
2. The gateway's page redirects back to `return_url` with `?token=tok_...` (`TOKEN`), or to `cancel_url` if the customer
   turns back. Both must be URLs of this shop, or the gateway refuses the session.
3. The view sends `RequestPayment(order_id, method="card", token=token)`. The token pays once, for this order, at most
   this amount, within half an hour; nothing was taken before.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from eventshop.core.money import Money
from eventshop.runtime.circuit_breaker import CircuitOpen
from eventshop.runtime.service_errors import MessageRefused, ServiceUnavailable
from orders.application.payment_gateway_port import minor_units
from orders.payment_gateway.errors import GatewayUnreachable
from orders.payment_gateway.factory import payment_gateway

#: The parameter of `return_url` in which the token comes back.
TOKEN: Final = "token"  # noqa: S105 (the name of a parameter)


def create_session(
    *, order_id: UUID, reference: str, amount: Money, return_url: str, cancel_url: str, method: str = "card"
) -> str:
    """Create a card page for one payment; gives its URL, to redirect the customer to.

    `reference` is the order's number, which the page shows; the URLs are absolute (`request.build_absolute_uri`).
    Raises `GatewayNotConfigured`, `GatewayUnreachable` (also when the gateway refused, or answered nonsense), or
    `InvalidMoney` for an amount that cannot be paid.
    """
    gateway = payment_gateway().gateway
    body = {
        "amount": minor_units(amount),
        "currency": amount.currency,
        "order_id": str(order_id),
        "reference": reference,
        "method": method,
        "return_url": return_url,
        "cancel_url": cancel_url,
    }
    try:
        url = gateway.create_session(body).url
    except (ServiceUnavailable, CircuitOpen, MessageRefused) as error:
        raise GatewayUnreachable(f"The payment gateway gave no card page: {error}") from error
    if not _is_gateway_page(url):
        raise GatewayUnreachable(f"The payment gateway's card page is not at {settings.PAYMENT_GATEWAY_PAGE_ORIGIN}")
    return url


def _is_gateway_page(url: str) -> bool:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" == settings.PAYMENT_GATEWAY_PAGE_ORIGIN
