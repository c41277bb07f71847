"""Public pages in a real browser: accessible, and never wider than the window, in every window size."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.customers import EMAIL, PASSWORD, link_in_email

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


def test_an_unknown_page_is_clean_and_leads_back(visitor: Visitor) -> None:
    visitor.open("/nowhere", "404", status=404)
    visitor.page.get_by_role("link", name="Back to the home page").click()
    expect(visitor.page).to_have_url(visitor.address + "/")


def test_the_keyboard_reaches_the_content_at_once(visitor: Visitor) -> None:
    visitor.page.goto(visitor.address)
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("main")).to_be_focused()


@pytest.mark.phone_first
def test_from_signing_up_to_a_consent_and_back(visitor: Visitor) -> None:
    """Every step by keyboard or click; every page is checked."""
    page = visitor.page
    visitor.open("/account/sign-up/", "sign-up")
    page.get_by_role("button", name="Send me a link").click()
    visitor.check_page("sign-up-empty")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    visitor.check_page("email-sent")
    visitor.open(link_in_email(), "sign-up-finish")
    page.get_by_label("Your name").fill("Ada Marker")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    visitor.expect_success()
    visitor.check_page("consents")
    page.get_by_role("button", name="Agree to Offers by e-mail").click()
    consent = page.locator("#DirectMarketing")
    expect(consent.get_by_test_id("given")).to_be_visible()
    visitor.check_page("agreed")
    page.get_by_role("link", name="Receipt for Offers by e-mail").click()
    visitor.check_page("receipt")
    page.go_back()
    page.get_by_role("button", name="Take back my consent to Offers by e-mail").click()
    expect(consent.get_by_test_id("not-given")).to_be_visible()
    visitor.check_page("taken-back")
    visitor.open("/my/data/", "everything")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all my data").click()
    assert EMAIL in download.value.path().read_text()
    visitor.open("/my/", "home")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(visitor.address + "/")
