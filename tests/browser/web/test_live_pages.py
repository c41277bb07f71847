"""Live pages in Chromium, from gunicorn as it is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from eventshop.eventstore import command_dispatcher
from orders.domain.commands import CreateOrder, RecordObservedPayment, ShipOrder
from tests.support.browser import Visitor
from tests.support.customers import sign_in_customer
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.web_server import WebServer, gunicorn

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[WebServer]:
    with gunicorn(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def page(chrome: Browser, server: WebServer) -> Iterator[Page]:
    context = chrome.new_context(base_url=server.address)
    yield context.new_page()
    context.close()


def live_requests(page: Page) -> list[str]:
    """The resource types of the page's requests under /live/ from now on."""
    resource_types = list[str]()
    page.on(
        "request",
        lambda request: (
            resource_types.append(request.resource_type) if "/live/" in urlsplit(request.url).path else None
        ),
    )
    return resource_types


def test_pages_are_told_over_one_stream_and_find_back_to_it(page: Page, server: WebServer) -> None:
    client, person = sign_in_customer()
    sale, resource_types = Sale(1, customer_id=person), live_requests(page)
    Visitor(page, server.address).use_session(client)
    complaints = list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/orders/")
    expect(page.get_by_test_id("no-orders")).to_be_visible()
    # No worker runs, so the order is not in the list yet; it appears once the read model catches up.
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, person, sale.lines))
    update_read_models()
    page.get_by_role("link", name=sale.reference).click()
    expect(page.get_by_test_id("state-CREATED")).to_be_visible()
    command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
    state = page.get_by_test_id("state-PAID")
    expect(state).to_be_visible()
    expect(page.locator("#news")).to_have_text(state.inner_text())  # announced by screen readers
    assert resource_types == ["eventsource", "eventsource"]
    # The worker with the stream is killed; another one replaces it, and no change is missed.
    [worker] = psutil.Process(server.process.pid).children()
    worker.kill()
    command_dispatcher.send(ShipOrder(sale.order_id, "Royal Mail", "RM1"))
    expect(page.get_by_test_id("OrderShipped")).to_contain_text(re.compile("Royal Mail.*RM1"))
    assert set(resource_types) == {"eventsource"}
    assert not [complaint for complaint in complaints if "ERR_" not in complaint], complaints


def test_who_gets_no_stream_asks_now_and_then(page: Page, server: WebServer) -> None:
    client, person = sign_in_customer()
    sale, resource_types = Sale(1, customer_id=person), live_requests(page)
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, person, sale.lines))
    Visitor(page, server.address).use_session(client)
    page.route(
        "**/live/**",
        lambda route: route.fulfill(status=204) if "eventsource" in route.request.resource_type else route.continue_(),
    )
    page.goto(f"/orders/{sale.order_id}/")
    command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
    expect(page.get_by_test_id("state-PAID")).to_be_visible()
    assert resource_types[:2] == ["eventsource", "fetch"]
    client.logout()
    with page.expect_response("**/live/**") as answer:
        pass
    assert answer.value.status == 403
