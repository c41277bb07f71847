"""One trace in a collector's file shows the whole way of an order over the processes of the stack, and over Kafka.

The short sibling, without Kafka, is in tests/integration/eventshop/operations/test_tracing.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from eventshop.core.messages import new_id
from tests.support.kafka.plain_clients import open_consumer
from tests.support.otlp_receiver import collector
from tests.support.running_shop import Shop, running_shop
from tests.support.traces import connected_to, read_spans
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import run_receiver

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{PARENT}-01"
ORDER: dict[str, object] = {
    "lines": [{"sku": "TRACED", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
    "delivery": {"name": "Ada Marker", "address": "1 St\nYork"},
}
WAY = {
    *("POST api/v1/orders", "command CreateOrder", "append Order", "publish event-store", "project order-summary"),
    *("saga order-fulfilment", "command ReserveInventory", "effect TakePayment", "command ProcessPayment"),
    *("effect HandOverParcel", "command ShipOrder", "webhook OrderShipped"),
}


def post(shop: Shop, path: str, token: str, body: dict[str, object], **headers: str) -> dict[str, str]:
    named = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "traceparent": CALLER, **headers}
    named |= {"Idempotency-Key": f'"{new_id()}"'}
    request = Request(f"http://127.0.0.1:{shop.port}/api/v1/{path}", json.dumps(body).encode(), named)
    with urlopen(request) as response:
        answer: dict[str, str] = json.load(response)
        return answer


def traceparents_on_kafka(shop: Shop, order_id: str) -> list[str]:
    """The traceparent header of each record of an order."""
    consumer = open_consumer(
        shop.stack.kafka_bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=3_000, group_id=None
    )
    consumer.subscribe(["event-store"])
    records = [record for record in consumer if (record.key or b"").startswith(order_id.encode())]
    consumer.close()
    return [dict(record.headers).get("traceparent", b"").decode() for record in records]


def test_one_trace_has_every_step_from_the_request_to_the_webhook(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    with collector(file) as endpoint, run_receiver() as receiver:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "TRUST_TRACEPARENT": "on",
            "WEBHOOKS_TO_PRIVATE": "on",
            "PAYMENT_GATEWAY_PAGE_ORIGIN": "",  # no card page
        }
        with running_shop(settings=settings) as shop:
            token = shop.run_script("tests.support.kafka.traced_order", receiver.url)
            order_id = post(shop, "orders", token, ORDER)["aggregate_id"]
            post(shop, f"orders/{order_id}/payments", token, {"method": "card"}, **{"If-Match": "*"})
            wait_until(
                lambda: {span.name for span in connected_to(PARENT, read_spans(file))} >= WAY,
                seen=lambda: WAY - {span.name for span in connected_to(PARENT, read_spans(file))},
            )
            on_kafka = traceparents_on_kafka(shop, order_id)
    spans = read_spans(file)
    assert len(on_kafka) >= 4 and {parent.split("-")[1] for parent in on_kafka} == {TRACE}
    published = {span.span_id for span in spans if span.trace_id == TRACE}
    assert {parent.split("-")[2] for parent in on_kafka} <= published  # each record names a span that is there
    assert receiver.requests[0].headers["traceparent"].split("-")[1] == TRACE
    services = {json.loads(line)["resource"]["service.instance.id"] for line in file.read_text().splitlines()}
    assert len(services) >= 3  # web server, relay, worker
    assert "Ada" not in file.read_text() and "York" not in file.read_text()
