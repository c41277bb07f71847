"""Staff open the search with Ctrl-K on any page, choose with the keyboard, and are told when nothing is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.support.browser import Visitor, serve
from tests.support.sales import Sale
from tests.support.staff import PASSWORD, order_url, record_sales

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

SALE = Sale(1)


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    """The program behind a real port, with an order in it."""
    User.objects.create_superuser("ada", password=PASSWORD)
    record_sales(SALE)
    with serve() as address:
        yield address


def test_an_order_is_opened_from_the_palette_by_a_part_of_its_number(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    page, part = visitor.page, SALE.reference[-3:].lower()
    page.keyboard.press("Control+k")
    field = page.get_by_role("dialog", name="Find anything").get_by_role("searchbox")
    expect(field).to_be_focused()
    field.press_sequentially("nothing is called so")
    expect(page.get_by_test_id("nothing-found")).to_be_visible()
    visitor.check_page("palette-nothing")
    field.fill("")
    field.press_sequentially(part)
    expect(page.get_by_test_id("hit").first).to_contain_text(SALE.reference)
    visitor.check_page("palette")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{order_url(SALE)}")
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    field.press_sequentially("ship")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/search/")
    visitor.check_page("find")
    assert "ship" not in page.url
