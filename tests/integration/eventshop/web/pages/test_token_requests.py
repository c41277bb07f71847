"""The requests of an API token, as its owner sees them."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlsplit

import pytest
import pytest_django
from django.test import Client

from eventshop.operations.models import WebRequest
from eventshop.web.models import ApiToken
from tests.support.api_clients import shopper
from tests.support.customers import sign_in_customer

pytestmark = pytest.mark.usefixtures("clean_database")


def test_the_owner_sees_commands_and_refusals_of_a_token_and_how_to_send_them_again() -> None:
    api = shopper()
    body = {"lines": [{"sku": "NOTHING", "quantity": 1, "price": {"amount": "1.00", "currency": "GBP"}}]}
    refused = api.post("orders", body)
    read = api.get("orders")
    assert (refused.status_code, read.status_code) == (409, 200)
    token = ApiToken.objects.get()
    [row] = WebRequest.objects.filter(token=token.pk, problem=refused.json()["code"])
    owner = Client()
    owner.force_login(api.login)
    answer = owner.get(f"/account/tokens/{token.pk}/requests/")
    shown = {one.recorded.pk: one for one in answer.context["sent"]}
    assert (shown[row.pk].path, row.status) == ("/api/v1/orders", 409)
    assert not WebRequest.objects.filter(method="GET").exists()  # what was only read is not kept
    words = shlex.split(shown[row.pk].example.replace("\\\n", " "))
    assert urlsplit(words[4].replace("$SHOP", "https://shop.example")).path == "/api/v1/orders"
    again = api.post("orders", json.loads(words[words.index("--json") + 1]))
    assert again.status_code in (201, 409) and again.json().get("code") != "invalid-body"
    other, _ = sign_in_customer("bob@example.org", "Bob")
    assert other.get(f"/account/tokens/{token.pk}/requests/").status_code == 404
    assert f"/account/tokens/{token.pk}/requests/" in owner.get("/account/tokens/").content.decode()


def test_a_token_that_asks_too_often_writes_no_rows(settings: pytest_django.Settings) -> None:
    settings.API_RATE = "2/m"
    api = shopper()
    statuses = [api.post("orders", {}).status_code for _ in range(4)]
    assert statuses == [422, 422, 429, 429]
    assert WebRequest.objects.count() == 2
