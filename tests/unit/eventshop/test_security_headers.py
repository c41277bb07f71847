"""What every answer carries: the content policy of its path, and headers that make browsers strict."""

import pytest
from django.test import Client


def policy(path: str) -> dict[str, set[str]]:
    """Return the content policy of the page at `path`, by directive."""
    header = Client().get(path).headers["Content-Security-Policy"]
    return {name: set(values) for name, *values in (part.split() for part in header.split(";"))}


def test_pages_get_the_strict_policy() -> None:
    strict = policy("/healthz")
    assert strict["default-src"] == {"'self'"}
    assert not any("unsafe" in value for values in strict.values() for value in values)


@pytest.mark.usefixtures("clean_database")
def test_the_admin_gets_what_its_skin_needs_and_no_inline_script() -> None:
    admin = policy("/admin/login/")
    assert admin["script-src"] == {"'self'", "'unsafe-eval'"}
    assert admin["style-src"] == {"'self'", "'unsafe-inline'"}
    assert admin["default-src"] == {"'self'"}


def test_a_path_that_only_begins_like_the_admin_stays_strict() -> None:
    assert "script-src" not in policy("/administration")


def test_answers_carry_the_secure_headers() -> None:
    headers = Client().get("/healthz").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_an_unknown_host_is_refused() -> None:
    assert Client(headers={"host": "evil.example"}).get("/").status_code == 400


def test_the_health_check_answers_without_a_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
