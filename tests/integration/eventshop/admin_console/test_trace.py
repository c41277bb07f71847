"""Any id leads to the trace of its correlation, on a page and in a terminal."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eventshop.admin_console.trace.lookup import UnknownId, find_correlations
from eventshop.admin_console.trace.node import Node
from eventshop.admin_console.trace.render import MATCH_MARK
from eventshop.admin_console.trace.tree import MAX_EVENTS, build_tree
from eventshop.core.messages import Envelope, new_id
from eventshop.core.request_context import RequestContext, use_request_context
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import WebRequest
from eventshop.sagas import operator_actions
from eventshop.sagas.models import SagaStep
from eventshop.sagas.retention import clean_up
from orders.domain.commands import CancelOrder, CreateOrder, DeliverOrder, RequestPayment, WriteOffStock
from orders.domain.stock_events import StockWrittenOff
from orders.domain.stock_item import stock_item_id
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import backdate_saga, load_saga, place_order, receive_stock, run_sagas_until_idle
from tests.support.pages import find, texts
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, clerk, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

TRACE = reverse("admin:trace")
sale = Sale(1)


def tree_lines(root: Node) -> list[str]:
    """A tree as indented lines, without read model rows."""
    return [f"{'  ' * depth}{node.kind} {node.name}" for depth, node in root.walk() if node.kind != "row"]


def fulfil_order() -> UUID:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 2), method="card", reference="4711")
    run_sagas_until_idle(InMemoryGateway())
    return order_id


def order_from_web() -> tuple[UUID, UUID]:
    """Place an order through one web request: the request's id and its trace id."""
    request_id, trace_id = new_id(), new_id()
    with use_request_context(RequestContext({"request_id": str(request_id)})) as request:
        envelope = Envelope(new_id(), correlation_id=sale.order_id)
        send(CreateOrder(sale.order_id, sale.reference, None, sale.lines), envelope=envelope)
        send(RequestPayment(sale.order_id, "card"), envelope=Envelope(new_id(), correlation_id=sale.order_id))
    WebRequest.objects.create(
        request_id=request_id,
        trace_id=trace_id.hex,
        method="POST",
        route="checkout",
        status=302,
        took_ms=12,
        commands=" ".join(map(str, request.command_ids)),
        sent=2,
    )
    return request_id, trace_id


def test_one_tree_goes_from_the_command_over_events_sagas_and_effects_to_the_last_event() -> None:
    created, requested = build_tree([fulfil_order()]).roots
    assert tree_lines(created) == [
        "command CreateOrder",
        "  event OrderCreated",
        "    saga order-fulfilment: event OrderCreated",
        "      command ReserveInventory",
        "        event InventoryReserved",
        "          saga order-fulfilment: event InventoryReserved",
        "            effect TakePayment",
        "              saga order-fulfilment: answer PaymentTaken",
        "                command ProcessPayment",
        "                  event PaymentProcessed",
        "                    saga order-fulfilment: event PaymentProcessed",
        "                      command ShipOrder",
        "                        event OrderShipped",
        "                          saga order-fulfilment: event OrderShipped",
        "                            command DispatchInventory",
        "                              event InventoryDispatched",
    ]
    assert tree_lines(requested) == [
        "command RequestPayment",
        "  event PaymentRequested",
        "    saga order-fulfilment: event PaymentRequested",
    ]


def test_the_events_tell_the_story_when_the_sagas_steps_are_gone() -> None:
    order_id = fulfil_order()
    backdate_saga(load_saga(order_id).pk)
    assert clean_up(kept=timedelta(days=90)).steps == 5
    created, _ = build_tree([order_id]).roots
    assert tree_lines(created) == [
        "command CreateOrder",
        "  event OrderCreated",
        "    command ReserveInventory",
        "      event InventoryReserved",
        "        command ProcessPayment",
        "          event PaymentProcessed",
        "            command ShipOrder",
        "              event OrderShipped",
        "                command DispatchInventory",
        "                  event InventoryDispatched",
    ]


def test_a_failure_stands_under_what_failed_and_a_wish_behind_what_was_heard_last() -> None:
    receive_stock("mug", 5)
    order_id, bank = place_order(("mug", 2), method="card"), InMemoryGateway()
    bank.is_down = True
    run_sagas_until_idle(bank)
    SagaStep.objects.filter(what="effect").update(attempts=29, looked_at_from=Now())
    run_sagas_until_idle(bank)
    operator_actions.retry(load_saga(order_id).pk, actor="ada", reason="it is back")
    bank.is_down = False
    run_sagas_until_idle(bank)
    lines = tree_lines(build_tree([order_id]).roots[0])
    effect = lines.index("            effect TakePayment")
    assert "              saga order-fulfilment: failure TakePayment" in lines[effect:]
    assert sum("retry" in line for line in lines) == 1


def test_every_event_of_the_story_is_in_the_tree_once() -> None:
    order_id = fulfil_order()
    ids = [node.identity for root in build_tree([order_id]).roots for _, node in root.walk() if node.kind == "event"]
    stored = StoredEvent.objects.filter(correlation_id=order_id).values_list("event_id", flat=True)
    assert sorted(ids) == sorted(map(str, stored)) and len(ids) == 6


def test_rows_say_whether_the_projection_has_come_so_far() -> None:
    request_id, _ = order_from_web()
    [root] = build_tree([sale.order_id]).roots

    def rows(root: Node) -> dict[str, str]:
        return {node.name: node.state for _, node in root.walk() if node.kind == "row"}

    assert rows(root)[f"order-summary {sale.order_id}"] != ""
    update_read_models()
    [root] = build_tree([sale.order_id]).roots
    assert rows(root)[f"order-summary {sale.order_id}"] == "" and root.identity == str(request_id)


def test_a_request_stands_above_what_it_sent() -> None:
    request_id, _ = order_from_web()
    [root] = build_tree([sale.order_id]).roots
    assert (root.kind, root.name, root.identity, root.state) == (
        "request",
        "POST checkout",
        str(request_id),
        "status 302",
    )
    assert tree_lines(root) == [
        "request POST checkout",
        "  command CreateOrder",
        "    event OrderCreated",
        "  command RequestPayment",
        "    event PaymentRequested",
    ]
    assert root.time is not None and root.children[0].time is not None


def test_every_id_leads_to_the_story() -> None:
    order_id = fulfil_order()
    event = StoredEvent.objects.filter(event_type="OrderShipped").get()
    payment = SagaStep.objects.get(name="TakePayment")
    for text in (order_id, event.event_id, event.command_id, load_saga(order_id).pk, payment.pk, event.position):
        assert find_correlations(f" {text} ") == [order_id], text
    assert find_correlations(str(order_id).upper()) == [order_id]


def test_a_request_and_a_trace_lead_to_the_story_too() -> None:
    request_id, trace_id = order_from_web()
    for text in (str(request_id), str(trace_id), trace_id.hex):
        assert find_correlations(text) == [sale.order_id]


def test_an_orders_number_leads_to_all_its_stories() -> None:
    order_from_web()
    update_read_models()
    later = Envelope(new_id(), actor="bob")
    send(CancelOrder(sale.order_id, "changed her mind"), envelope=later)
    assert find_correlations(sale.reference) == [sale.order_id, later.command_id]


def test_a_command_that_was_refused_is_found_by_its_saga() -> None:
    receive_stock("mug", 1)
    order_id = place_order(("mug", 2), method="card")
    run_sagas_until_idle(InMemoryGateway())
    cancel = SagaStep.objects.get(saga_id=load_saga(order_id).pk, name="CancelOrder")
    assert find_correlations(str(cancel.pk)) == [order_id]


@pytest.mark.parametrize(
    "text", ["", " ", "nothing of ours", str(UUID(int=7)), "0" * 32, "99999999", "9" * 400, "\x00"]
)
def test_what_nothing_has_is_refused(text: str) -> None:
    with pytest.raises(UnknownId):
        find_correlations(text)


def test_the_terminal_shows_the_tree_with_times() -> None:
    order_id = fulfil_order()
    out = StringIO()
    call_command("trace", str(load_saga(order_id).pk), stdout=out)
    lines = out.getvalue().splitlines()
    assert "CreateOrder" in lines[0] and " +0 ms " in lines[0]
    created, shipped = (
        next(line for line in lines if f"event {name}" in line) for name in ("OrderCreated", "OrderShipped")
    )
    assert re.findall(r"\[.*?(\d+).*?Order\]", shipped) == ["4"]
    assert lines[0].index("command") < created.index("event") < shipped.index("event")
    assert sum(line.endswith(MATCH_MARK) for line in lines) >= 1


def test_an_unknown_id_is_an_error_of_the_command() -> None:
    with pytest.raises(CommandError, match="'nobody'"):
        call_command("trace", "nobody")


def test_the_page_shows_the_tree_and_marks_what_was_asked_for() -> None:
    order_id = fulfil_order()
    event = StoredEvent.objects.filter(event_type="OrderShipped").get()
    answer = boss().get(TRACE, {"id": str(event.event_id)})
    assert answer.status_code == 200 and len(find(answer, "searched")) == 1
    assert reverse("admin:process_saga_change", args=(load_saga(order_id).pk,)) in answer.content.decode()


def test_the_page_asks_for_an_id_and_says_when_there_is_none() -> None:
    assert boss().get(TRACE).status_code == 200
    answer = boss().get(TRACE, {"id": "<b>nobody</b>"})
    [problem] = texts(answer, "unknown-id")
    assert answer.status_code == 404 and "nobody" in problem
    assert "<b>nobody" not in answer.content.decode()
    assert clerk("view_saga").get(TRACE).status_code == 403


def test_the_page_of_a_correlation_shows_the_tree_above_the_events() -> None:
    order_id = fulfil_order()
    page = boss().get(reverse("admin:correlation", args=(order_id,)))
    headings = [
        element.attributes["id"] for element in find(page) if element.tag == "h2" and "id" in element.attributes
    ]
    assert [name for name in headings if name in ("tree", "events")] == ["tree", "events"]
    assert find(page, "searched") == []


def test_the_tree_asks_the_same_however_long_the_story_is() -> None:
    short, long = (
        fulfil_order(),
        place_order(*((f"s{number}", 1) for number in range(12)), method="card", reference="2"),
    )
    for number in range(12):
        receive_stock(f"s{number}", 1)
    run_sagas_until_idle(InMemoryGateway())
    send(DeliverOrder(short))
    send(WriteOffStock("mug", 1, "broken", "A1"))
    build_tree([short])
    assert len(capture_queries(lambda: build_tree([short]))) == len(capture_queries(lambda: build_tree([long])))


def test_a_large_trace_is_folded_and_loaded_in_parts_and_bars_show_how_long_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(4):
        send(WriteOffStock("mug", 1, "lost", f"A{number}"), envelope=Envelope(new_id(), correlation_id=sale.order_id))
    monkeypatch.setattr("eventshop.admin_console.trace.tree.MAX_EVENTS", 3)
    first = boss().get(TRACE, {"id": str(sale.order_id)})
    positions = list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
    [more] = find(first, "more")
    assert more.attributes["href"].endswith(f"after={positions[2]}")
    assert (len(find(first, "tree")), len(find(first, "bar"))) == (3, 6)
    second = boss().get(more.attributes["href"])
    assert (len(find(second, "tree")), find(second, "more")) == (1, [])
    monkeypatch.undo()
    whole = boss().get(TRACE, {"id": str(StoredEvent.objects.latest("position").command_id)})
    assert [one["is_open"] for one in whole.context["trees"]] == [False, False, False, True]
    bars = [entry["row"] for tree in whole.context["trees"] for entry in tree["rows"]]
    assert all(0 <= row.begins <= 100 and row.begins + row.lasts <= 100.001 for row in bars)
    assert boss().get(TRACE, {"id": "x", "after": "-1"}).status_code == 404


@pytest.mark.parametrize("events", [1_000, pytest.param(5_000, marks=pytest.mark.long)])
def test_a_trace_of_thousands_of_events_loads_in_parts_with_few_queries(events: int) -> None:
    per_command = 10
    losses = [StockWrittenOff("mug", 1, "lost", f"A{number}") for number in range(per_command)]
    for first in range(0, events, per_command):
        envelope = Envelope(new_id(), correlation_id=sale.order_id)
        store.append_events(stock_item_id("mug"), losses, expected_version=first, envelope=envelope)
    client, url, shown, took = boss(), f"{TRACE}?id={sale.order_id}", 0, list[float]()
    client.get(url)  # what is read once by a process
    while url:
        started = process_time()
        with CaptureQueriesContext(connection) as queries:
            page: Any = client.get(url)
        took.append(process_time() - started)
        assert len(queries) <= 20, list(queries)
        shown += page.context["shown_events"]
        url = f"{TRACE}{page.context['more']}" if page.context["more"] else ""
    assert (shown, len(took)) == (events, events // MAX_EVENTS)
    assert max(took) < 1, took  # of the processor; a page may take 0.3 s
