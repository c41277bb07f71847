"""Reported cases of access: sign-in limits, and what a session alone may do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Login
from django.core import mail
from django.db import connections
from django.test import Client

from eventshop.projections.effects.worker import perform_effects
from eventshop.web.api import api_tokens
from eventshop.web.models import ApiToken
from eventshop.web.shared import attempt_limits
from tests.support.api_clients import staff
from tests.support.customers import EMAIL, PASSWORD, link_in_email, sign_in_customer, sign_up
from tests.support.waiting import DEADLINE_S
from users.application import sign_in_notices

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about limits, which are in the cache, and about pages
]
HOW: Any = {"name": "script", "scopes": ["orders:read"], "lifetime": timedelta(days=1)}
TOKEN = {"name": "thief", "days": "365", "scopes": ["orders:read"]}


def api_status(token: str) -> int:
    return Client().get("/api/v1/orders", headers={"authorization": f"Bearer {token}"}).status_code


def guess(path: str, name: str, times: int = 26) -> list[int]:
    client = Client()
    return [client.post(path, {"username": name, "password": "wrong"}).status_code for _ in range(times)]


@pytest.mark.parametrize("path", ["/account/sign-in/", "/admin/login/"])
def test_wrong_passwords_are_limited_on_every_door(path: str) -> None:
    """26 wrong passwords at the pages or the admin: after five, the next ones are refused with 429."""
    Login.objects.create_superuser("boss", password=PASSWORD)
    assert guess(path, "boss") == [200] * 5 + [429] * 21


def test_a_stolen_session_of_staff_guesses_no_password_in_the_console() -> None:
    client = Client()
    client.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
    form = {"old_password": "wrong", "new_password1": "four loud lanterns", "new_password2": "four loud lanterns"}
    statuses = [client.post("/admin/password_change/", form).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert guess("/admin/login/", "boss", times=1) == [429]  # one lock for all doors


def test_staff_do_not_set_the_password_of_somebody_who_may_more() -> None:
    clerk, officer, other = (staff(name, "view_user", "change_user") for name in ("clerk", "officer", "other"))
    officer.user_permissions.add(Permission.objects.get(codename="view_storedevent"))
    client, new = Client(), "four very quiet lanterns"
    client.force_login(clerk)
    form = {"password1": new, "password2": new}
    answers = [client.post(f"/admin/auth/user/{login.pk}/password/", form) for login in (officer, other)]
    assert [answer.status_code for answer in answers] == [403, 302]
    assert [Client().login(username=name, password=new) for name in ("officer", "other")] == [False, True]


@pytest.mark.parametrize("variant", [f"{EMAIL} ", f" {EMAIL}", EMAIL.upper(), EMAIL.replace("m", "M")])
def test_another_spelling_of_the_name_is_the_same_account(variant: str) -> None:
    """After the limit, a trailing space or other capitals lead to the same account: still 429, on both doors."""
    sign_up()
    guess("/account/sign-in/", EMAIL, times=5)
    assert guess("/account/sign-in/", variant, times=1) + guess("/admin/login/", variant, times=1) == [429, 429]


def test_the_right_password_is_refused_too_until_the_wait_is_over() -> None:
    """The limit says how long to wait, and a guess that happens to be right tells nothing before."""
    sign_up()
    guess("/account/sign-in/", EMAIL, times=5)
    response = Client().post("/account/sign-in/", {"username": EMAIL, "password": PASSWORD})
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_wrong_passwords_are_limited_by_network_address_whoever_they_are_for() -> None:
    def statuses(address: str, times: int) -> list[int]:
        client = Client(REMOTE_ADDR=address)
        forms = ({"username": f"p{number}@example.org", "password": "wrong"} for number in range(times))
        return [client.post("/account/sign-in/", form).status_code for form in forms]

    assert statuses("192.0.2.7", 32) == [200] * 30 + [429] * 2
    assert statuses("192.0.2.8", 1) == [200]


def test_each_wait_is_twice_as_long_as_the_one_before() -> None:
    minutes = [attempt_limits.PASSWORD.wait_after(attempts).total_seconds() / 60 for attempts in range(3, 12)]
    assert minutes == [0, 0, 1, 2, 4, 8, 15, 15, 15]


@pytest.mark.both
def test_guesses_at_the_same_moment_are_counted_one_by_one_in_the_database() -> None:
    together = Barrier(8)

    def guess_once() -> bool:
        together.wait(DEADLINE_S)
        try:
            attempt_limits.count_attempt(attempt_limits.PASSWORD, "ada")
        except attempt_limits.TooManyAttempts:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        tried = [guess.result() for guess in [pool.submit(guess_once) for _ in range(8)]]
    assert sorted(tried) == [False] * 3 + [True] * 5


def test_the_owner_is_told_of_wrong_passwords_once() -> None:
    """Five wrong passwords: one letter to the owner, however often the job runs; none for an unknown address."""
    sign_up()
    guess("/account/sign-in/", EMAIL, times=7)
    guess("/account/sign-in/", "nobody@example.org", times=7)
    assert [sign_in_notices.tell_owners() for _ in range(2)] == ["1 owners were told", "0 owners were told"]
    assert [email.to for email in mail.outbox] == [[EMAIL]]
    assert "5 wrong passwords" in str(mail.outbox[0].body)


def test_a_session_alone_makes_no_token() -> None:
    """A session without the password, `POST /account/tokens/` for a year: refused; with the password it is made."""
    client, _ = sign_in_customer()
    for extra in ({}, {"password": ""}, {"password": "wrong"}):
        client.post("/account/tokens/", TOKEN | extra)
    assert not ApiToken.objects.exists()
    client.post("/account/tokens/", TOKEN | {"password": PASSWORD})
    assert ApiToken.objects.get().state == "valid"


def test_a_session_alone_changes_no_address_and_the_old_one_is_told() -> None:
    """A new e-mail address without the password: refused. With it, the old address gets a letter, both times."""
    client, _ = sign_in_customer()
    form = client.get("/my/details/").context["form"]
    details = {"form_id": form["form_id"].value(), "name": "Ada Marker", "email": "thief@example.org"}
    assert client.post("/my/details/", details).context["form"].has_error("password")
    assert client.post("/my/details/", details | {"password": "wrong"}).context["form"].has_error("password")
    assert not mail.outbox
    client.post("/my/details/", details | {"password": PASSWORD})
    assert [email.to for email in mail.outbox] == [[EMAIL], ["thief@example.org"]]
    client.post(link_in_email())
    perform_effects()
    assert mail.outbox[-1].to == [EMAIL]
    assert "thief@example.org" in str(mail.outbox[-1].body)


@pytest.mark.parametrize("door", ["page", "link", "admin", "taken"])
def test_tokens_and_sessions_end_with_the_password(door: str) -> None:
    """A new password on the page, by the link of an e-mail, set or taken away by staff: tokens answer 401, sessions
    are over, and the owner is told."""
    login = sign_up()
    client, thief = Client(), Client()
    client.force_login(login)
    thief.force_login(login)
    token = client.post("/account/tokens/", TOKEN | {"password": PASSWORD}).context["token"]
    assert api_status(token) == 200
    new = "four very quiet lanterns"
    if door == "page":
        client.post("/account/password/", {"current": PASSWORD, "password": new})
    elif door == "link":
        client.post("/account/reset/", {"email": EMAIL})
        client.post(link_in_email(), {"password": new})
    else:
        boss = Client()
        boss.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
        taken = {"usable_password": "false", "unset-password": "1"}
        form = {"password1": new, "password2": new} if door == "admin" else taken
        boss.post(f"/admin/auth/user/{login.pk}/password/", form)
    assert Client().login(username=EMAIL, password=new) is (door != "taken")
    assert (mail.outbox[-1].to, "password of your account was changed" in mail.outbox[-1].body) == ([EMAIL], True)
    assert api_status(token) == 401
    assert thief.get("/my/").status_code == 302


def test_links_in_letters_do_not_follow_the_host_of_the_request(settings: Any) -> None:
    """A request with a foreign `Host` asks for a new password: the link leads to the site's own address."""
    settings.ALLOWED_HOSTS, settings.SITE_URL = ["*"], "https://shop.example.org"
    sign_up()
    Client(headers={"host": "thief.example.org"}).post("/account/reset/", {"email": EMAIL})
    body = str(mail.outbox[0].body)
    assert "https://shop.example.org/account/reset/" in body and "thief" not in body


def test_sign_ins_and_failures_are_logged_without_the_name(caplog: pytest.LogCaptureFixture) -> None:
    login, client = sign_up(), Client()
    caplog.set_level("INFO", "eventshop.web.sign_in_log")
    for password in ("wrong", PASSWORD):
        client.post("/account/sign-in/", {"username": EMAIL, "password": password})
    client.post("/account/sign-out/")
    lines = [record.getMessage() for record in caplog.records if record.name == "eventshop.web.sign_in_log"]
    assert lines == [
        "a sign-in failed at /account/sign-in/",
        f"login {login.pk} signed in",
        f"login {login.pk} signed out",
    ]


def test_a_token_makes_no_token() -> None:
    client = Client(headers={"authorization": f"Bearer {api_tokens.create_token(sign_up(), **HOW)[1]}"})
    response = client.post("/account/tokens/", {**TOKEN, "password": PASSWORD})
    assert response.headers["Location"].startswith("/account/sign-in/")
    assert ApiToken.objects.count() == 1
