"""The page `/metrics` of the web server: for Prometheus with its token, or without a token for this machine only."""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from eventshop.operations.metrics.table_collector import TableCollector
from eventshop.runtime.metric_buffer import flush_buffers

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
#: A proxy on this machine sends one of them for a client that may be anywhere.
FORWARDING_HEADERS: Final = ("X-Forwarded-For", "X-Real-IP", "Forwarded")


@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of all processes of this web server, and those of the whole system."""
    if not _may_read(request):
        response = HttpResponse("metrics need METRICS_TOKEN, or a request from this machine\n", "text/plain", 403)
        if settings.METRICS_TOKEN:
            response.status_code = 401
            response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(_render(), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    is_forwarded = any(name in request.headers for name in FORWARDING_HEADERS)
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not is_forwarded


def _render() -> bytes:
    """Several processes of gunicorn share a folder of counts; a single process has its own."""
    tables = CollectorRegistry()
    tables.register(TableCollector())
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY) + generate_latest(tables)
    flush_buffers()
    counted = CollectorRegistry()
    MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(tables)
