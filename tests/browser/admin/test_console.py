"""Staff at a real browser: they sign in, look at everything, and ship an order through its dialog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import DeadLetter
from orders.domain.commands import AcceptReturn, CancelOrder, RequestReturn, ReturnLine
from tests.browser.conftest import CONSOLE_WIDTHS
from tests.support.browser import Visitor, serve
from tests.support.jobs import make_jobs
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import PASSWORD, order_url, record_sales, update_read_models

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

sale, other = Sale(1), Sale(2)
#: The width of a phone's window.
PHONE = CONSOLE_WIDTHS[1]


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    """The program behind a real port, with a shop in it."""
    User.objects.create_superuser("ada", password=PASSWORD)
    record_sales(sale, other)
    make_jobs()
    append(other.order_id, other.shipped, other.delivered, other.returned((1, 1)))
    for reference in ("R-1", "R-2"):
        send(RequestReturn(other.order_id, reference, (ReturnLine(1, 1),), "chipped"))
    send(AcceptReturn(other.order_id, "R-1"))
    update_read_models()
    with serve() as address:
        yield address


@pytest.mark.wide_first
def test_every_page_is_clean_in_every_window(visitor: Visitor) -> None:
    """The wide window is narrowed on each page to a phone's; in a phone's from the beginning, the test is long."""
    visitor.sign_in("ada", PASSWORD)
    visitor.check_page("dashboard")
    days = visitor.page.locator(".es-charted .es-scroll")
    hidden = days.evaluate("element => element.scrollWidth - element.clientWidth")
    assert hidden == 0 or visitor.width < 1000, "columns of the days are cut off"
    with visitor.narrowed(PHONE):
        visitor.check_page("dashboard")
    newest = StoredEvent.objects.latest("position")
    pages = {
        "orders": "/admin/projections/ordersummary/",
        "order": order_url(sale),
        "observe": order_url(sale, "observe"),
        "request-return": order_url(other, "request_return"),
        "accept-return": order_url(other, "accept_return"),
        "decline-return": order_url(other, "decline_return"),
        "receive-return": order_url(other, "receive_return"),
        "events": "/admin/store/storedevent/",
        "event": f"/admin/store/storedevent/{newest.position}/change/",
        "story": f"/admin/store/storedevent/correlation/{newest.correlation_id}/",
        "catalogue": "/admin/store/storedevent/catalogue/",
        "catalogue-event": "/admin/store/storedevent/catalogue/event/OrderShipped/",
        "catalogue-projection": "/admin/store/storedevent/catalogue/projection/order-summary/",
        "catalogue-saga": "/admin/store/storedevent/catalogue/saga/order-fulfilment/",
        "past": f"/admin/ops/stream/{newest.aggregate_id}/past/?at=2020-01-01T00:00",
        "streams": "/admin/ops/stream/",
        "stream": f"/admin/ops/stream/{newest.aggregate_id}/change/",
        "receipts": "/admin/store/storedreceipt/",
        "receipt": f"/admin/store/storedreceipt/{newest.command_id}/change/",
        "lines": "/admin/projections/orderline/",
        "customers": "/admin/projections/customersummary/",
        "sales": "/admin/projections/dailysales/",
        "products": "/admin/projections/productsales/",
        "activity": "/admin/projections/activitytimeline/",
        "checkpoints": "/admin/projection_engine/checkpoint/",
        "dead-letters": "/admin/projection_engine/deadletter/",
        "rebuilds": "/admin/projection_engine/rebuild/",
        "jobs": "/admin/ops/periodicwork/jobs/",
        "users": "/admin/auth/user/",
        "groups": "/admin/auth/group/",
    }
    for name, path in pages.items():
        visitor.open(path, name)
        with visitor.narrowed(PHONE):
            visitor.check_page(name)
    assert not DeadLetter.objects.exists()


def test_an_order_is_shipped_through_its_dialog(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    page = visitor.page
    page.goto(visitor.address + "/admin/projections/ordersummary/")
    page.get_by_role("link", name=sale.reference).click()
    dialog = _open_dialog(visitor, "Ship")
    expect(dialog.get_by_test_id("command-form")).to_have_attribute("action", order_url(sale, "ship"))
    expect(dialog.locator("#confirm-title")).to_contain_text(sale.reference)
    expect(page.get_by_label("Carrier")).to_be_focused()
    visitor.check_page("ship-dialog")
    page.get_by_label("Carrier").fill("Royal Mail")
    page.get_by_label(re.compile("Tracking")).fill("RM 9")
    page.get_by_role("button", name="Ship the order").click()
    visitor.expect_success(sale.reference)
    expect(page.get_by_test_id("events-behind-1")).to_be_visible()
    visitor.check_page("shipped")
    assert StoredEvent.objects.filter(event_type="OrderShipped", aggregate_id=sale.order_id).count() == 1
    update_read_models()
    page.reload()
    expect(page.get_by_test_id("carrier")).to_have_text("Royal Mail RM 9")


def test_a_dialog_is_left_by_the_keyboard_and_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    visitor.page.goto(visitor.address + order_url(sale))
    dialog = _open_dialog(visitor, "Cancel")
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(visitor.page.get_by_role("link", name="Cancel", exact=False).first).to_be_focused()
    assert StoredEvent.objects.filter(event_type="OrderCancelled").count() == 0


def test_what_the_rules_refuse_is_said_in_the_dialog(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    visitor.page.goto(visitor.address + order_url(sale))
    # Offered when the page was made; somebody was faster.
    send(CancelOrder(sale.order_id, "the customer called"))
    dialog = _open_dialog(visitor, "Ship")
    expect(dialog.get_by_role("alert")).to_contain_text(re.compile("ShipOrder.*CANCELLED"))
    visitor.check_page("refused")
    dialog.locator("[data-close]").click()
    expect(dialog).to_be_hidden()


def test_without_scripts_the_dialog_is_a_page(chrome: Browser, server: str) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/admin/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.goto(server + order_url(sale, "ship"))
    page.fill("#id_carrier", "DHL")
    page.locator("#confirm button").click()
    assert page.url == server + order_url(sale)
    assert StoredEvent.objects.filter(event_type="OrderShipped", aggregate_id=sale.order_id).count() == 1
    context.close()


def _open_dialog(visitor: Visitor, button: str) -> Any:
    """The dialog behind a button of the order's page; a narrow window keeps the buttons in a menu."""
    page = visitor.page
    if visitor.width < 1024:
        page.get_by_text("more_horiz").click()
    page.locator("a[data-dialog]").get_by_text(button).first.click()  # not what the sidebar has for its icons
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog
