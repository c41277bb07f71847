"""A customer in a real browser: sign up, consent, order, withdraw the consent, export the data, request erasure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.projection import projection_registry
from eventshop.sagas import workers
from orders.domain.commands import DeliverOrder, ReceiveStock, RecordObservedPayment, ShipOrder
from orders.models import Product
from tests.support.browser import Visitor, serve
from tests.support.customers import EMAIL, PASSWORD, link_in_email
from tests.support.read_models import catch_up
from tests.support.sales import gbp

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def server(clean_database: None, tmp_path: Path, settings: Any) -> Iterator[str]:
    settings.KEY_CACHE_SECONDS = settings.ERASURE_COOLING_OFF_DAYS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    Product.objects.create(sku="MUG", name="Stoneware mug", price=Decimal("12.50"))
    command_dispatcher.send(ReceiveStock(sku="MUG", quantity=5, reference="D-1"))
    with serve() as address:
        yield address


@pytest.mark.phone_first
def test_from_the_first_email_to_the_certificate(visitor: Visitor) -> None:
    _sign_up(visitor)
    page = visitor.page
    page.get_by_role("button", name="Agree to Offers by e-mail").click()
    expect(page.locator("#DirectMarketing").get_by_test_id("given")).to_be_visible()
    _order_mug(visitor)
    visitor.open("/my/erasure/", "erase-with-open-order")
    expect(page.get_by_test_id("blocker")).to_be_visible()
    _deliver()
    visitor.open("/my/consents/", "consents")
    page.get_by_role("button", name="Take back my consent to Offers by e-mail").click()
    visitor.open("/my/data/", "everything")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all my data").click()
    assert EMAIL in download.value.path().read_text()
    _request_erasure(visitor)


def _sign_up(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}/account/sign-up/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    page.goto(visitor.address + link_in_email())
    page.get_by_label("Your name").fill("Ada Marker")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.address}/my/consents/")
    visitor.expect_success()


def _order_mug(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}/shop/MUG/")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Go to checkout").click()
    visitor.check_page("checkout-without-address")
    page.get_by_label("Address", exact=True).fill("1 Garden Street\nYork")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Decide later").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Order for £12.50").click()
    page.get_by_role("link", name="Go to your order").click()
    expect(page.get_by_test_id("OrderCreated")).to_contain_text("£12.50")
    catch_up(*projection_registry.select([]))


def _deliver() -> None:
    order = StoredEvent.objects.get(event_type="OrderCreated").aggregate_id
    for command in (
        RecordObservedPayment(order, gbp("12.50"), "card"),
        ShipOrder(order, "Post"),
        DeliverOrder(order, "Ada"),
    ):
        command_dispatcher.send(command)
    catch_up(*projection_registry.select([]))


def _request_erasure(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/my/erasure/", "erase")
    page.get_by_role("button", name="Erase my data").click()
    expect(page.locator("#id_password_error")).to_be_visible()
    visitor.check_page("erase-no-password")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Erase my data").click()
    expect(page.get_by_role("heading", name="Your data will be erased on")).to_be_visible()
    visitor.check_page("leaving")
    link = link_in_email()
    visitor.open(link, "erasure-waits")
    workers.run_until_idle("test")
    catch_up(*projection_registry.select([]))
    visitor.open(link, "certificate")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    page.goto(f"{visitor.address}/my/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
