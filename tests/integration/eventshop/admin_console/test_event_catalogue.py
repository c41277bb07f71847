"""The event catalogue: every message with its fields, versions, senders and hearers; AsyncAPI; checks of payloads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from jsonschema import Draft7Validator, Draft202012Validator

from eventshop.core.message_registry import registry
from eventshop.operations import asyncapi_document, message_catalogue
from eventshop.projections.projection import projection_registry
from eventshop.sagas.saga_registry import saga_registry
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import boss, clerk

pytestmark = pytest.mark.usefixtures("clean_database")

OFFICIAL = Path(__file__).parents[3] / "fixtures" / "asyncapi" / "3.0.0.json.gz"
DOCUMENT: dict[str, Any] = json.loads(asyncapi_document.FILE.read_text())
sale = Sale(1)


def entry(kind: str, name: str) -> str:
    return reverse("admin:catalogue_entry", args=(kind, name))


def test_the_catalogue_lists_every_message_and_who_may_not_see_events_does_not_see_it() -> None:
    page = clerk("view_storedevent").get(reverse("admin:catalogue"))
    links = {link.attributes["href"] for link in find(page) if "/catalogue/" in link.attributes.get("href", "")}
    assert links >= {entry("event", name) for name in registry.events}
    assert links >= {entry("command", name) for name in registry.commands}
    assert links >= {entry("saga", kind) for kind in saga_registry.versions_by_kind}
    assert links >= {entry("projection", one.name) for one in projection_registry.select([])}
    assert clerk("view_stream").get(reverse("admin:catalogue")).status_code == 403
    assert clerk("view_stream").get(entry("event", "OrderCreated")).status_code == 403


def test_an_event_has_fields_versions_hearers_and_the_commands_that_made_it() -> None:
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    page = boss().get(entry("event", "OrderShipped"))
    fields = {field.name: field for field in page.context["fields"]}
    assert (fields["order_id"].type, fields["tracking"].personal != "") == ("text (uuid)", True)
    assert [(change.old.schema_version, change.upcaster) for change in page.context["versions"]] == [
        (1, "carrier_was_one_text"),
        (2, ""),
        (3, ""),
    ]
    related = dict(page.context["related"])
    assert "order-summary" in {link.text for link in related["Heard by projections"]}
    assert "order-fulfilment" in {link.text for link in related["Heard by sagas"]}
    assert find(page, "newest")
    assert json.loads(texts(page, "schema")[0])["title"] == "OrderShipped"


def test_commands_sagas_and_projections_lead_to_each_other() -> None:
    command = dict(boss().get(entry("command", "ReserveInventory")).context["related"])
    assert "order-fulfilment" in {link.text for link in command["Sent by sagas"]}
    saga = dict(boss().get(entry("saga", "order-fulfilment")).context["related"])
    assert "ReserveInventory" in {link.text for link in saga["Sends"]}
    assert "OrderCreated" in {link.text for link in saga["Hears"]}
    assert "OrderCreated" in {
        link.text for link in dict(boss().get(entry("projection", "order-summary")).context["related"])["Hears"]
    }
    for kind in ("event", "command", "saga", "projection", "nonsense"):
        assert boss().get(entry(kind, "Nothing")).status_code == 404


def check(version: int, payload: str) -> Any:
    return boss().post(entry("event", "InventoryReleased"), {"version": version, "payload": payload})


def test_a_payload_is_checked_and_the_problem_is_named_with_its_path() -> None:
    good = {"sku": "MUG", "order_id": str(sale.order_id), "quantity": 2}
    assert find(check(1, json.dumps(good)), "fits")
    [problem] = texts(check(1, json.dumps(good | {"quantity": "two"})), "problem")
    assert "$.quantity" in problem
    assert texts(check(1, "{"), "problem") and texts(check(1, json.dumps({**good, "colour": "red"})), "problem")
    assert texts(check(99, json.dumps(good)), "problem")
    assert not find(check(0, json.dumps(good)), "fits")


def test_an_old_version_is_checked_through_its_upcasters() -> None:
    old = {"order_id": str(sale.order_id), "customer_id": None, "carrier": "Royal Mail", "tracking": "RM1"}
    read = message_catalogue.check_payload("OrderShipped", 1, json.dumps(old))
    assert read.carrier == "Royal Mail"  # type: ignore[attr-defined]


def test_the_asyncapi_file_is_what_the_program_says_and_valid() -> None:
    assert asyncapi_document.FILE.read_text() == asyncapi_document.render_json(), (
        "run manage.py export_asyncapi and commit what it writes"
    )
    official = json.loads(gzip.decompress(OFFICIAL.read_bytes()))
    assert [error.message for error in Draft7Validator(official).iter_errors(DOCUMENT)] == []
    assert set(DOCUMENT["channels"]["event-store"]["messages"]) == set(registry.events)
    answer = Client().get(reverse("web:asyncapi"))
    assert json.loads(b"".join(answer.streaming_content)) == DOCUMENT  # type: ignore[attr-defined]


def test_stored_events_fit_the_schemas_of_the_document() -> None:
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    records = boss().get("/api/v1/events").json()["results"]
    for record in records:
        schema = {"$ref": f"#/components/schemas/{record['type']}", "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(record["data"])
    assert len(records) == 3


def test_the_command_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncapi_document, "FILE", tmp_path / "asyncapi.json")
    call_command("export_asyncapi")
    assert json.loads((tmp_path / "asyncapi.json").read_text()) == DOCUMENT
