"""The OpenAPI document: the file is up to date, examples fit their schemas, responses fit the document."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import escape
from jsonschema import Draft202012Validator, ValidationError

from eventshop.eventstore import command_dispatcher
from eventshop.web.api import openapi_views, problem_catalogue
from eventshop.web.api.resource import Resource
from orders.domain.commands import ReceiveStock
from projections.api import shop as api_shop
from tests.support.api_clients import ApiClient, shopper, staff
from tests.support.api_endpoints import ROOT, endpoints
from tests.support.sales import Sale
from tests.support.staff import record_sales, update_read_models

pytestmark = pytest.mark.long(on="postgres")  # about the document

DOCUMENT: dict[str, Any] = json.loads(openapi_views.FILE.read_text())


def fits(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def answer_schema(path: str, method: str, status: str) -> dict[str, Any]:
    contents = DOCUMENT["paths"][f"/api/v1/{path}"][method]["responses"][status]["content"]
    [schema] = (content["schema"] for media, content in contents.items() if media.endswith("json"))
    return dict(schema)


def test_the_file_is_what_the_program_says() -> None:
    assert openapi_views.FILE.read_text() == openapi_views.render_json(), (
        "run manage.py export_openapi and commit what it writes"
    )
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_problem_is_listed_with_its_status() -> None:
    listed = problem_catalogue.render_markdown()
    assert problem_catalogue.FILE.read_text() == listed, "run manage.py export_openapi and commit what it writes"
    for line in ("| `wrong-expected-version` | 412 |", "| `behind` | 503 |", "| `invalid-order-state` | 409 |"):
        assert line in listed
    assert "broken-stream" not in listed and "crash" not in listed  # internal errors are not listed


def test_the_type_of_every_problem_leads_to_a_page_that_says_what_to_do() -> None:
    listed = problem_catalogue.catalogue()
    assert len(listed) > 70
    index = Client().get("/problems/").content.decode()
    for code, entry in listed.items():
        page = Client().get(f"/problems/{code}")
        assert page.status_code == 200 and f"/problems/{code}" in index
        assert escape(entry.meaning) in page.content.decode() and escape(entry.advice) in page.content.decode()
    problem = Client().get("/api/v1/nowhere").json()
    assert Client().get(problem["type"]).status_code == 200
    assert Client().get("/problems/nothing-of-the-kind").status_code == 404


def test_nothing_had_to_be_guessed(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_every_resource_is_described() -> None:
    assert {ROOT + endpoint.path for endpoint in endpoints()} == set(DOCUMENT["paths"])


#: What operators do to the machinery; what was done already is refused, or is "so already".
OF_OPERATORS = {
    operations["post"]["operationId"]
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/api/v1/operations/") and "post" in operations
}
#: What adds up in any order, or makes something new.
WITHOUT_VERSION = {
    "post_orders", "post_stock_receipts", "post_write_offs", "post_accounts", "post_trades", "post_webhooks",
    "post_batches", "post_imports", "post_import_cancellation", "post_addresses", "put_clock",
    "post_webhook_resending", "post_webhook_test", *OF_OPERATORS,
}  # fmt: skip
#: Not commands: these requests are idempotent without a key.
WITHOUT_KEY = {
    "put_webhook", "delete_webhook", "post_webhook_secret", "post_webhook_resending", "post_webhook_test",
    "post_import_cancellation", "put_clock", *OF_OPERATORS,
}  # fmt: skip


def test_every_command_has_its_key_its_version_and_an_example_that_fits() -> None:
    bodies = 0
    for operations in DOCUMENT["paths"].values():
        for method in {"post", "put", "delete"} & set(operations):
            operation = operations[method]
            required = {
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter.get("required") and parameter["in"] == "header"
            }
            assert ("Idempotency-Key" in required) is (operation["operationId"] not in WITHOUT_KEY)
            assert ("If-Match" in required) is (operation["operationId"] not in WITHOUT_VERSION)
            if method != "delete" and "application/json" in operation.get("requestBody", {}).get("content", {}):
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                [example] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"]
                fits(schema, example)
                bodies += 1
    assert bodies == 74


def test_every_example_fits() -> None:
    components = DOCUMENT["components"]["schemas"]
    examples = {name: schema["examples"] for name, schema in components.items() if "examples" in schema}
    assert {"CommandReceipt", "Problem", "CommandOutcome", "FeedPage", "WebhookMessage", "NewTrade"} <= set(examples)
    for name, schema_examples in examples.items():
        for example in schema_examples:
            fits(components[name], example)


@pytest.mark.usefixtures("clean_database")
def test_answers_are_as_described() -> None:
    owner = shopper()
    record_sales(Sale(1, customer_id=owner.person), Sale(2, customer_id=None))
    command_dispatcher.send(ReceiveStock(sku="MUG", quantity=5, reference="D-1"))
    update_read_models()
    views = [
        f"view_{resource.model._meta.model_name}"
        for resource in vars(api_shop).values()
        if isinstance(resource, Resource)
    ]
    boss = ApiClient(staff("boss", "view_storedevent", "receive_stock", *views))
    for path in ("orders", "order-lines", "customers", "activity", "sales/days", "sales/products", "stock", "people"):
        body = boss.get(path).json()
        assert body["results"], path
        fits(answer_schema(path, "get", "200"), body)
    fits(answer_schema("orders/{key}", "get", "200"), owner.get(f"orders/{Sale(1).order_id}").json())
    fits(
        answer_schema("orders/{aggregate_id}/events", "get", "200"),
        owner.get(f"orders/{Sale(1).order_id}/events").json(),
    )
    fits(answer_schema("events", "get", "200"), boss.get("events").json())
    fits(answer_schema("", "get", "200"), boss.get("").json())
    received = boss.post("stock/MUG/receipts", {"quantity": 1, "reference": "D-2"})
    fits(answer_schema("stock/{sku}/receipts", "post", str(received.status_code)), received.json())
    for problem in (boss.get("orders?limit=x"), owner.get("stock"), owner.post("orders", {})):
        fits(answer_schema("orders", "get", "default"), problem.json())
    with pytest.raises(
        ValidationError, check=lambda error: error.validator == "type"
    ):  # or the check above would prove nothing
        fits(answer_schema("events", "get", "200"), {"results": [], "cursor": "7", "more": False})


def test_the_page_takes_nothing_from_elsewhere_and_no_script_stands_in_it() -> None:
    page = Client().get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200 and "/static/drf_spectacular_sidecar/" in text
    assert "http://" not in text and "https://" not in text
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" in page.headers["Content-Security-Policy"].partition("style-src")[2].partition(";")[0]
    for script in text.split("<script")[1:]:
        assert "src=" in script.partition(">")[0] and not script.partition(">")[2].partition("</script")[0].strip()
    served: Any = Client().get("/api/v1/openapi.json")
    assert msgspec.json.decode(b"".join(served.streaming_content)) == DOCUMENT
