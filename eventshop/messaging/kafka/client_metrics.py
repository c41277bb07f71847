"""kafka-python's own figures as metrics: of all producers and consumers of this process together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: The groups that describe a whole client: those of each topic and broker would be labels without a bound.
GROUPS: Final = {
    "producer-metrics": "producer",
    "consumer-metrics": "consumer",
    "consumer-fetch-manager-metrics": "consumer",
}
#: Endings of figures that are added; of all others (latencies, sizes, ages) the highest counts.
ADDED: Final = ("-rate", "-count")


class KafkaClientCollector(Collector):
    """Asks the clients when Prometheus asks. A client that nobody uses any more is forgotten."""

    def __init__(self) -> None:
        self._clients: WeakSet[Any] = WeakSet()
        self._lock = Lock()

    def watch(self, client: Any) -> None:
        with self._lock:
            self._clients.add(client)

    def describe(self) -> Iterable[Metric]:
        return []  # nothing is asked when the collector is registered

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            clients = list(self._clients)
        found: dict[tuple[str, str], list[float]] = {}
        for client in clients:
            for group, figures in (client.metrics() or {}).items():
                for name, value in figures.items() if group in GROUPS else ():
                    if isfinite(value):  # a figure without samples is not a number
                        found.setdefault((GROUPS[group], name), []).append(value)
        family = GaugeMetricFamily(
            "eventshop_kafka_client", "kafka-python's own figures, by its names.", labels=["client", "figure"]
        )
        for (client_kind, name), values in sorted(found.items()):
            combine: Callable[[Iterable[float]], float] = sum if name.endswith(ADDED) else max
            family.add_metric([client_kind, name], combine(values))
        yield family


collector: Final = KafkaClientCollector()
REGISTRY.register(collector)
