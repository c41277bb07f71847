"""Invalid API requests get problem details; authentication, rate limits and API tokens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from eventshop.web.api import request_parsing
from eventshop.web.models import ApiToken
from tests.support.api_clients import ApiClient, problem_of, shopper, staff, token_of
from tests.support.customers import PASSWORD, sign_in_customer, sign_up
from tests.support.pages import find
from tests.support.staff import clerk
from users.application import accounts

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about requests that reach no database
]


def test_a_token_tells_who_asks_and_what_for() -> None:
    program = shopper(scopes=["orders:read", "events:read"])
    today = timezone.localdate()
    answer = program.get("")
    assert answer.json() == {
        "person_id": str(program.person),
        "staff": False,
        "scopes": ["orders:read", "events:read"],
        "token": "a script",
        "expires_at": answer.json()["expires_at"],
    }
    assert ApiToken.objects.get().used_on in {today, timezone.localdate()}  # midnight may have passed


def test_nothing_of_a_token_is_kept_that_could_be_used() -> None:
    token = token_of(sign_up())
    record = ApiToken.objects.get()
    assert token not in str(vars(record)) and len(record.digest) == 64
    assert len(token) > 40


def test_without_a_token_or_with_a_bad_one_nobody_gets_in() -> None:
    login = sign_up()
    anonymous = Client().get("/api/v1/")
    assert problem_of(anonymous) == (401, "not-signed-in")
    assert anonymous.headers["WWW-Authenticate"] == 'Bearer realm="eventshop"'
    expired = token_of(login, lifetime=timedelta(seconds=-1))
    revoked = token_of(login)
    ApiToken.objects.filter(begins=revoked[:12]).update(revoked_at=timezone.now())
    for token in ("", "nonsense", expired, revoked, token_of(login) + "x"):
        answer = Client(headers={"authorization": f"Bearer {token}"}).get("/api/v1/")
        assert problem_of(answer) == (401, "invalid-token"), token
    leaver = ApiClient(login)
    accounts.close(leaver.person)  # type: ignore[arg-type]
    assert problem_of(leaver.get("")) == (401, "invalid-token")
    assert not ApiToken.objects.exists()


def test_a_session_needs_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(sign_up())
    assert client.get("/api/v1/").status_code == 200
    assert problem_of(client.post("/api/v1/", b"{}", content_type="application/json")) == (403, "csrf-failed")


def test_what_does_not_exist_is_a_problem_too() -> None:
    program = shopper()
    assert problem_of(program.get("nowhere")) == (404, "not-found")
    assert problem_of(Client().get("/api/")) == (404, "not-found")
    answer = program.post("", {})
    assert problem_of(answer) == (405, "wrong-method")
    assert "GET" in answer.headers["Allow"]
    assert problem_of(program.get("", accept="text/html")) == (406, "not-acceptable")
    # Outside /api/ the response is an HTML page.
    assert Client().get("/nowhere/").headers["Content-Type"].startswith("text/html")


@pytest.mark.urls("tests.support.failing_urls")
def test_a_fault_tells_nothing_but_its_trace_id(caplog: pytest.LogCaptureFixture) -> None:
    program = shopper()
    for failure, status, code in (
        ("fault", 500, "internal-error"),
        ("store", 500, "internal-error"),
        ("database", 503, "unavailable"),
    ):
        answer = program.get(f"failing/{failure}")
        assert problem_of(answer) == (status, code)
        assert b"secret" not in answer.content and b"Traceback" not in answer.content
    assert "secret words" in caplog.text  # for us, in the log
    browser = Client(enforce_csrf_checks=True)
    assert problem_of(browser.post("/api/plain")) == (403, "csrf-failed")


def test_too_many_requests_wait_and_the_headers_say_how_long() -> None:
    program, other = shopper(), shopper("bob@example.org")
    with override_settings(API_RATE="3/h"):
        left = [program.get("").headers["RateLimit-Remaining"] for _ in range(3)]
        answer = program.get("")
        assert problem_of(answer) == (429, "too-many-requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 3600
        assert (left, answer.headers["RateLimit-Limit"]) == (["2", "1", "0"], "3")
        assert other.get("").status_code == 200  # each token has its own


def test_the_headers_of_the_current_draft_say_the_same() -> None:
    with override_settings(API_RATE="3/h"):
        headers = shopper().get("").headers
    assert headers["RateLimit-Policy"] == '"api";q=3;w=3600'
    assert headers["RateLimit"] == f'"api";r=2;t={headers["RateLimit-Reset"]}'


def test_asking_whether_something_has_changed_is_free() -> None:
    program = shopper()
    with override_settings(API_RATE="3/h"):
        tag = program.get("").headers["ETag"]
        assert [program.get("", if_none_match=tag).status_code for _ in range(5)] == [304] * 5
        assert program.get("").headers["RateLimit-Remaining"] == "1"


def test_while_the_cache_is_away_nobody_is_held_up() -> None:
    program = shopper()
    unreachable = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    with override_settings(CACHES={"default": unreachable}, API_RATE="1/h"):
        assert [program.get("").status_code for _ in range(3)] == [200, 200, 200]


def test_a_body_may_not_be_larger_than_any_request_needs() -> None:
    program = shopper()
    answer = program.post("", {"x": "y" * request_parsing.MAX_BODY_BYTES})
    assert problem_of(answer) == (413, "body-too-large")


def test_people_make_and_revoke_tokens_on_a_page_and_see_each_once() -> None:
    client, _ = sign_in_customer()
    form = {"name": "Till", "days": "7", "scopes": ["orders:read", "trades:read"], "password": PASSWORD}
    page = client.post("/account/tokens/", form).content.decode()
    match = re.search(r'id="token">([^<]+)<', page)
    assert match
    asking = Client(headers={"authorization": f"Bearer {match[1]}"})
    assert asking.get("/api/v1/").json()["scopes"] == ["orders:read", "trades:read"]
    again = client.get("/account/tokens/").content.decode()
    assert "Till" in again and match[1] not in again
    other, _ = sign_in_customer("bob@example.org", "Bob")
    record = ApiToken.objects.get()
    assert other.post(f"/account/tokens/{record.pk}/revoke/").status_code == 404
    assert asking.get("/api/v1/").status_code == 200
    client.post(f"/account/tokens/{record.pk}/revoke/")
    assert problem_of(asking.get("/api/v1/")) == (401, "invalid-token")


def test_the_token_form_names_what_is_missing_and_keeps_nothing() -> None:
    client, _ = sign_in_customer()
    page = client.post("/account/tokens/", {"name": "", "days": "8000", "scopes": ["everything"]})
    errors = page.context["form"].errors.as_data()
    assert {field: [error.code for error in found] for field, found in errors.items()} == {
        "name": ["required"],
        "days": ["invalid_choice"],
        "scopes": ["invalid_choice"],
        "password": ["required"],
    }
    assert find(page, id="errors", role="alert")
    assert not ApiToken.objects.exists()


def test_staff_revoke_anybodys_token_if_they_may() -> None:
    asking = shopper()
    rows = {"action": "revoke", "_selected_action": [str(ApiToken.objects.get().pk)]}
    path = "/admin/web/apitoken/"
    assert asking.login.username in clerk("view_apitoken").get(path).content.decode()
    clerk("view_apitoken").post(path, rows)
    assert asking.get("").status_code == 200
    clerk("view_apitoken", "revoke_apitoken").post(path, rows)
    assert problem_of(asking.get("")) == (401, "invalid-token")
    assert staff("nobody").check_password(PASSWORD) is False


def test_no_other_site_may_ask_in_a_browsers_name() -> None:
    program = shopper()
    elsewhere = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    for answer in (program.client.options("/api/v1/orders", headers=elsewhere), program.get("", **elsewhere)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
