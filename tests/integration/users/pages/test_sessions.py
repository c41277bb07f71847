"""Where a user is signed in: each session is listed, and can be ended by its owner alone."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.customers import EMAIL, PASSWORD, sign_in_customer, sign_up
from tests.support.pages import find
from users.application.signed_in_sessions import ENDED_SESSIONS, name_browser
from users.models import SignedInSession

pytestmark = pytest.mark.usefixtures("clean_database")

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605 Version/18.1 Mobile Safari/604.1"


def sign_in(agent: str) -> Client:
    client = Client(headers={"user-agent": agent})
    assert client.post("/account/sign-in/", {"username": EMAIL, "password": PASSWORD}).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/my/").status_code == 200


def test_an_owner_sees_and_ends_their_sessions_and_nobody_elses() -> None:
    sign_up()
    here, phone, third = sign_in(FIREFOX), sign_in(IPHONE), sign_in("curl/8.5")
    stranger, _ = sign_in_customer("eve@example.org")
    listed = find(here.get("/account/sessions/"), "session")
    assert [one.text.split("Since")[0].split() for one in listed] == [
        ["A", "program"],
        ["Safari", "on", "iPhone"],
        ["Firefox", "on", "Linux", "This", "device"],
    ]
    of_phone = SignedInSession.objects.get(browser="Safari on iPhone").pk
    assert stranger.post(f"/account/sessions/{of_phone}/end/").status_code == 404 and is_signed_in(phone)
    here.post(f"/account/sessions/{of_phone}/end/")
    assert [is_signed_in(client) for client in (here, phone, third)] == [True, False, True]
    here.post("/account/sessions/end/")
    assert [is_signed_in(client) for client in (here, third, stranger)] == [True, False, True]


def test_a_new_password_leaves_this_session_in_the_list() -> None:
    sign_up()
    here, _ = sign_in(FIREFOX), sign_in(IPHONE)
    here.post("/account/password/", {"current": PASSWORD, "password": "four loud lanterns"})
    listed = find(here.get("/account/sessions/"), "session")
    assert "This device" in listed[0].text
    assert len(listed) == 1  # the others have ended


def test_an_ended_session_is_forgotten() -> None:
    sign_up()
    here = sign_in(FIREFOX)
    here.post("/account/sign-out/")
    [row] = SignedInSession.objects.all()
    assert not list(ENDED_SESSIONS.expired_rows(now=row.since))
    assert list(ENDED_SESSIONS.expired_rows(now=row.expires_at.replace(year=row.expires_at.year + 1))) == [row]


def test_only_names_of_a_list_are_kept_of_a_browser() -> None:
    assert name_browser("Zz-Ada Lovelace, 12 Zz-Street") == "A program"
