"""Sessions: a row for whoever is signed in, a signed cookie for all others."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client

from eventshop.web.sessions import MAX_COOKIE, SessionStore
from tests.support.customers import EMAIL, PASSWORD, sign_up

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]


def store(content: Mapping[str, object]) -> SessionStore:
    session = SessionStore()
    session.update(content)
    session.save()
    return session


def test_a_visitor_who_is_not_signed_in_has_no_row() -> None:
    session = store({"basket": {"MUG": 2}})
    assert not Session.objects.exists()
    assert SessionStore(session.session_key)["basket"] == {"MUG": 2}


def test_signing_in_keeps_the_content_makes_a_row_and_another_key_and_signing_out_deletes_it() -> None:
    sign_up()
    client = Client()
    session = store({"basket": {"MUG": 2}})
    client.cookies["sessionid"] = str(session.session_key)
    client.post("/account/sign-in/", {"username": EMAIL, "password": PASSWORD})
    key = client.cookies["sessionid"].value
    assert Session.objects.get().session_key == key != session.session_key
    assert SessionStore(key)["basket"] == {"MUG": 2}
    client.post("/account/sign-out/")
    assert not Session.objects.exists()
    client.cookies["sessionid"] = key
    assert client.get("/my/").status_code == 302


def test_a_forged_cookie_is_empty() -> None:
    key = str(store({"basket": {"MUG": 2}}).session_key)
    assert dict(SessionStore(key[:-1] + ("A" if key[-1] != "A" else "B")).items()) == {}


def test_a_cookie_signs_nobody_in() -> None:
    """Even one that was signed with our key."""
    key = "." + signing.dumps({SESSION_KEY: str(sign_up().pk), "basket": {}}, salt="eventshop.session")
    assert list(SessionStore(key).keys()) == ["basket"]


def test_what_is_too_long_for_a_cookie_is_a_row() -> None:
    content = {
        "basket": {f"SKU-{number:05}-{number * 7919 % 65_537:x}": number for number in range(2 * MAX_COOKIE // 8)}
    }
    session = store(content)
    assert Session.objects.get().session_key == session.session_key
    assert SessionStore(session.session_key)["basket"] == content["basket"]
