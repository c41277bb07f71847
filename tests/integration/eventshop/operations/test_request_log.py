"""Request ids are returned to the client, stored with the events, and logged."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from pytest_django import Settings

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.unit_of_work import relax_commit
from eventshop.operations.models import WebRequest
from eventshop.operations.request_log import parse_traceparent, request_log_middleware
from orders.domain.commands import WriteOffStock
from tests.support.database import count_round_trips
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, order_url, record_sales

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def ship_order(client: Client, **headers: str) -> tuple[UUID, StoredEvent]:
    record_sales(sale)
    form = {"carrier": "post", "tracking": "", "command_id": str(new_id())}
    answer = client.post(order_url(sale, "ship"), form, headers=headers)
    return UUID(answer["X-Request-ID"]), StoredEvent.objects.latest("position")


def metadata_of(event: StoredEvent) -> dict[str, str]:
    found: dict[str, str] = json.loads(event.metadata)
    return found


def test_every_answer_names_its_request(client: Client) -> None:
    ids = {client.get(path)["X-Request-ID"] for path in ("/healthz", "/healthz", "/nowhere", "/admin/login/")}
    assert len({UUID(text) for text in ids}) == 4


@pytest.mark.parametrize(
    ("status", "own", "expected"), [(503, "", "5"), (429, "", "5"), (503, "60", "60"), (500, "", "")]
)
def test_whoever_is_put_off_learns_for_how_long(status: int, own: str, expected: str) -> None:
    response = HttpResponse(status=status, headers={"Retry-After": own} if own else {})
    answer = request_log_middleware(lambda request: response)(RequestFactory().get("/"))
    assert answer.headers.get("Retry-After", "") == expected


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/admin/login/", "/api/v1/orders"])
def test_the_id_that_a_proxy_has_given_stays(client: Client, path: str) -> None:
    named = new_id()
    assert client.get(path, headers={"x-request-id": named.hex})["X-Request-ID"] == str(named)  # as nginx writes it


_ID = "01920000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("header", ["", "ada@example.org", "1", f"{_ID}-", f"{{{_ID}}}", "x" * 5_000])
def test_what_is_no_id_is_replaced_by_one(client: Client, header: str) -> None:
    answer = client.get("/healthz", headers={"x-request-id": header})["X-Request-ID"]
    assert UUID(answer).version == 7 and answer not in header


def test_a_request_that_comes_twice_with_one_id_is_one_row_with_the_commands_of_both() -> None:
    record_sales(sale)
    named, form = str(new_id()), {"carrier": "post", "tracking": "", "command_id": str(new_id())}
    for _ in range(2):
        boss().post(order_url(sale, "ship"), form, headers={"x-request-id": named})
    kept = WebRequest.objects.get()
    assert str(kept.request_id) == named and kept.sent == len(kept.commands.split())
    assert kept.commands.split().count(form["command_id"]) == 2


def test_an_event_knows_the_request_that_led_to_it() -> None:
    request_id, event = ship_order(boss())
    assert event.event_type == "OrderShipped"
    assert metadata_of(event)["request_id"] == str(request_id)
    assert metadata_of(event)["channel"] == "admin"
    assert parse_traceparent(metadata_of(event)["traceparent"]) == (request_id.hex, "00")


def test_a_request_that_sent_commands_is_kept_and_others_are_not() -> None:
    request_id, event = ship_order(boss())
    boss().get(order_url(sale))
    kept = WebRequest.objects.get()
    # The other command records that the customer's address was used.
    assert (kept.request_id, kept.sent) == (request_id, 2) and str(event.command_id) in kept.commands.split()
    assert (kept.method, kept.status) == ("POST", 302)
    assert str(sale.order_id) not in kept.route and "ship" in kept.route


def test_a_trusted_trace_goes_on_with_a_step_of_our_own(settings: Settings) -> None:
    settings.TRUST_TRACEPARENT = True
    request_id, event = ship_order(boss(), traceparent=PARENT)
    ours = metadata_of(event)["traceparent"]
    assert parse_traceparent(ours) == (TRACE, "01") and ours != PARENT
    assert WebRequest.objects.get().trace_id == TRACE and request_id.hex != TRACE


def test_a_trace_of_a_stranger_is_not_ours() -> None:
    request_id, event = ship_order(boss(), traceparent=PARENT)
    assert metadata_of(event)["traceparent"].startswith(f"00-{request_id.hex}-")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        PARENT.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"{PARENT}\x00",
    ],
)
def test_a_trace_that_is_none_is_as_if_there_were_none(header: str, settings: Settings) -> None:
    settings.TRUST_TRACEPARENT = True
    assert parse_traceparent(header) is None
    request_id, event = ship_order(boss(), **({"traceparent": header} if header.isprintable() else {}))
    assert metadata_of(event)["traceparent"].startswith(f"00-{request_id.hex}-")


def test_a_later_version_of_the_header_may_say_more() -> None:
    assert parse_traceparent(f"01-{TRACE}-00f067aa0ba902b7-01-more") == (TRACE, "01")


def test_outside_a_request_nothing_is_added() -> None:
    command_dispatcher.send(
        WriteOffStock("71053", 2, "broken", "A1"), envelope=Envelope(new_id(), metadata={"channel": "test"})
    )
    assert metadata_of(StoredEvent.objects.latest("position")) == {"channel": "test"}
    assert not WebRequest.objects.exists()


def test_the_same_command_from_another_request_is_the_same_command() -> None:
    record_sales(sale)
    form = {"carrier": "post", "tracking": "", "command_id": str(new_id())}
    for _ in range(2):
        boss().post(order_url(sale, "ship"), form)
    assert StoredEvent.objects.filter(event_type="OrderShipped").count() == 1
    assert WebRequest.objects.count() == 2


def test_several_commands_of_one_request_are_all_named() -> None:
    other = Sale(2)
    record_sales(sale, other)
    form = {
        "action": "cancel_selected",
        "_selected_action": [sale.order_id, other.order_id],
        "command_id": str(new_id()),
        "reason": "flood",
    }
    boss().post("/admin/projections/ordersummary/", form)
    cancelled = StoredEvent.objects.filter(event_type="OrderCancelled")
    assert set(WebRequest.objects.get().commands.split()) == {str(event.command_id) for event in cancelled}
    assert cancelled.count() == 2


def test_asynchronous_handlers_have_ids_too() -> None:
    answer = asyncio.run(AsyncClient().get("/healthz", headers={"traceparent": PARENT}))
    assert UUID(answer["X-Request-ID"])


def test_a_page_that_changes_nothing_asks_nothing_more(client: Client) -> None:
    assert capture_queries(lambda: client.get("/healthz")) == []


@pytest.mark.postgres
def test_the_line_of_a_request_is_not_waited_for_and_nothing_else_is_relaxed() -> None:
    def insert() -> None:
        with relax_commit():
            WebRequest.objects.create(request_id=new_id(), status=200, took_ms=1, sent=1)

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO local")
        with relax_commit():
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)  # the first result is the statement's, the second is that of SET
        assert cursor.nextset() and cursor.statusmessage == "SET"
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("local",)
    assert count_round_trips(insert) == 1
