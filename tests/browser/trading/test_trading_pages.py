"""The trading pages in a real browser, from the ticket to the settlement, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from tests.support.browser import Visitor
from tests.support.customers import EMAIL, PASSWORD, sign_up
from tests.support.staff import update_read_models
from tests.support.trader import fill_trade, open_account, submit_limit_order
from trading.domain.commands import HoldSettlement, SettleTrade
from users.application.accounts import person_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/account/sign-in/?next=/trading/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def newest_trade() -> StoredEvent:
    return StoredEvent.objects.filter(event_type="TradeSubmitted").latest("position")


def preview_trade(page: Page) -> None:
    page.get_by_role("link", name="Place a trade").first.click()
    page.get_by_label("Quantity").fill("2")
    page.get_by_label("Instrument").fill("spot/btcu")
    page.get_by_label("Limit price").fill("100.00")
    page.get_by_role("button", name="Check the trade").click()


@pytest.mark.phone_first
def test_from_the_ticket_to_the_settlement(visitor: Visitor) -> None:
    """Each page is checked for accessibility; the trade page updates itself."""
    page, login = visitor.page, sign_up()
    sign_in(page, visitor.address)
    expect(page.get_by_test_id("no-account")).to_be_visible()
    visitor.check_page("no-account")
    dollars = open_account(person_of(login))
    open_account(person_of(login), "Euros", currency="EUR")
    update_read_models()
    visitor.open("/trading/", "blotter-empty")
    visitor.open("/trading/positions/", "positions-empty")
    visitor.open("/trading/ticket/", "ticket")
    page.get_by_role("button", name="Check the trade").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    visitor.check_page("ticket-wrong")
    page.goto(visitor.address + "/trading/")
    preview_trade(page)
    expect(page.get_by_test_id("frozen-amount")).to_have_text("200 USDT")
    expect(page.locator("#preview")).to_contain_text("Dollars")
    visitor.check_page("preview")
    page.get_by_role("button", name="Buy 2 BINANCE_SPOT/BTCUSDT").click()
    expect(page.get_by_role("heading", name="Trade T-")).to_be_visible()
    visitor.check_page("open")
    trade_id = newest_trade().aggregate_id
    fill_trade(trade_id, "1", "99.50")
    expect(page.get_by_test_id("TradeExecuted")).to_contain_text(re.compile(r"\b1\b.*99\.5"))
    send(HoldSettlement(trade_id, "papers missing"))
    expect(page.get_by_test_id("on-hold")).to_be_visible()
    visitor.check_page("partly-filled")
    page.get_by_role("link", name="Cancel the open quantity").click()
    expect(page.get_by_role("heading", name="Cancel trade")).to_be_visible()
    visitor.check_page("cancel")
    page.get_by_role("button", name="Cancel the open quantity").click()
    expect(page.get_by_test_id("TradeCancelled")).to_be_visible()
    visitor.check_page("cancelled")
    other = submit_limit_order(dollars)
    fill_trade(other, "2")
    send(SettleTrade(other, store.get_events(other)[0].meta.recorded_at.date()))
    submit_limit_order(dollars)
    update_read_models()
    for name in ("", "positions/", "accounts/"):
        visitor.open(f"/trading/{name}", f"trading-{name.strip('/')}")
    page.set_viewport_size({"width": 390, "height": 800})
    caption, table = (page.locator(it).first.evaluate("it => it.offsetWidth") for it in ("caption", "table.stacks"))
    assert caption == table  # and so does not break before it has to
    page.set_viewport_size({"width": 1200, "height": 800})
    visitor.open(f"/trading/trades/{other}/", "settled")


def test_a_trade_is_placed_and_cancelled_without_scripts(chrome: Browser, server: str) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    open_account(person_of(sign_up()))
    update_read_models()
    sign_in(page, server)
    preview_trade(page)
    page.get_by_role("button", name="Buy 2 BINANCE_SPOT/BTCUSDT").click()
    expect(page.get_by_test_id("state-OPEN")).to_be_visible()
    fill_trade(newest_trade().aggregate_id, "1")
    page.get_by_role("link", name="Reload").click()
    expect(page.get_by_test_id("TradeExecuted")).to_contain_text(re.compile(r"\b1\b.*100"))
    page.get_by_role("link", name="Cancel the open quantity").click()
    page.get_by_role("button", name="Cancel the open quantity").click()
    expect(page.get_by_test_id("TradeCancelled")).to_be_visible()
    context.close()
