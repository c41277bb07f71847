"""The API token page in every window size, and Swagger UI under a strict content security policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Visitor
from tests.support.customers import EMAIL, PASSWORD, sign_up
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


def test_a_token_is_made_shown_once_and_revoked(visitor: Visitor) -> None:
    sign_up()
    page = visitor.page
    visitor.open("/account/sign-in/?next=/my/", "sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="API tokens").click()
    visitor.check_page("tokens")
    page.get_by_label("Name").fill("Till at the market")
    page.get_by_label("Read orders").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Create token").click()
    token = page.locator("#token").inner_text()
    visitor.check_page("new-token")
    response = page.request.get(f"{visitor.address}/api/v1/", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["scopes"] == ["orders:read"]
    page.get_by_role("button", name="Revoke the token Till at the market").click()
    visitor.expect_success("Till at the market")
    visitor.check_page("revoked")
    assert token not in page.content()


def test_the_documentation_lists_the_resources_and_breaks_no_rule_of_the_policy(
    chrome: Browser, server: str, tmp_path: Path
) -> None:
    page = chrome.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: complaints.append(request.url) if server not in request.url else None)
    page.goto(f"{server}/api/docs/")
    operation = page.locator("#operations-orders-post_orders")

    def is_found_by_scrolling() -> bool:
        page.mouse.wheel(0, 400)  # what is out of sight of a long list is not rendered
        return operation.count() > 0

    wait_until(is_found_by_scrolling)
    expect(operation).to_be_visible()
    assert not [complaint for complaint in complaints if not complaint.startswith("data:")]
