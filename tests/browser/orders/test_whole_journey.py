"""A customer's whole journey by keyboard, from signing up to the erasure; with and without scripts, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.effects.worker import perform_effects
from eventshop.sagas import workers
from orders.domain.commands import AcceptReturn, DeliverOrder, ReceivedLine, ReceiveReturn, ReceiveStock
from orders.models import DeliveryOption, Product
from tests.support.browser import RULES, Visitor, serve
from tests.support.customers import EMAIL, PASSWORD, link_in_email
from tests.support.gateway_process import GatewayProcess, running_gateway, take_payments_at
from tests.support.keyboard import Keyboard
from tests.support.order_payments import order_state
from tests.support.staff import update_read_models

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

DECLINED, GOOD = "4000 0000 0000 0010", "4242 4242 4242 4242"
Scheme: TypeAlias = Literal["light", "dark"]
Window: TypeAlias = tuple[int, bool, Scheme]
#: Width, scripts, colours: in `make test` two that differ in all three.
SHORT: Final[tuple[Window, ...]] = ((320, True, "dark"), (1280, False, "light"))
WINDOWS: Final[tuple[Window, ...]] = tuple(product((320, 1280), (True, False), ("light", "dark")))


@pytest.fixture
def gateway(tmp_path: Path, server: str, settings: Any) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path, "--shop", server) as process, take_payments_at(process, settings):
        yield process


@pytest.fixture
def server(clean_database: None, tmp_path: Path, settings: Any) -> Iterator[str]:
    settings.KEY_CACHE_SECONDS = settings.ERASURE_COOLING_OFF_DAYS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    Product.objects.create(sku="MUG", name="Stoneware mug", price=Decimal("12.50"))
    Product.objects.create(sku="POT", name="Enamel teapot", price=Decimal("29.50"))
    DeliveryOption.objects.create(code="POST", name="Post", about="Three days", price=Decimal("3.95"))
    DeliveryOption.objects.create(code="COURIER", name="Courier", about="One day", price=Decimal("9.00"))
    for sku in ("MUG", "POT"):
        command_dispatcher.send(ReceiveStock(sku=sku, quantity=5, reference="D-1"))
    with serve() as address:
        yield address


class Shopper:
    """Goes through the shop by keyboard; the shop's own people and workers act in between."""

    def __init__(self, visitor: Visitor, scheme: Scheme, *, has_scripts: bool) -> None:
        self.visitor, self.page, self.keyboard = visitor, visitor.page, Keyboard(visitor.page)
        self.has_scripts = has_scripts
        visitor.schemes = {scheme: RULES}

    def check(self, name: str, heading: str | re.Pattern[str]) -> None:
        """Wait for the page with this heading, and check it."""
        expect(self.page.get_by_role("heading", level=1, name=heading, exact=isinstance(heading, str))).to_be_visible()
        if self.has_scripts:
            self.visitor.check_page(name)
        else:  # axe is a script; the page is the same
            self.visitor.check_width(name)

    def open_letter(self) -> None:
        """Open the link of the newest letter."""
        self.page.goto(self.visitor.address + link_in_email())

    def refresh(self) -> None:
        """With scripts a page shows by itself what has changed."""
        if not self.has_scripts:
            self.keyboard.press_link("Reload")

    def sign_up(self) -> None:
        keys = self.keyboard
        self.page.goto(self.visitor.address)
        self.check("start", re.compile("Things for your home"))
        keys.press_link("Sign in")
        self.check("sign-in", "Sign in")
        keys.press_link("Create an account")
        keys.press_button("Send me a link")
        expect(self.page.locator("#errors")).to_be_focused()  # by `autofocus`: also without scripts
        self.check("sign-up-empty", "Create an account")
        keys.type_into("E-mail address", EMAIL)
        keys.press_button("Send me a link")
        self.check("email-sent", "Check your e-mail")
        self.open_letter()
        self.check("sign-up-finish", "Finish signing up")
        keys.type_into("Your name", "Ada Marker")
        keys.type_into("Password", PASSWORD)
        keys.press_button("Create my account")
        self.check("consents", "My consents")
        keys.press_button("Agree to Offers by e-mail")
        expect(self.page.locator("#DirectMarketing").get_by_test_id("given")).to_be_visible()

    def fill_basket(self) -> None:
        keys = self.keyboard
        keys.press_link("Shop")
        self.check("shop", "Shop")
        keys.type_into("Search", "mug")
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_text("1 product.")).to_be_visible()
        keys.press_link("Stoneware mug")
        self.check("product", "Stoneware mug")
        keys.type_into("Quantity", "2")
        keys.press_button("Add to basket")
        self.check("basket", "Basket")
        keys.type_into("Quantity of Stoneware mug", "3")
        keys.press_button("Change Stoneware mug")
        expect(self.page.get_by_role("row", name="Total")).to_contain_text("£37.50")

    def check_out(self) -> UUID:
        keys = self.keyboard
        keys.press_link("Go to checkout")
        self.check("checkout-address", "Where should we deliver it?")
        keys.type_into("Address", "1 Garden Street\nYork YO1 1AA")
        keys.press_button("Continue")
        self.check("checkout-delivery", "How should we deliver it?")
        keys.choose(re.compile("Courier"))
        keys.press_button("Continue")
        self.check("checkout-payment", "How do you want to pay?")
        keys.choose("Card")
        keys.press_button("Continue")
        self.check("review", "Check your order")
        keys.press_button("Order and pay £46.50")
        self.enter_card(DECLINED)
        self.check("done", "Thank you, we have your order")
        workers.run_until_idle("test")
        keys.press_link("Go to your order")
        expect(self.page.get_by_test_id("payment-declined")).to_be_visible()
        self.check("declined", re.compile("Order"))
        return StoredEvent.objects.get(event_type="OrderCreated").aggregate_id

    def enter_card(self, number: str) -> None:
        """On the page of the payment service."""
        self.check("card-page", "Pay 46.50 GBP")
        for label, text in (("Card number", number), ("Expiry", "12/31"), ("Security code", "123")):
            self.keyboard.type_into(re.compile(label), text)
        self.keyboard.press_button("Pay 46.50 GBP")

    def pay(self) -> None:
        self.keyboard.press_button("Pay £46.50 by card")
        self.enter_card(GOOD)
        expect(self.page.get_by_test_id("payment-pending")).to_be_visible()
        workers.run_until_idle("test")
        self.refresh()
        expect(self.page.get_by_test_id("state-SHIPPED")).to_be_visible()
        perform_effects()
        self.check("shipped", re.compile("Order"))
        self.keyboard.press_link("Invoice")
        self.check("invoice", "Invoice INV-000001")
        self.keyboard.press_link(re.compile("Order W-"))

    def return_one(self, order: UUID) -> None:
        keys = self.keyboard
        command_dispatcher.send(DeliverOrder(order))
        keys.press_link("Return items")
        self.check("return", "Return items")
        keys.type_into(re.compile("Stoneware mug"), "1")
        keys.press_button("Ask for the return")
        self.check("return-asked", re.compile("Order"))
        reference = order_state(order).returns[0].reference
        command_dispatcher.send(AcceptReturn(order, reference))
        command_dispatcher.send(ReceiveReturn(order, reference, (ReceivedLine(1, 1),)))
        workers.run_until_idle("test")
        perform_effects()
        self.refresh()
        keys.press_link(re.compile("Credit note"))
        self.check("credit-note", "Credit note CN-000001")
        expect(self.page.get_by_role("cell", name="£12.50").first).to_be_visible()
        with self.page.expect_download() as download:
            keys.press_link("Download as PDF")
        assert download.value.path().read_bytes().startswith(b"%PDF-")

    def have_all_erased(self) -> None:
        keys = self.keyboard
        update_read_models()
        keys.press_link("My data")
        self.check("my-data", "My data")
        keys.press_link("Erase my data")
        self.check("erase", "Erase my data")
        expect(self.page.get_by_test_id("blocker")).to_have_count(0)
        keys.type_into("Your password", PASSWORD)
        keys.press_button("Erase my data")
        self.check("leaving", re.compile("Your data will be erased"))
        workers.run_until_idle("test")
        update_read_models()
        self.open_letter()
        self.check("certificate", "Certificate of erasure")
        keys.press_link("Download as PDF")


@pytest.fixture
def shopper(chrome: Browser, server: str, gateway: GatewayProcess, window: Window) -> Iterator[Shopper]:
    width, has_scripts, scheme = window
    context = chrome.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=has_scripts, color_scheme=scheme
    )
    yield Shopper(Visitor(context.new_page(), server), scheme, has_scripts=has_scripts)
    context.close()


@pytest.mark.parametrize(
    "window", [pytest.param(one, marks=() if one in SHORT else pytest.mark.long, id=str(one)) for one in WINDOWS]
)
def test_from_signing_up_to_the_erasure_by_keyboard(shopper: Shopper) -> None:
    shopper.sign_up()
    shopper.fill_basket()
    order = shopper.check_out()
    shopper.pay()
    shopper.return_one(order)
    shopper.have_all_erased()
