"""Lists for work in a browser: keys, saved filters, an export with progress, events that follow, and no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Browser, expect

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import ReceiveStock
from tests.support.browser import Visitor, serve
from tests.support.sales import Sale
from tests.support.staff import record_sales, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

FIRST, SECOND = Sale(1), Sale(2)
ORDERS = "/admin/projections/ordersummary/"
EVENTS = "/admin/store/storedevent/"


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    """The program behind a real port, with two orders in it."""
    User.objects.create_superuser("ada")
    record_sales(FIRST, SECOND)
    with serve() as address:
        yield address


@pytest.mark.wide_first
def test_a_list_is_worked_with_by_keys_saved_filters_and_exports(visitor: Visitor) -> None:
    visitor.use_session(sign_in(User.objects.get(username="ada")))
    visitor.open(ORDERS, "list")
    page = visitor.page
    for keys, row in (("j", 0), ("j", 1), ("j", 1), ("k", 0)):
        page.keyboard.press(keys)
        expect(page.locator("#result_list tbody").nth(row).locator("th a").first).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("input.action-select").first).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next row")
    visitor.check_page("keys")
    page.get_by_label("Switch keys of one letter off").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#searchbar")).not_to_be_focused()
    page.evaluate("localStorage.clear()")
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("000001jkx?/")  # typing is typing
    expect(page.locator("#searchbar")).to_have_value("000001jkx?/")
    page.locator("#searchbar").fill(FIRST.reference)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")
    page.get_by_test_id("saved-filters").click()
    visitor.check_page("saved-filters")
    page.get_by_label("Save what the list shows now as").fill("The first")
    page.get_by_role("button", name="Save", exact=True).click()
    visitor.expect_success("The first")
    with page.expect_download() as download:
        page.get_by_test_id("export").click()
    expect(page.get_by_test_id("export-progress")).to_have_text("1 rows saved as ordersummary.csv.")
    assert FIRST.reference in download.value.path().read_text(encoding="utf-8-sig")
    page.goto(visitor.address + ORDERS)
    page.get_by_role("navigation", name="Saved filters").get_by_role("link", name="The first").click()
    expect(page.locator("#result_list tbody")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile(f"Order {FIRST.reference}")).first).to_be_visible()
    section = page.locator("details[data-section=Privacy]")
    if visitor.width > 1200:
        section.locator("summary").click()
        page.reload()
        expect(section).not_to_have_attribute("open", "")
        expect(page.locator("#nav-sidebar-apps [aria-current]")).to_have_accessible_name("Orders")


@pytest.mark.wide_first
def test_events_follow_until_they_are_paused_or_the_right_is_withdrawn(visitor: Visitor) -> None:
    watcher = User.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(codename="view_storedevent"))
    visitor.use_session(sign_in(watcher))
    visitor.open(f"{EVENTS}?type=StockReceived", "events")
    page = visitor.page
    button, status = page.get_by_test_id("tail"), page.get_by_test_id("tail-status")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    send(ReceiveStock("MUG", 1, "D-1"))
    page.wait_for_load_state()
    send(ReceiveStock("MUG", 1, "D-2"))
    expect(page.locator("#result_list tbody")).to_have_count(2)
    newest = StoredEvent.objects.latest("position").position
    expect(page.locator("#result_list tbody th a").first).to_have_text(f"{newest:,}")
    visitor.check_page("followed")
    watcher.user_permissions.clear()
    visitor.expected_status = 404
    send(ReceiveStock("MUG", 1, "D-3"))
    expect(status).to_contain_text("It ended")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_every_kind_of_page_is_read_without_scripts(chrome: Browser, server: str) -> None:
    """Lists, their filters and tools, a row, the search, the dashboard and the sidebar."""
    context = chrome.new_context(java_script_enabled=False, viewport={"width": 390, "height": 900})
    page = context.new_page()
    visitor = Visitor(page, server)
    visitor.use_session(sign_in(User.objects.get(username="ada")))
    page.goto(server + "/admin/")
    expect(page.get_by_role("heading", name="Needs attention").first).to_be_visible()
    page.goto(server + ORDERS)
    expect(page.get_by_role("link", name=FIRST.reference).first).to_be_visible()
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.get_by_test_id("choose-columns").click()
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    with page.expect_download():
        page.get_by_test_id("export").click()
    expect(page.get_by_test_id("tail")).to_be_hidden()
    page.get_by_role("link", name=FIRST.reference).first.click()
    expect(page.get_by_role("heading", name=f"Order {FIRST.reference}").first).to_be_visible()
    page.goto(server + "/admin/search/")
    page.get_by_role("searchbox").fill(SECOND.reference)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("hit").first).to_contain_text(SECOND.reference)
    context.close()
