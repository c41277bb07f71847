"""A customer's journey in a real browser: catalogue, checkout, payments, documents, return; at several window sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import (
    AcceptReturn,
    DeliverOrder,
    ReceivedLine,
    ReceiveReturn,
    ReceiveStock,
    ShipOrder,
)
from orders.models import Product
from tests.support.browser import Visitor, serve
from tests.support.customers import EMAIL, PASSWORD, sign_up
from tests.support.keyboard import Keyboard
from tests.support.order_payments import decline_payment, order_state, pay_refunds, take_payment
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


@pytest.mark.phone_first
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
    visitor.check_page("checkout-payment")
    page.get_by_label("Decide later").check()
    page.get_by_role("button", name="Continue").click()
    visitor.check_page("checkout")
    expect(page.get_by_label("Offers by e-mail")).not_to_be_checked()
    page.get_by_label("Offers by e-mail").check()
    page.get_by_role("button", name="Order for £25.00").click()
    visitor.check_page("done")
    page.get_by_role("link", name="Go to your order").click()
    expect(page.get_by_test_id("OrderCreated")).to_contain_text("£25.00")
    visitor.check_page("ordered")
    order = StoredEvent.objects.get(event_type="OrderCreated").aggregate_id
    assert StoredEvent.objects.filter(event_type="ConsentGranted").count() == 1
    # No reload: the page updates itself.
    page.get_by_role("button", name="Pay £25.00 by card").click()
    expect(page.get_by_test_id("payment-pending")).to_contain_text("£25.00 by card")
    visitor.check_page("paying")
    decline_payment(order)
    expect(page.get_by_test_id("payment-declined")).to_contain_text("insufficient funds")
    visitor.check_page("declined")
    page.get_by_role("link", name="Pay a part of it").click()
    visitor.check_page("pay")
    page.get_by_label("Gift voucher").check()
    page.get_by_label("How much do you want to pay now").fill("30")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#errors li")).to_have_count(1)
    visitor.check_page("pay-too-much")
    page.get_by_label("How much do you want to pay now").fill("10")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_test_id("payment-pending")).to_contain_text("£10.00 by gift voucher")
    take_payment(order)
    expect(page.get_by_test_id("outstanding")).to_have_text("£15.00")
    visitor.check_page("paid-in-part")
    page.get_by_role("button", name="Pay £15.00 by card").press("Enter")
    expect(page.get_by_test_id("payment-pending")).to_be_visible()
    take_payment(order)
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
    assert_pdf_downloads(page)
    command_dispatcher.send(DeliverOrder(order))
    return_and_refund(visitor, order)
    visitor.open("/orders/", "orders-behind")
    update_read_models()
    visitor.open("/orders/", "orders")


def return_and_refund(visitor: Visitor, order: UUID) -> None:
    """A mug is asked to be returned; the shop accepts and receives it, the gateway gives the money back."""
    page = visitor.page
    visitor.open(f"/orders/{order}/", "delivered")
    page.get_by_role("link", name="Return items").click()
    visitor.check_page("return")
    page.get_by_role("button", name="Ask for the return").click()
    expect(page.locator("#errors li")).to_have_count(1)
    visitor.check_page("return-nothing")
    page.get_by_label("Stoneware mug").fill("1")
    page.get_by_role("button", name="Ask for the return").click()
    reference = order_state(order).returns[0].reference
    steps = page.get_by_test_id(f"return-{reference}").get_by_role("listitem")
    expect(steps.nth(1)).to_contain_text("looking at your request")
    visitor.check_page("return-asked")
    command_dispatcher.send(AcceptReturn(order, reference))
    expect(steps.nth(1)).to_contain_text("accepted")
    command_dispatcher.send(ReceiveReturn(order, reference, (ReceivedLine(1, 1),)))
    pay_refunds(order)
    expect(steps.nth(3)).to_contain_text("£12.50")
    visitor.check_page("returned")
    page.get_by_role("link", name="Credit note").click()
    expect(page.get_by_role("cell", name="£12.50").first).to_be_visible()
    visitor.check_page("credit-note")
    assert_pdf_downloads(page)


def assert_pdf_downloads(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_an_order_is_cancelled_by_keyboard_alone(visitor: Visitor) -> None:
    page, keys = visitor.page, Keyboard(visitor.page)
    sign_in(page, visitor.address)
    page.goto(f"{visitor.address}/shop/HOM-222/")
    keys.press_button("Add to basket")
    keys.press_link("Go to checkout")
    keys.choose(re.compile("Decide later"))
    keys.press_button("Continue")
    keys.press_button(re.compile("Order for"))
    keys.press_link("Go to your order")
    keys.press_link("Cancel this order")
    expect(page.get_by_role("heading", name="Cancel order")).to_be_visible()
    visitor.check_page("cancel")
    keys.press_button("Cancel the order")
    expect(page.get_by_test_id("OrderCancelled")).to_contain_text("no reason given")
    visitor.check_page("cancelled")
