"""One trace shows the whole way of an order, over all processes; without tracing its id goes the same way in events."""

from __future__ import annotations

import json
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from eventshop.core.errors import CommandRefused
from eventshop.core.messages import Envelope, new_id
from eventshop.core.request_context import RequestContext, use_request_context
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import Checkpoint
from eventshop.runtime import tracing
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from orders.domain.commands import CancelOrder, ReceiveStock
from orders.models import Product
from tests.support.api_clients import shopper, staff, token_of
from tests.support.celery_workers import Celery
from tests.support.gateway_process import SECRET, running_gateway
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import event_types_of, place_order, receive_stock, run_sagas_until_idle
from tests.support.traces import Span, connected_to, read_spans
from tests.support.web_server import gunicorn
from tests.support.webhook_receiver import run_receiver

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{PARENT}-01"
ORDER = {
    "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
    "delivery": {"name": "Ada Marker", "address": "1 St\nYork"},
}


@pytest.fixture
def celery(tmp_path: Path, database_url: str) -> Celery:
    return Celery(tmp_path, database_url)


def traces_of(order_id: UUID) -> set[str]:
    """The trace ids that the events of an order carry."""
    rows = StoredEvent.objects.filter(aggregate_id=order_id).values_list("metadata", flat=True)
    return {json.loads(text).get("traceparent", "--").split("-")[1] for text in rows}


def test_what_sagas_cause_belongs_to_the_trace_of_its_cause_also_while_tracing_is_off(clean_database: None) -> None:
    receive_stock("mug", 5)
    with use_request_context(RequestContext({"traceparent": CALLER})):
        order_id = place_order(("mug", 1))
    run_sagas_until_idle(InMemoryGateway())
    assert event_types_of(order_id)[-1] == "OrderShipped"
    assert traces_of(order_id) == {TRACE}
    assert (
        json.loads(StoredEvent.objects.filter(event_type="InventoryDispatched").get().metadata)["traceparent"] == CALLER
    )


def test_one_trace_shows_the_way_of_an_order_from_the_request_to_the_parcel(
    celery: Celery, database_url: str, tmp_path: Path
) -> None:
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    receive_stock("MUG", 5)
    spans_file = tmp_path / "spans"
    token = token_of(shopper().login)
    with running_gateway(tmp_path) as gateway, run_receiver() as receiver:
        WebhookEndpoint.objects.create(
            owner=staff("hooked", "view_storedevent"), url=receiver.url, types="OrderShipped", cursor=head()
        )
        environment = {
            **celery.environment,
            "TRACES_FILE": str(spans_file),
            "TRUST_TRACEPARENT": "on",
            "WEBHOOKS_TO_PRIVATE": "on",
            "PAYMENT_GATEWAY_URL": gateway.url,
            "PAYMENT_GATEWAY_SECRET": SECRET,
            "PAYMENT_GATEWAY_PAGE_ORIGIN": "",  # no card page
            "PAYMENT_DEADLINE_S": "1800",
        }
        celery.environment = environment
        with (
            gunicorn(database_url, tmp_path, env=environment) as server,
            celery.worker("all", "one", "filesystem://", "--sagas") as worker,
        ):
            order_id = UUID(post(f"{server.address}/api/v1/orders", token, ORDER)["aggregate_id"])
            post(f"{server.address}/api/v1/orders/{order_id}/payments", token, {"method": "card"}, if_match="*")
            worker.wait_until(lambda: "OrderShipped" in event_types_of(order_id))
            worker.wait_until(WebhookDelivery.objects.filter(state=WebhookDelivery.State.DELIVERED).exists)
            worker.wait_until(lambda: Checkpoint.objects.filter(projection="order-summary", position=head()).exists())
            worker.stop()
    spans = read_spans(spans_file)
    reached = connected_to(PARENT, spans)
    names = {span.name for span in reached}
    assert {
        *("POST api/v1/orders", "command CreateOrder", "append Order", "project order-summary"),
        *("saga order-fulfilment", "command ReserveInventory", "effect TakePayment", "command ProcessPayment"),
        *("effect HandOverParcel", "command ShipOrder", "webhook OrderShipped"),
    } <= names, names
    ours = [span for span in spans if span.trace_id == TRACE]
    assert [span for span in ours if span not in reached] == []
    assert traces_of(order_id) == {TRACE}
    # The receiver can go on with the trace, and no span says what the customer wrote.
    assert receiver.requests[0].headers["traceparent"].split("-")[1] == TRACE
    assert "Ada" not in spans_file.read_text() and "York" not in spans_file.read_text()


@pytest.fixture
def spans(tmp_path: Path) -> Any:
    """Switches tracing on in this process, and reads its spans."""
    from eventshop.runtime.trace_export import start_tracing

    start_tracing(service="tests", endpoint="", file=str(tmp_path / "spans"))
    yield lambda: read_spans(tmp_path / "spans")
    tracing.use_tracer(None)


def test_commands_of_a_batch_are_children_of_their_causes_and_joined_by_links(clean_database: None, spans: Any) -> None:
    causes = [f"00-{TRACE}-{number:016x}-01" for number in (1, 2)]
    pairs = [
        (ReceiveStock("mug", number, "r"), Envelope(new_id(), metadata={"traceparent": cause}))
        for number, cause in enumerate(causes, 1)
    ]
    send_many(pairs)
    by_name: dict[str, list[Span]] = {}
    for span in spans():
        by_name.setdefault(span.name, []).append(span)
    commands = by_name["command ReceiveStock"]
    assert {span.parent_id for span in commands} == {f"{1:016x}", f"{2:016x}"}
    [append] = by_name["append"]
    assert set(append.links) == {span.span_id for span in commands} and append.trace_id != TRACE


def test_a_span_of_a_refused_command_names_the_error_and_not_its_words(clean_database: None, spans: Any) -> None:
    with pytest.raises(CommandRefused):
        send(CancelOrder(new_id(), "planted words"))
    [span] = spans()
    assert span.status["status_code"] == "ERROR" and "planted" not in json.dumps(span)


def test_a_stranger_does_not_choose_the_trace(clean_database: None, spans: Any) -> None:
    shopper().get("orders", traceparent=CALLER)
    [span] = [span for span in spans() if span.name.startswith("GET")]
    assert span.trace_id != TRACE and span.links == (PARENT,)


def head() -> int:
    return StoredEvent.objects.latest("position").position


def post(url: str, token: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Send a command to the API, as a caller who has a trace."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "traceparent": CALLER}
    named |= {"Idempotency-Key": f'"{new_id()}"'}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), named)) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
