"""The health check of the payment gateway, for `/readyz`."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from eventshop.operations.health_checks import ComponentHealth, check_connection


def check_payments() -> ComponentHealth:
    """Whether the gateway accepts connections; healthy if none is configured."""
    url = urlsplit(settings.PAYMENT_GATEWAY_URL)
    if not url.hostname:
        return ComponentHealth("payments", True, "no payment gateway is configured")
    port = url.port or (443 if url.scheme == "https" else 80)
    return check_connection("payments", [f"{url.hostname}:{port}"])
