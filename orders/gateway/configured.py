"""The gateway that the settings name."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from orders.gateway import messages
from orders.gateway.client import HttpGateway
from orders.gateway.errors import NoGateway
from orders.gateway.ledger import RecordedGateway


def payment_gateway() -> RecordedGateway:
    """One for the whole process, made when it is first needed; raises `NoGateway`."""
    if not settings.PAYMENT_GATEWAY_URL:
        raise NoGateway()
    return _made(settings.PAYMENT_GATEWAY_URL, settings.PAYMENT_GATEWAY_SECRET)


@cache
def _made(url: str, secret: str) -> RecordedGateway:
    return RecordedGateway(HttpGateway(url, secret, report=messages.answer_refused))
