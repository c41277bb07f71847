"""The event API: one stream, current or as of a time, and the feed of all events, each exactly once."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread

import pytest
from django.db import connections

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.web.shared import read_your_writes
from orders.domain.commands import CreateOrder, ReceiveStock, RecordObservedPayment
from orders.domain.stock_item import stock_item_id
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, join_threads

pytestmark = pytest.mark.usefixtures("clean_database")

SALE = Sale(1)


def reader(*more: str) -> ApiClient:
    return ApiClient(staff("reader", "view_storedevent", *more))


def create_order(owner: ApiClient) -> str:
    command_dispatcher.send(CreateOrder(SALE.order_id, "1", owner.person, SALE.lines, delivery_name="Ada Marker"))
    command_dispatcher.send(RecordObservedPayment(SALE.order_id, SALE.total, "card"))
    return f"orders/{SALE.order_id}/events"


def test_a_stream_is_read_page_by_page_from_any_version() -> None:
    path = create_order(shopper())
    program = reader("view_ordersummary")
    first = program.get(f"{path}?limit=1").json()
    assert [event["type"] for event in first["results"]] == ["OrderCreated"]
    second = program.get(first["next"].partition("/api/v1/")[2]).json()
    assert [(event["type"], event["version"]) for event in second["results"]] == [("PaymentProcessed", 2)]
    assert second["next"] is None
    assert second["results"][0]["data"]["amount"] == {"amount": "22.590", "currency": "GBP"}
    assert program.get(f"streams/{SALE.order_id}/events?after_version=2").json()["results"] == []


def test_a_stream_is_read_as_it_was() -> None:
    path, program = create_order(shopper()), reader("view_ordersummary")
    between = StoredEvent.objects.get(event_type="OrderCreated").recorded_at.isoformat().replace("+00:00", "Z")
    assert [event["version"] for event in program.get(f"{path}?as_of={between}").json()["results"]] == [1]
    assert program.get(f"{path}?as_of=2020-01-01T00:00:00Z").json()["results"] == []
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    assert problem_of(program.get(f"{path}?as_of={now}")) == (400, "invalid-parameter")


def test_the_customer_reads_their_own_events_in_clear_and_staff_masked() -> None:
    owner, other = shopper(), shopper("bob@example.org")
    path = create_order(owner)
    assert owner.get(path).json()["results"][0]["data"]["delivery_name"] == "Ada Marker"
    masked = reader("view_ordersummary").get(path).json()["results"][0]["data"]
    assert (masked["delivery_name"], masked["reference"]) == (None, "1")
    assert problem_of(other.get(path)) == (404, "not-found")
    assert problem_of(ApiClient(staff("looker", "view_ordersummary")).get(path)) == (403, "not-allowed")
    stream = f"streams/{SALE.order_id}/events"
    assert problem_of(owner.get(stream)) == (403, "not-allowed")
    assert problem_of(reader().get(f"streams/{new_id()}/events")) == (404, "not-found")
    scoped = ApiClient(owner.login, scopes=["orders:read"])
    assert problem_of(scoped.get(path)) == (403, "out-of-scope")
    assert b"Ada Marker" not in reader().get("events").content
    assert {event["aggregate_type"] for event in owner.get("events").json()["results"]} == {"User"}  # her own


def test_the_feed_gives_each_event_once_and_goes_on_where_it_stopped() -> None:
    for number in range(25):
        command_dispatcher.send(ReceiveStock(sku=f"S{number}", quantity=1, reference="D"))
    program, cursor, positions = reader(), 0, list[int]()
    while True:
        page = program.get(f"events?after={cursor}&limit=10").json()
        positions += [event["position"] for event in page["results"]]
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert positions == sorted(set(positions)) and len(positions) == 25
    command_dispatcher.send(ReceiveStock(sku="S0", quantity=1, reference="E"))
    assert [event["data"]["reference"] for event in program.get(f"events?after={cursor}").json()["results"]] == ["E"]


def test_the_feed_is_narrowed_and_its_cursor_moves_all_the_same() -> None:
    create_order(shopper())
    page = reader().get("events?types=OrderCreated&aggregate_type=Order").json()
    assert [event["type"] for event in page["results"]] == ["OrderCreated"]
    assert page["cursor"] == StoredEvent.objects.order_by("-position").values_list("position", flat=True)[0]


@pytest.fixture
def endless_wait(monkeypatch: pytest.MonkeyPatch) -> str:
    """A preference to wait longer than any test lasts: only an event can end the request in time."""
    monkeypatch.setattr(read_your_writes, "MAX_WAIT_S", 2 * DEADLINE_S)
    return f"wait={2 * DEADLINE_S:.0f}"


def test_who_is_ready_to_wait_is_answered_when_something_happens(endless_wait: str) -> None:
    program = reader()

    def soon() -> None:
        command_dispatcher.send(ReceiveStock(sku="S", quantity=1, reference="D"))
        connections.close_all()

    sender = Thread(target=soon)
    sender.start()
    answer = program.get("events", prefer=endless_wait).json()
    join_threads(sender)
    assert len(answer["results"]) == 1
    assert program.get(f"events?after={answer['cursor']}").json()["results"] == []


def test_the_next_event_of_one_stream_is_waited_for(endless_wait: str) -> None:
    program, stock = reader(), stock_item_id("S")
    command_dispatcher.send(ReceiveStock(sku="S", quantity=1, reference="D-1"))

    def soon() -> None:
        command_dispatcher.send(ReceiveStock(sku="T", quantity=1, reference="D-2"))  # another stream's is none
        command_dispatcher.send(ReceiveStock(sku="S", quantity=2, reference="D-3"))
        connections.close_all()

    sender = Thread(target=soon)
    sender.start()
    [event] = program.get(f"streams/{stock}/events?after_version=1", prefer=endless_wait).json()["results"]
    join_threads(sender)
    assert (event["version"], event["data"]["quantity"]) == (2, 2)
    assert program.get(f"streams/{stock}/events?after_version=2").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "limit=0", "types=OrderMade", "colour=red", "after=" + "9" * 30]
)
def test_a_feed_parameter_that_makes_no_sense_is_named(query: str) -> None:
    answer = reader().get(f"events?{query}")
    assert problem_of(answer) == (400, "invalid-parameter")
    assert [error["parameter"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


def test_what_a_feed_offers_is_never_told_as_events() -> None:
    program = reader()
    assert program.send("options", "events").status_code == 200
    for path, accept in (("events?format=event-stream", "*/*"), ("events", "text/event-stream")):
        answer = program.send("options", path, accept=accept)
        assert answer.status_code in (404, 406) and answer.headers["Content-Type"] == "application/problem+json"
