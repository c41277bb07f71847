"""The error pages, each caused by a real error: accessible, helpful, and with a link to continue."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import CreateOrder
from tests.support.browser import Visitor
from tests.support.customers import EMAIL, sign_in_customer
from tests.support.sales import Sale
from tests.support.web_server import free_port, gunicorn

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


def test_a_form_without_its_session_is_refused_and_says_what_to_do(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}/account/sign-up/")
    page.context.clear_cookies()
    visitor.expected_status = 403
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    visitor.check_page("403-form")
    expect(page.get_by_role("link").filter(has_text="Back").first).to_be_visible()


def test_too_many_tries_are_told_how_long_to_wait(visitor: Visitor) -> None:
    for _ in range(10):
        Client().post("/account/sign-in/", {"username": EMAIL, "password": "guess"})
    page = visitor.page
    page.goto(f"{visitor.address}/account/sign-in/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill("guess")
    visitor.expected_status = 429
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("wait")).to_be_visible()
    visitor.check_page("429")


def test_a_fault_of_ours_says_so(visitor: Visitor) -> None:
    """An event whose fields nobody can read."""
    client, person = sign_in_customer()
    sale = Sale(1, customer_id=person)
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, person, sale.lines))
    unreadable = StoredEvent.objects.get(aggregate_id=sale.order_id)
    unreadable.pk, unreadable.event_id, unreadable.version = None, new_id(), 2
    unreadable.payload = "{}"
    unreadable.save(force_insert=True)
    visitor.use_session(client)
    visitor.open(f"/orders/{sale.order_id}/", "500", status=500)
    expect(visitor.page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    visitor.expected_status = 200
    visitor.page.get_by_role("link", name="Service status").click()
    expect(visitor.page).to_have_url(f"{visitor.address}/status/")


def test_without_the_database_pages_say_so_and_so_does_the_status(chrome: Browser, width: int, tmp_path: Path) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 900})
    with gunicorn(f"postgres://nobody@127.0.0.1:{free_port()}/none", tmp_path) as server:
        visitor = Visitor(context.new_page(), server.address)
        visitor.open("/shop/", "503", status=503)
        expect(visitor.page.get_by_role("link", name="Try again")).to_be_visible()
        visitor.open("/status/", "status-down", status=503)
        expect(visitor.page.get_by_test_id("database-down")).to_be_visible()
    context.close()
