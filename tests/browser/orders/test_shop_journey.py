"""A customer's journey in a real browser: catalogue, checkout, invoice and return, at several window sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, expect

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import DeliverOrder, ProcessPayment, ReceiveStock, ShipOrder
from orders.models import Product
from tests.support.browser import Visitor, serve
from tests.support.customers import EMAIL, PASSWORD, sign_up
from tests.support.sales import gbp
from tests.support.staff import update_read_models
from users.application.accounts import person_of
from users.domain.commands import ChangeContactDetails

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

GOODS = (
    ("KIT-101", "Stoneware mug, oat", "12.50"),
    ("KIT-110", "Enamel teapot, 1.2 l", "29.50"),
    ("HOM-220", "Reading lamp, brass", "118.00"),
    ("HOM-222", "Filament bulb, E27", "7.95"),
    ("KIT-141", "Storage jar, 1 l", "10.80"),
)


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    for sku, name, price in GOODS:
        Product.objects.create(sku=sku, name=name, price=Decimal(price))
        command_dispatcher.send(ReceiveStock(sku=sku, quantity=50, reference="D-1"))
    person = person_of(sign_up())
    assert person
    command_dispatcher.send(ChangeContactDetails(person, EMAIL, "Ada Marker", address="1 Garden Street\nYork YO1 1AA"))
    with serve() as address:
        yield address


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/account/sign-in/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My data", exact=True)).to_be_visible()


def test_from_the_window_to_the_invoice_and_back(visitor: Visitor) -> None:
    page = visitor.page
    sign_in(page, visitor.address)
    visitor.open("/orders/", "no-orders")
    visitor.open("/shop/", "shop")
    page.get_by_role("link", name="Stoneware mug").click()
    visitor.check_page("product")
    page.get_by_label("Quantity").fill("2")
    page.keyboard.press("Enter")
    visitor.expect_success("Stoneware mug")
    visitor.check_page("basket")
    page.get_by_role("link", name="Go to checkout").click()
    visitor.check_page("checkout")
    expect(page.get_by_label("Offers by e-mail")).not_to_be_checked()
    page.get_by_label("Offers by e-mail").check()
    page.get_by_role("button", name="Order for £25.00").click()
    expect(page.get_by_test_id("OrderCreated")).to_contain_text("£25.00")
    visitor.check_page("ordered")
    order = StoredEvent.objects.get(event_type="OrderCreated").aggregate_id
    assert StoredEvent.objects.filter(event_type="ConsentGranted").count() == 1
    # No reload: the page updates itself.
    command_dispatcher.send(ProcessPayment(order, gbp("25.00"), "card"))
    expect(page.locator("#live").get_by_test_id("state-PAID")).to_be_visible()
    command_dispatcher.send(ShipOrder(order, "Royal Mail", "RM 123 456 789"))
    expect(page.get_by_test_id("OrderShipped")).to_contain_text(re.compile("Royal Mail.*RM 123 456 789"))
    visitor.check_page("shipped")
    page.get_by_role("link", name="Invoice").click()
    visitor.check_page("invoice")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("link", name="Download as PDF")).to_be_hidden()
    page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    command_dispatcher.send(DeliverOrder(order))
    visitor.open(f"/orders/{order}/", "delivered")
    page.get_by_role("link", name="Return items").click()
    visitor.check_page("return")
    page.get_by_role("button", name="Register the return").click()
    expect(page.locator("#errors li")).to_have_count(1)
    visitor.check_page("return-nothing")
    page.get_by_label("Stoneware mug").fill("1")
    page.get_by_role("button", name="Register the return").click()
    expect(page.get_by_test_id("PaymentRefunded")).to_contain_text("£12.50")
    visitor.check_page("returned")
    visitor.open("/orders/", "orders-behind")
    update_read_models()
    visitor.open("/orders/", "orders")


def test_an_order_is_cancelled_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    sign_in(page, visitor.address)
    page.goto(f"{visitor.address}/shop/HOM-222/")
    page.get_by_label("Quantity").press("Enter")
    page.goto(f"{visitor.address}/checkout/")
    page.get_by_role("button", name="Order for").press("Enter")
    page.get_by_role("link", name="Cancel this order").press("Enter")
    expect(page.get_by_role("heading", name="Cancel order")).to_be_visible()
    visitor.check_page("cancel")
    page.get_by_role("button", name="Cancel the order").press("Enter")
    expect(page.get_by_test_id("OrderCancelled")).to_contain_text("I changed my mind")
    visitor.check_page("cancelled")


def test_ordering_works_without_scripts(chrome: Browser, server: str) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server)
    page.goto(f"{server}/shop/KIT-110/")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Go to checkout").click()
    page.get_by_role("button", name="Order for £29.50").click()
    expect(page.get_by_test_id("OrderCreated")).to_contain_text("£29.50")
    context.close()
