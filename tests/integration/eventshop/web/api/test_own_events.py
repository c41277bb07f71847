"""Customers follow their own events: as a feed, as server-sent events and by webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from standardwebhooks import Webhook

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.webhooks.views import MAX_OWN_WEBHOOKS
from eventshop.web.webhooks.worker import send_webhooks
from orders.domain.commands import CancelOrder, CreateOrder
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.sales import ADA, Sale
from tests.support.staff import update_read_models
from tests.support.webhook_receiver import Receiver, run_receiver

pytestmark = pytest.mark.usefixtures("clean_database")
OTHERS = derive_id("test", "another order")


@pytest.fixture
def hook_receiver() -> Iterator[Receiver]:
    with run_receiver() as server, override_settings(WEBHOOKS_TO_PRIVATE=True):
        yield server


def place_orders(mine: ApiClient, other: ApiClient) -> None:
    for order_id, program in ((OTHERS, other), (ADA, mine)):
        command_dispatcher.send(
            CreateOrder(order_id, str(order_id)[:4], program.person, Sale(1).lines, delivery_name="Ada Marker")
        )


def orders_in(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["aggregate_id"]) for event in results if event["aggregate_type"] == "Order"]


def test_a_customer_follows_their_own_events_and_misses_none_that_a_read_model_learns_later() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    start = mine.get("events").json()
    assert {event["aggregate_id"] for event in start["results"]} == {str(mine.person)}
    assert start["results"][0]["data"]["email"] == "ada@example.org"
    place_orders(mine, other)
    early = mine.get(f"events?after={start['cursor']}").json()  # nobody knows yet whose the new orders are
    assert early["results"] == []
    update_read_models()
    page = mine.get(early["next"].partition("/api/v1/")[2]).json()
    assert orders_in(page["results"]) == [("OrderCreated", str(ADA))]
    assert page["results"][-1]["data"]["delivery_name"] == "Ada Marker"
    command_dispatcher.send(CancelOrder(OTHERS, "no"))
    command_dispatcher.send(CancelOrder(ADA, "no"))
    later = mine.get(f"events?after={page['cursor']}")
    assert orders_in(later.json()["results"]) == [("OrderCancelled", str(ADA))]
    assert later.headers["Link"] == f'<{later.json()["next"]}>; rel="next"'
    assert problem_of(ApiClient(staff("nobody")).get("events")) == (403, "not-allowed")


def test_a_cursor_beyond_the_end_is_an_error() -> None:
    mine, auditor = shopper(), ApiClient(staff("auditor", "view_storedevent"))
    end = newest_position()
    for program in (mine, auditor):
        assert program.get(f"events?after={end}").json()["results"] == []
        assert problem_of(program.get(f"events?after={end + 1}")) == (400, "cursor-beyond-end")
        streamed = program.get("events", accept="text/event-stream", last_event_id=str(end + 1))
        assert problem_of(streamed) == (400, "cursor-beyond-end")
        assert problem_of(program.get("events", last_event_id="x")) == (400, "invalid-header")


def test_events_are_sent_to_who_accepts_an_event_stream() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    place_orders(mine, other)
    update_read_models()
    answer = mine.get("events?types=OrderCreated,OrderCancelled", accept="text/event-stream")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    # Without gunicorn's socket the response ends with what there is.
    fields = dict(line.split(": ", 1) for line in b"".join(answer).decode().splitlines() if line)
    assert fields["event"] == "OrderCreated" and json.loads(fields["data"])["aggregate_id"] == str(ADA)
    again = mine.get("events", accept="text/event-stream", last_event_id=fields["id"])
    assert b"OrderCreated" not in b"".join(again)


def test_a_customer_has_webhooks_for_their_own_events(hook_receiver: Receiver) -> None:
    mine, other = shopper(), shopper("bob@example.org")
    created = mine.post("webhooks", {"url": hook_receiver.url, "types": ["OrderCreated"]})
    assert created.status_code == 201, created.content
    path = f"webhooks/{created.json()['id']}"
    assert problem_of(other.get(path)) == (404, "not-found") and other.get("webhooks").json()["results"] == []
    place_orders(mine, other)
    send_webhooks()
    assert hook_receiver.requests == []  # nobody knows yet whose they are
    update_read_models()
    send_webhooks()
    [request] = hook_receiver.requests
    event = Webhook(created.json()["secret"]).verify(request.body, request.headers)["data"]
    assert (event["aggregate_id"], event["data"]["delivery_name"]) == (str(ADA), None)
    assert (
        mine.send("put", path, {"url": hook_receiver.url, "types": [], "active": True}, if_match='"1"').status_code
        == 200
    )


def test_a_test_event_is_signed_and_listed(hook_receiver: Receiver) -> None:
    mine, other = shopper(), shopper("bob@example.org")
    created = mine.post("webhooks", {"url": hook_receiver.url, "types": ["OrderCreated"]}).json()
    path = f"webhooks/{created['id']}"
    assert problem_of(other.post(f"{path}/test", {})) == (404, "not-found")
    for _ in range(2):
        assert mine.post(f"{path}/test", {}).status_code == 202
    send_webhooks()
    messages = [Webhook(created["secret"]).verify(one.body, one.headers) for one in hook_receiver.requests]
    assert [message["type"] for message in messages] == ["TestEvent"] * 2
    assert {row["state"] for row in mine.get(f"{path}/deliveries").json()["results"]} == {"delivered"}


def test_a_customer_has_a_limited_number_of_webhooks() -> None:
    mine = shopper()
    with override_settings(WEBHOOKS_TO_PRIVATE=True):
        for number in range(MAX_OWN_WEBHOOKS):
            assert mine.post("webhooks", {"url": f"https://127.0.0.1/{number}"}).status_code == 201
        assert problem_of(mine.post("webhooks", {"url": "https://127.0.0.1/x"})) == (409, "too-many-webhooks")
