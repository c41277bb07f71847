"""The health of certificates: those that the servers around us show, and our own files.

Nothing is verified here but the time: whoever connects verifies the rest. PostgreSQL is not asked for its certificate.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from eventshop.operations.health_checks import TIMEOUT_S, ComponentHealth
from eventshop.privacy.certificates import certificate_end
from eventshop.runtime.counted_cache import get_or_compute
from eventshop.runtime.database_clock import database_now

#: So long before its end a certificate is reported.
WARN_BEFORE: Final = timedelta(days=14)
#: How long what the servers have shown is kept, in seconds.
KEPT_S: Final = 20.0
_DEFAULT_PORTS: Final = {"https": 443, "rediss": 6379}


def check_certificates() -> ComponentHealth:
    """Whether a certificate has expired, which fails, or will within `WARN_BEFORE`."""
    ends = get_or_compute("certificates", "ends", lambda: dict(_measure_ends()), KEPT_S)
    now = database_now()
    expired = [f"{name} has expired on {end:%Y-%m-%d}" for name, end in ends.items() if end <= now]
    ending = [f"{name} expires on {end:%Y-%m-%d}" for name, end in ends.items() if now < end <= now + WARN_BEFORE]
    detail = "; ".join([*expired, *ending]) or f"{len(ends)} are valid"
    return ComponentHealth("certificates", not (expired or ending), detail, bool(expired))


def _measure_ends() -> Iterator[tuple[str, datetime]]:
    """The end of each certificate that can be read. A server that does not answer is a part of health of its own."""
    for name, host, port in _tls_servers():
        try:
            yield f"{name} ({host}:{port})", certificate_end(_read_certificate(host, port))
        except (OSError, ValueError):
            continue
    for name, file in _certificate_files():
        try:
            yield f"{name} ({file})", certificate_end(Path(file).read_bytes())
        except (OSError, ValueError):
            continue


def _tls_servers() -> Iterator[tuple[str, str, int]]:
    if settings.KAFKA_OPTIONS.get("security_protocol", "").endswith("SSL"):
        for broker in settings.KAFKA_OPTIONS["bootstrap_servers"]:
            host, _, port = broker.rpartition(":")
            yield "Kafka", host, int(port)
    urls = {
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "CACHE_URL": str(settings.CACHES["default"].get("LOCATION", "")),
        "PAYMENT_GATEWAY_URL": settings.PAYMENT_GATEWAY_URL,
        "SITE_URL": settings.SITE_URL,
    }
    for name, text in urls.items():
        url = urlsplit(text)
        if url.hostname and (default := _DEFAULT_PORTS.get(url.scheme)):
            yield name, url.hostname, url.port or default


def _certificate_files() -> Iterator[tuple[str, str]]:
    if file := settings.KAFKA_OPTIONS.get("ssl_certfile"):
        yield "ssl_certfile of EVENT_LOG_URL", file
    for alias, database in settings.DATABASES.items():
        if file := database.get("OPTIONS", {}).get("sslcert"):
            yield f"sslcert of the {alias} database", file


def _read_certificate(host: str, port: int) -> bytes:
    """The certificate that a server shows, valid or not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""
