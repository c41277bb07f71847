"""Serves the metrics of this process on a port: for workers, relay and publisher, which have no web server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Lock

from django.conf import settings
from django.db import connections
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

_lock = Lock()
_is_serving = False


class DatabasePoolCollector(Collector):
    """The pool of database connections of this process, asked when Prometheus asks."""

    def collect(self) -> Iterator[Metric]:
        size = GaugeMetricFamily(
            "eventshop_database_pool_connections", "Connections of the pool.", labels=["database", "state"]
        )
        waiting = GaugeMetricFamily(
            "eventshop_database_pool_waiting_threads", "Threads that wait for a connection.", labels=["database"]
        )
        for alias, config in connections.settings.items():
            if config.get("OPTIONS", {}).get("pool"):
                stats = connections[alias].pool.get_stats()  # type: ignore[attr-defined]  # of the PostgreSQL backend
                idle = stats.get("pool_available", 0)
                size.add_metric([alias, "idle"], idle)
                size.add_metric([alias, "busy"], stats.get("pool_size", 0) - idle)
                waiting.add_metric([alias], stats.get("requests_waiting", 0))
        yield size
        yield waiting


def serve_metrics() -> None:
    """Serve metrics once in this process, on the first free port of METRICS_PORT; a process without one goes on."""
    global _is_serving
    with _lock:
        if _is_serving or not settings.METRICS_PORT:
            return
        for port in settings.METRICS_PORT:
            try:
                start_http_server(port, settings.METRICS_ADDRESS)
            except OSError:
                continue
            REGISTRY.register(DatabasePoolCollector())
            log.info("serving metrics on port %s", port)
            _is_serving = True
            return
    log.warning("no port of METRICS_PORT is free: the metrics of this process are not served")
