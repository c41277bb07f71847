"""The API's temporal queries: the state of an aggregate at any point, and its changes with their causes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.web.api import temporal_views
from orders.domain.commands import CreateOrder, ReceiveStock, RecordObservedPayment, ShipOrder, WriteOffStock
from orders.domain.stock_item import stock_item_id
from tests.integration.eventshop.web.api.test_openapi import DOCUMENT, answer_schema
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.earlier_event_versions import ORDER, ORDER_EVENTS, append_earlier_events
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

SALE, MUG = Sale(1), stock_item_id("mug")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def reader() -> ApiClient:
    return ApiClient(staff("reader", "view_storedevent"))


def ship_order() -> str:
    for command in (
        CreateOrder(SALE.order_id, "1", None, SALE.lines, delivery_name="Ada Marker"),
        RecordObservedPayment(SALE.order_id, SALE.total, "card"),
        ShipOrder(SALE.order_id, "Royal Mail"),
    ):
        command_dispatcher.send(command, envelope=Envelope(new_id(), actor=f"clerk {type(command).__name__}"))
    return f"streams/{SALE.order_id}"


def move_stock() -> str:
    """Ten pieces arrived at noon; three were lost at eleven, which was recorded later."""
    for command, occurred_at in (
        (ReceiveStock("mug", 10, "d"), NOON),
        (WriteOffStock("mug", 3, "lost", "c"), NOON - timedelta(hours=1)),
    ):
        command_dispatcher.send(command, envelope=Envelope(new_id(), actor="ada", occurred_at=occurred_at))
    return f"streams/{MUG}"


def validate_answer(path: str, answer: Any) -> Any:
    schema = answer_schema(f"streams/{{aggregate_id}}/{path}", "get", "200")
    body = answer.json()
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(body)
    return body


def test_an_aggregate_is_told_as_it_was_after_a_version() -> None:
    path, program = ship_order(), reader()
    then = validate_answer("state", program.get(f"{path}/state?at_version=2"))
    assert (then["aggregate_type"], then["version"], then["state"]["status"]) == ("Order", 2, "PAID")
    assert then["because"]["actor"] == "clerk RecordObservedPayment"
    assert (then["because"]["type"], then["because"]["command"]) == ("PaymentProcessed", "RecordObservedPayment")
    now = validate_answer("state", program.get(f"{path}/state"))
    assert (now["version"], now["state"]["status"]) == (3, "SHIPPED")
    nothing = validate_answer("state", program.get(f"{path}/state?at_version=0"))
    assert (nothing["version"], nothing["because"], nothing["state"]["status"]) == (0, None, "PENDING")


def test_it_is_told_as_of_a_moment_by_when_it_was_recorded_or_when_it_happened() -> None:
    path, program = move_stock(), reader()
    first = StoredEvent.objects.get(aggregate_id=MUG, version=1).recorded_at.isoformat().replace("+00:00", "Z")
    assert program.get(f"{path}/state?as_of={first}").json()["state"]["on_hand"] == 10
    assert program.get(f"{path}/state?as_of=2026-01-31T11:30:00Z").json()["version"] == 0
    happened = program.get(f"{path}/state?as_of=2026-01-31T11:30:00Z&time=happened").json()
    assert happened["state"]["written_off"] == 3 and happened["state"]["received"] == 0


def test_a_difference_says_who_changed_each_field_and_by_which_command() -> None:
    path, program = ship_order(), reader()
    diff = validate_answer("diff", program.get(f"{path}/diff?from_version=1&at_version=3"))
    assert (diff["from_version"], diff["to_version"]) == (1, 3)
    [status] = [change for change in diff["changes"] if change["field"] == "status"]
    assert (status["before"], status["after"]) == ("CREATED", "SHIPPED")
    assert [(cause["command"], cause["actor"], cause["version"]) for cause in status["by"]] == [
        ("RecordObservedPayment", "clerk RecordObservedPayment", 2),
        ("ShipOrder", "clerk ShipOrder", 3),
    ]
    assert program.get(f"{path}/diff?from_version=3").json()["changes"] == []
    assert program.get(f"{path}/diff").json()["from_version"] == 0


def test_a_difference_is_told_between_two_moments() -> None:
    path, program = move_stock(), reader()
    first = StoredEvent.objects.get(aggregate_id=MUG, version=1).recorded_at.isoformat().replace("+00:00", "Z")
    diff = program.get(f"{path}/diff?since={first}").json()
    assert (diff["from_version"], diff["to_version"]) == (1, 2)
    assert {change["field"]: (change["before"], change["after"]) for change in diff["changes"]} == {
        "on_hand": (10, 7),
        "written_off": (0, 3),
    }
    assert program.get(f"{path}/diff?since=2020-01-01T00:00:00Z&as_of={first}").json()["to_version"] == 1


def test_no_personal_value_is_shown() -> None:
    path, program = ship_order(), reader()
    for url in (f"{path}/state", f"{path}/diff"):
        assert b"Ada Marker" not in program.get(url).content


def test_events_of_earlier_shapes_are_folded_as_todays() -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    assert reader().get(f"streams/{ORDER}/state").json()["state"]["status"] == "DELIVERED"


def test_whoever_may_not_see_events_may_not_see_states() -> None:
    path = ship_order()
    for url in (f"{path}/state", f"{path}/diff"):
        assert problem_of(shopper(f"{new_id()}@example.org").get(url)) == (403, "not-allowed")
        scoped = ApiClient(staff("reader", "view_storedevent"), scopes=["orders:read"])
        assert problem_of(scoped.get(url)) == (403, "out-of-scope")


@pytest.mark.parametrize(
    "query",
    [
        "state?at_version=x",
        "state?at_version=1&as_of=2026-01-31T11:30:00Z",
        "state?as_of=yesterday",
        "state?as_of=0001-01-01T00:00:00%2B10:00",
        "state?as_of=2026-01-31T11:30:00Z&time=later",
        "state?time=happened",
        "state?from_version=1",
        "diff?from_version=2&at_version=1",
        "diff?from_version=1&since=2026-01-31T11:30:00Z",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(query: str) -> None:
    assert problem_of(reader().get(f"{move_stock()}/{query}")) == (400, "invalid-parameter")


def test_an_unknown_stream_is_not_found_and_a_long_one_not_folded() -> None:
    assert problem_of(reader().get(f"streams/{new_id()}/state")) == (404, "not-found")
    received = ("StockReceived", 1, '{"sku":"mug","quantity":1,"reference":"d"}')
    append_earlier_events(MUG, "StockItem", *[received] * (temporal_views.MAX_EVENTS + 1))
    for resource in ("state", "diff"):
        assert problem_of(reader().get(f"streams/{MUG}/{resource}")) == (422, "stream-too-long")
