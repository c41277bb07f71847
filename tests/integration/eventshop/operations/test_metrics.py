"""What Prometheus gets: every metric is documented, labels are bounded, and few statements are asked for them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from typing import Any, Final

import pytest
from django.test import Client
from prometheus_client import REGISTRY, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from eventshop.eventstore.command_dispatcher import send_many
from eventshop.operations.models import PeriodicWork
from eventshop.runtime import metrics
from eventshop.runtime.metric_buffer import MetricBuffer, observe_together
from tests.conftest import BASE_DIR
from tests.support.order_fulfilment import receive_stock
from tests.support.staff import capture_queries
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

#: The statements of one answer of `/metrics`, whatever the number of events, projections and sagas.
MAX_STATEMENTS: Final = 60


def families(client: Client) -> dict[str, Any]:
    text = client.get("/metrics").content.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_metric_is_in_the_document_with_its_labels_and_no_other(client: Client) -> None:
    document = (BASE_DIR / "docs" / "metrics.md").read_text()
    listed = dict(re.findall(r"^\| `(eventshop_\w+)` \| (\w+) \|", document, re.MULTILINE))
    counted = {metric._name: metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)}
    read = {name for name in families(client) if name.startswith("eventshop_")} - counted.keys()
    pool = {"eventshop_database_pool_connections", "eventshop_database_pool_waiting_threads"}
    kafka = {"eventshop_kafka_client"}
    full_names = {name + "_total" if metric._type == "counter" else name for name, metric in counted.items()}
    assert set(listed) == full_names | read | pool | kafka
    for name, metric in counted.items():
        full = name + "_total" if metric._type == "counter" else name
        assert listed[full] == metric._type
        assert {f"`{label}`" for label in metric._labelnames} <= set(re.findall(r"`\w+`", line_of(document, full)))


def line_of(document: str, name: str) -> str:
    return next(line for line in document.splitlines() if line.startswith(f"| `{name}` |"))


def test_a_command_is_counted_by_type_and_outcome() -> None:
    before = value("eventshop_commands_total", command="ReceiveStock", outcome="accepted")
    seconds = value("eventshop_command_duration_seconds_count")
    receive_stock("mug", 1)
    receive_stock("jug", 1)
    assert value("eventshop_commands_total", command="ReceiveStock", outcome="accepted") == before + 2
    assert value("eventshop_command_duration_seconds_count") == seconds + 2
    assert send_many([]) == []


def test_requests_are_counted_by_route_and_strangers_invent_no_labels(client: Client) -> None:
    found = {"method": "GET", "route": "healthz", "status": "200"}
    lost = {"method": "other", "route": "", "status": "404"}
    before = value("eventshop_http_requests_total", **found), value("eventshop_http_requests_total", **lost)
    client.get("/healthz")
    client.generic("BREW", "/nowhere/4711")
    after = value("eventshop_http_requests_total", **found), value("eventshop_http_requests_total", **lost)
    assert after == (before[0] + 1, before[1] + 1)


def test_a_scrape_measures_the_whole_system_with_few_statements(client: Client) -> None:
    PeriodicWork.objects.create(name="verify", due_at="2030-01-01T00:00Z", failed=True)
    receive_stock("mug", 1)
    found: dict[str, Any] = {}
    queries = capture_queries(lambda: found.update(families(client)))
    assert len(queries) <= MAX_STATEMENTS, len(queries)
    assert sum("ops_partitiontally" in sql for sql in queries) == 1  # the projections are measured once
    states = {sample.labels["part"]: sample.value for sample in found["eventshop_part_state"].samples}
    assert (states["database"], states["projections"], states["periodic jobs"]) == (0, 2, 1)
    failed = {sample.labels["job"]: sample.value for sample in found["eventshop_periodic_job_failed"].samples}
    assert failed == {"verify": 1}
    assert found["eventshop_store_position"].samples[0].value >= 1


@pytest.mark.parametrize(
    ("token", "request_headers", "status"),
    [
        ("", {}, 200),
        ("", {"REMOTE_ADDR": "192.0.2.1"}, 403),
        ("", {"HTTP_X_FORWARDED_FOR": "192.0.2.1"}, 403),
        ("secret", {}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer wrong"}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer secret", "REMOTE_ADDR": "192.0.2.1"}, 200),
    ],
)
def test_metrics_are_for_this_machine_or_for_who_has_the_token(
    client: Client, settings: Any, token: str, request_headers: dict[str, Any], status: int
) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", **request_headers).status_code == status


def test_durations_that_are_observed_together_are_counted_as_one_by_one() -> None:
    values = [0.0, 0.001, 0.0011, 0.3, 9.99, 10.0, 11.0]
    alone, together = (
        Histogram(f"seconds_{name}", "-", buckets=(0.001, 0.5, 10.0), registry=None) for name in ("alone", "together")
    )
    for each in values:
        alone.observe(each)
    observe_together(together, values)
    one, other = (
        [
            (sample.name.split("_")[-1], sample.labels, sample.value)
            for family in histogram.collect()
            for sample in family.samples
        ]
        for histogram in (alone, together)
    )
    assert one == other and ("count", {}, len(values)) in one


def test_a_buffer_counts_without_a_scrape_and_in_a_forked_process() -> None:
    counted: list[int] = []
    buffer = MetricBuffer[int](counted.extend)
    buffer.add(1)
    wait_until(lambda: counted == [1])
    reader, writer = os.pipe()
    if not (child := os.fork()):
        buffer._count = lambda items: os.write(writer, bytes(items))  # type: ignore[assignment]
        buffer.add(7)
        time.sleep(60)
    assert os.read(reader, 1) == b"\x07"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_buffer_goes_on_after_an_error() -> None:
    counted: list[int] = []

    def count(items: Sequence[int]) -> None:
        if 1 in items:
            raise OSError("no space")
        counted.extend(items)

    buffer = MetricBuffer(count)
    buffer.add(1)
    wait_until(lambda: not buffer._items)
    buffer.add(2)
    wait_until(lambda: counted == [2])
