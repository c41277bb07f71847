"""The test clock of a sandbox: a customer puts it forward, and deadlines, windows and ends come to them alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from eventshop.eventstore.command_dispatcher import send
from eventshop.sagas import timers, workers
from eventshop.sagas.models import Timer
from eventshop.web.models import SandboxClock
from orders.domain.commands import CreateOrder
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.order_fulfilment import event_types_of, receive_stock
from tests.support.sales import ADA, Sale
from tests.support.staff import update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")
PATH = "test-clock"


@pytest.fixture
def sandbox(settings: Settings) -> None:
    settings.TEST_CLOCKS = True


def put_forward(program: ApiClient, now: datetime) -> Any:
    return program.send("put", PATH, {"now": now.isoformat()})


def order_of(program: ApiClient, number: int) -> CreateOrder:
    return CreateOrder(Sale(number).order_id, str(number), program.person, Sale(number).lines)


def catch_up() -> None:
    workers.run_until_idle("test")
    update_read_models()


@pytest.mark.usefixtures("sandbox")
def test_what_waits_for_a_time_happens_to_the_customer_whose_clock_is_put_forward() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    for sku in {line.sku for line in Sale(1).lines}:
        receive_stock(sku, 1_000)
    for program, number in ((mine, 1), (other, 2)):
        send(order_of(program, number))
        program.send("put", f"people/{program.person}/consents/DirectMarketing", {"notice": "2026-01"}, if_match="*")
    catch_up()
    before = mine.get(PATH).json()
    assert (before["ahead_s"], before["fired"]) == (0, [])
    assert [timer["process"] for timer in before["waiting"]] == ["order-fulfilment", "consent-terms"]
    deadline = datetime.fromisoformat(before["waiting"][0]["due_at"])
    early = put_forward(mine, deadline - timedelta(seconds=60)).json()
    assert early["fired"] == [] and [timer["due_at"] for timer in early["waiting"]] == [
        pytest.approx(timer["due_at"]) for timer in before["waiting"]
    ]
    late = put_forward(mine, deadline + timedelta(seconds=1))
    assert [timer["aggregate_id"] for timer in late.json()["fired"]] == [str(Sale(1).order_id)], late.content
    again = put_forward(mine, deadline)
    assert again.status_code == 200 and again.json()["fired"] == [], "repeated it changes nothing"
    timers.fire_due_timers("test")
    catch_up()
    assert event_types_of(Sale(1).order_id)[-1] == "OrderCancelled"
    assert event_types_of(Sale(2).order_id) == ["OrderCreated"]
    # An order of later has its whole deadline, by the clock that is ahead.
    send(CreateOrder(ADA, "3", mine.person, Sale(3).lines))
    catch_up()
    assert len(mine.get(PATH).json()["waiting"]) == 2
    ended = put_forward(mine, datetime.now(UTC) + timedelta(days=3_000)).json()
    assert [timer["process"] for timer in ended["fired"]] == ["order-fulfilment", "consent-terms"]
    timers.fire_due_timers("test")
    catch_up()
    assert [row["status"] for row in mine.get("consents").json()["results"]] == ["ConsentExpired"]
    assert [row["status"] for row in other.get("consents").json()["results"]] == ["ConsentGiven"]
    assert Timer.objects.filter(fired_at=None).count() == 2, "those of the other customer"


@pytest.mark.usefixtures("sandbox")
def test_a_clock_is_put_forward_by_customers_within_ten_years() -> None:
    mine, clerk = shopper(), ApiClient(staff("clerk", "view_ordersummary"))
    assert problem_of(put_forward(mine, datetime.now(UTC) + timedelta(days=5_000))) == (422, "invalid-body")
    assert problem_of(mine.send("put", PATH, {"now": "soon"})) == (422, "invalid-body")
    assert problem_of(clerk.get(PATH)) == problem_of(put_forward(clerk, datetime.now(UTC))) == (403, "not-allowed")
    assert put_forward(mine, datetime.now(UTC) - timedelta(days=1)).json()["ahead_s"] == 0
    assert SandboxClock.objects.get().ahead == timedelta()


def test_a_shop_that_takes_money_has_no_test_clocks() -> None:
    mine = shopper()
    assert problem_of(mine.get(PATH)) == problem_of(put_forward(mine, datetime.now(UTC))) == (404, "not-found")
    assert not SandboxClock.objects.exists()
