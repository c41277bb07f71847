"""Builds the payment gateway that the settings name."""

from __future__ import annotations

from django.conf import settings

from eventshop.runtime.build_once import BuildOnce
from orders.payment_gateway import message_log
from orders.payment_gateway.client import HttpGateway
from orders.payment_gateway.errors import GatewayNotConfigured
from orders.payment_gateway.payment_ledger import RecordedGateway


def payment_gateway() -> RecordedGateway:
    """The process's gateway, built on first use. Raises `GatewayNotConfigured`."""
    if not settings.PAYMENT_GATEWAY_URL:
        raise GatewayNotConfigured()
    return _build_gateway(settings.PAYMENT_GATEWAY_URL, settings.PAYMENT_GATEWAY_SECRET)


def recalled_payment_gateway() -> RecordedGateway:
    """The same, for payments whose records here may be lost: it looks up each before it sends it."""
    return RecordedGateway(payment_gateway().gateway, lost_records=True)


@BuildOnce
def _build_gateway(url: str, secret: str) -> RecordedGateway:
    gateway = HttpGateway(
        url, secret, report=message_log.log_refused_response, response_s=settings.PAYMENT_GATEWAY_TIMEOUT_S
    )
    return RecordedGateway(gateway)
