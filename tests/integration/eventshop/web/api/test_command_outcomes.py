"""The outcome of a command that a saga decides: clients poll its status until it has succeeded or failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from eventshop.core.messages import new_id
from eventshop.web.shared import read_your_writes
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import let_deadline_pass, receive_stock, run_sagas_until_idle
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

ORDER: dict[str, Any] = {
    "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
    "delivery": {"name": "Ada Marker", "address": "1 St\nYork"},
}


@pytest.fixture(autouse=True)
def goods(clean_database: None) -> None:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))


def place_order(program: ApiClient) -> Any:
    answer = program.post("orders", ORDER)
    assert answer.status_code == 201, answer.content
    return answer


def pay(program: ApiClient, order_id: str) -> None:
    assert program.post(f"orders/{order_id}/payments", {"method": "card"}, if_match="*").status_code == 202


def api_path(url: str) -> str:
    """The URL of a response header, as a path for `ApiClient`."""
    return url.partition("/api/v1/")[2]


def test_a_payment_is_accepted_and_asked_about_until_the_gateway_has_decided() -> None:
    receive_stock("MUG", 5)
    program = shopper()
    order = place_order(program)
    order_id = UUID(order.json()["aggregate_id"])
    payment = program.post(f"orders/{order_id}/payments", {"method": "card"}, if_match='"1"')
    assert payment.status_code == 202
    response = program.get(api_path(payment["Location"]))
    outcome = response.json()
    assert (outcome["state"], response["Retry-After"], outcome["ended_by"]) == ("running", "1", None)
    assert outcome["command_id"] == payment.json()["command_id"]
    run_sagas_until_idle(InMemoryGateway())
    outcome = program.get(api_path(payment["Location"])).json()
    assert (outcome["state"], outcome["ended_by"], outcome["reason"]) == ("succeeded", "PaymentProcessed", "")
    assert api_path(outcome["resource"]) == f"orders/{order_id}"
    followed = order["Link"].partition(">")[0].removeprefix("<")
    assert program.get(api_path(followed)).json()["ended_by"] == "OrderShipped"


def test_a_declined_payment_says_why_and_the_order_waits_for_another_until_the_deadline() -> None:
    receive_stock("MUG", 5)
    program = shopper()
    order = place_order(program)
    payment = program.post(f"orders/{order.json()['aggregate_id']}/payments", {"method": "declined"}, if_match="*")
    bank = InMemoryGateway()
    run_sagas_until_idle(bank)
    outcome = program.get(api_path(payment["Location"])).json()
    assert (outcome["state"], outcome["ended_by"], outcome["reason"]) == (
        "failed",
        "PaymentDeclined",
        "insufficient funds",
    )
    assert program.get(f"commands/{order.json()['command_id']}").json()["state"] == "running"
    let_deadline_pass()
    run_sagas_until_idle(bank)
    whole = program.get(f"commands/{order.json()['command_id']}").json()
    assert (whole["state"], whole["ended_by"]) == ("failed", "OrderCancelled")


def test_an_answer_waits_for_the_end_if_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_your_writes, "MAX_WAIT_S", DEADLINE_S)
    receive_stock("MUG", 5)
    program = shopper()
    order = place_order(program)
    pay(program, order.json()["aggregate_id"])

    def waiting() -> Any:
        try:
            return program.get(f"commands/{order.json()['command_id']}", prefer=f"wait={DEADLINE_S:.0f}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(waiting)
        run_sagas_until_idle(InMemoryGateway())
        assert answer.result(DEADLINE_S).json()["state"] == "succeeded"


def test_a_command_that_was_done_at_once_has_succeeded_and_is_its_senders_alone() -> None:
    program, other = shopper(), shopper("bob@example.org")
    order = place_order(program)
    cancelled = program.post(
        f"orders/{order.json()['aggregate_id']}/cancellation", {"reason": "changed my mind"}, if_match='"1"'
    )
    status_path = f"commands/{cancelled.json()['command_id']}"
    assert program.get(status_path).json()["state"] == "succeeded"
    assert problem_of(other.get(status_path)) == (404, "not-found")
    assert problem_of(program.get(f"commands/{new_id()}")) == (404, "not-found")
    assert ApiClient(staff("auditor", "view_storedevent")).get(status_path).json()["state"] == "succeeded"
    assert program.get(f"commands/{order.json()['command_id']}").json()["reason"] == "changed my mind"


def test_who_places_an_order_may_prefer_to_be_led_to_what_becomes_of_it() -> None:
    receive_stock("MUG", 5)
    program = shopper()
    accepted = program.post("orders", ORDER, prefer="respond-async")
    assert (accepted.status_code, accepted["Preference-Applied"]) == (202, "respond-async")
    assert program.get(api_path(accepted["Location"])).json()["state"] == "running"
    pay(program, accepted.json()["aggregate_id"])
    run_sagas_until_idle(InMemoryGateway())
    outcome = program.get(api_path(accepted["Location"])).json()
    assert (outcome["state"], outcome["ended_by"]) == ("succeeded", "OrderShipped")
    assert api_path(outcome["resource"]) == f"orders/{accepted.json()['aggregate_id']}"


def test_the_reason_of_a_failed_command_is_its_senders_alone() -> None:
    customer = shopper()
    order = place_order(customer)
    url = api_path(order["Link"].partition(">")[0])
    reason = {"reason": "Bob Secret moved in"}
    cancelled = customer.post(f"orders/{order.json()['aggregate_id']}/cancellation", reason, if_match="*")
    assert cancelled.status_code == 200
    assert (customer.get(url).json()["state"], customer.get(url).json()["reason"]) == ("failed", reason["reason"])
    reader = staff("reader", "view_storedevent")
    seen = ApiClient(reader, scopes=["events:read"]).get(url)
    assert (seen.json()["state"], seen.json()["reason"]) == ("failed", "")
    assert problem_of(ApiClient(reader, scopes=["stock:read"]).get(url)) == (403, "out-of-scope")
