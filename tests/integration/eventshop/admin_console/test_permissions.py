"""Every address of the admin refuses strangers, customers, and staff without a permission."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from tests.integration.eventshop.web.pages.test_permissions import staff
from tests.support.customers import sign_in_customer

pytestmark = pytest.mark.usefixtures("clean_database")

#: For whoever is staff, whatever they may: the dashboard and the search, which show no more than that, and their own
#: password. Strangers are led from the sign-out to the sign-in.
ANY_STAFF = {"", "jsi18n/", "login/", "logout/", "password_change/", "password_change/done/", "search/"}
#: Patterns of Django's own that lead to one of the others or nowhere, and `r/`, which leads to a page of the site.
NO_PAGES = ("(?P<url>.*)$", "^(?P<app_label>", "r/")


def list_paths(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from list_paths(entry, path)
        elif not path.startswith(NO_PAGES):
            yield path


def fill_placeholders(path: str) -> str:
    values = {"uuid": str(uuid4()), "int": "1", "slug": "x"}
    return "/admin/" + re.sub(r"<(\w+):\w+>", lambda match: values.get(match[1], "1"), path)


@pytest.fixture(scope="module")
def every_address() -> list[str]:
    [admin] = [entry for entry in get_resolver().url_patterns if str(entry.pattern) == "admin/"]
    assert isinstance(admin, URLResolver)
    return sorted(set(list_paths(admin)))


def test_strangers_and_customers_are_led_to_the_sign_in(every_address: list[str]) -> None:
    assert len(every_address) > 100
    client, _ = sign_in_customer()
    for path in every_address:
        for who in (Client(), client):
            for answer in (who.get(fill_placeholders(path)), who.post(fill_placeholders(path))):
                shown = answer.headers.get("Location", "")
                assert shown.startswith("/admin/login/") or path in ("login/", "logout/"), (path, answer)


def test_staff_without_a_permission_see_nothing_but_the_dashboard(every_address: list[str]) -> None:
    client = staff()
    for path in set(every_address) - ANY_STAFF:
        answer = client.get(fill_placeholders(path), follow=True)
        # Of an object that is not there the admin says so on the dashboard.
        led_back = bool(answer.redirect_chain) and answer.redirect_chain[-1][0] == "/admin/"
        assert answer.status_code in (403, 404, 405) or led_back, (path, answer.status_code, answer.redirect_chain)
        assert client.post(fill_placeholders(path)).status_code in (302, 403, 404, 405), path
