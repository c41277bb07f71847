"""The pages of the second factor in a browser, with an authenticator app and a passkey."""

from __future__ import annotations

from base64 import b32decode
from typing import Any

import pytest
from django.test import Client
from django_otp.oath import totp
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.customers import EMAIL, PASSWORD, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]
OVERVIEW = "/account/second-factor/"


def sign_in(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}/account/sign-in/?next={OVERVIEW}")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Second factor")).to_be_visible()


def test_an_authenticator_app_is_added_and_asked_for(visitor: Visitor) -> None:
    sign_up()
    page, elsewhere = visitor.page, Client()
    elsewhere.login(username=EMAIL, password=PASSWORD)
    sign_in(visitor)
    page.goto(f"{visitor.address}/my/")
    page.get_by_role("link", name="Second factor").click()
    visitor.check_page("second-factor")
    page.get_by_role("link", name="Add an authenticator app").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add an authenticator app")
    key = b32decode(page.locator("#key").inner_text())
    visitor.check_page("second-factor-app")
    page.get_by_label("Code", exact=True).fill(f"{totp(key):06}")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Add this app").click()
    recovery_code = page.locator(".codes code").first.inner_text()
    visitor.check_page("recovery-codes")
    assert elsewhere.get("/my/").status_code == 302
    page.context.clear_cookies()
    sign_in(visitor)
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.check_page("second-factor-check")
    page.get_by_label("Code", exact=True).fill(recovery_code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()
    visitor.check_page("second-factor-with-app")


def test_a_passkey_is_created_and_used(visitor: Visitor, settings: Any) -> None:
    visitor.address = visitor.address.replace("127.0.0.1", "localhost")  # a passkey belongs to a name
    settings.PASSKEYS, settings.OTP_WEBAUTHN_RP_ID = True, "localhost"
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [visitor.address]
    page = visitor.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = {
        **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True},
        **{"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True},
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
    sign_up()
    sign_in(visitor)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Create a passkey")).to_be_visible()
    visitor.check_page("add-passkey")
    with page.expect_response("**/passkeys/new/complete/") as created:
        page.get_by_role("button", name="Create a passkey").click()
    assert created.value.status == 200, created.value.text()
    page.context.clear_cookies()
    sign_in(visitor)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    visitor.check_page("second-factor-check-passkey")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Passkeys")).to_be_visible()
