"""The pages for programmers: their examples do what they say, and every operation has a sentence and an example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from jsonschema import Draft202012Validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from standardwebhooks import Webhook

from eventshop.web.api.base_view import ApiView, Deprecation
from eventshop.web.api.openapi_examples import example_of
from eventshop.web.api.openapi_schema import generate_document
from eventshop.web.pages.developer_views import GUIDES, operations_by_tag
from orders.demo.products import PRODUCTS
from orders.models import Product
from tests.contract.test_docs import _supports_json
from tests.support.api_clients import token_of
from tests.support.browser import serve
from tests.support.customers import sign_up
from tests.support.order_fulfilment import receive_stock
from tests.support.staff import update_read_models

_RUN = re.compile(r'<pre [^>]*data-(run|verify)="(\w+)">(.*?)</pre>', re.DOTALL)


def examples(path: str) -> list[tuple[str, str]]:
    """The examples of a page: the language and the text."""
    page = Client().get(path).content.decode()
    return [(language, unescape(text)) for _, language, text in _RUN.findall(page)]


@pytest.mark.usefixtures("clean_database")
@pytest.mark.skipif(not _supports_json(), reason="NOT TESTED: needs curl 7.82 or newer")
def test_the_quickstart_works_as_printed_on_the_products_of_a_fresh_demo() -> None:
    Product.objects.bulk_create(Product(sku=sku, name=name, price=Decimal(price)) for sku, name, price in PRODUCTS)
    receive_stock("KIT-101", 5)
    update_read_models()
    shown = examples("/developers/")
    assert [language for language, _ in shown] == ["shell", "python"]
    with serve() as address:
        client = str(settings.BASE_DIR / "clients" / "python")
        environment = {**os.environ, "SHOP": address, "TOKEN": token_of(sign_up()), "PYTHONPATH": client}
        for language, text in shown:
            program = ["bash", "-euc"] if language == "shell" else [sys.executable, "-c"]
            result = subprocess.run([*program, text], env=environment, capture_output=True, text=True, check=False)
            assert result.returncode == 0, text + result.stdout + result.stderr


def test_the_verification_of_webhooks_that_is_printed_verifies() -> None:
    [(_, code)] = examples("/developers/webhooks/")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  (our own page)
    secret, body, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"type": "TestEvent"}', datetime.now(UTC)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign("m1", now, body)
    assert names["verify"](secret, headers, body.encode()) == {"type": "TestEvent"}
    for wrong in ({**headers, "webhook-id": "m2"}, {**headers, "webhook-timestamp": "1"}):
        with pytest.raises(ValueError, match=r"signed|old"):
            names["verify"](secret, wrong, body.encode())


@pytest.mark.django_db
def test_every_page_is_there() -> None:
    client = Client()
    for name in GUIDES:
        assert client.get(f"/developers/{name}/").status_code == 200
    index = client.get("/developers/reference/").content.decode()
    for tag, operations in operations_by_tag().items():
        page = client.get(f"/developers/reference/{tag}/").content.decode()
        for operation in operations:
            assert f'id="{operation.id}"' in page and f"#{operation.id}" in index
    for nowhere in ("/developers/nowhere/", "/developers/reference/nowhere/"):
        assert client.get(nowhere).status_code == 404


def test_every_operation_has_a_summary_and_examples_that_fit() -> None:
    document = generate_document()
    components = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert 3 < len(operation["summary"]) <= 120, (method, path)
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for schema in (
                content["schema"]
                for body in bodies
                for media, content in body.get("content", {}).items()
                if media == "application/json"
            ):
                whole = {**schema, "components": document["components"]}
                Draft202012Validator(whole).validate(example_of(schema, components))


def test_what_will_go_says_so_in_each_answer() -> None:
    class OldResource(ApiView):
        deprecation = Deprecation(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
        authentication_classes = permission_classes = throttle_classes = ()

        def get(self, request: Request) -> Response:
            return Response({})

    answer = OldResource.as_view()(APIRequestFactory().get("/"))
    assert answer.headers["Deprecation"] == "@1767225600"
    assert answer.headers["Sunset"] == "Wed, 01 Jul 2026 00:00:00 GMT"
