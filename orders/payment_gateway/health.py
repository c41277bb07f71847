"""The health checks of the payment gateway, for `/readyz`."""

from __future__ import annotations

from django.conf import settings

from eventshop.operations.health_checks import ComponentHealth, check_service
from eventshop.runtime.counted_cache import get_recent
from orders.payment_gateway.factory import payment_gateway


def check_payments() -> ComponentHealth:
    """Whether the gateway accepts connections; healthy if none is configured."""
    return check_service("payments", settings.PAYMENT_GATEWAY_URL, what="payment gateway")


def check_gateway_key() -> ComponentHealth:
    """Whether the gateway takes our key, which may have expired; asked with a payment that does not exist."""
    if not settings.PAYMENT_GATEWAY_URL or not check_payments().ok:
        return ComponentHealth("gateway key", True, "no payment gateway answers")
    refusal = get_recent("gateway-key", settings.PAYMENT_GATEWAY_URL, _key_refusal)
    return ComponentHealth("gateway key", not refusal, refusal or "not refused")


def _key_refusal() -> str:
    found = payment_gateway().gateway.key_refusal()
    return f"the gateway refuses PAYMENT_GATEWAY_SECRET with status {found}: renew it" if found else ""
