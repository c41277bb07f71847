"""Lists for work: chosen columns and the export of what is filtered, both as part of the address."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client

from eventshop.admin_console import csv_lines, event_admin
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.writer import writer
from eventshop.operations.models import AccessRecord
from orders.domain.commands import CreateOrder, ReceiveStock
from tests.support.pages import find
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, clerk, record_sales, update_read_models

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

ORDERS = "/admin/projections/ordersummary/"
first, second = Sale(1), Sale(2)


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200 and response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


def export(client: Client, url: str, **filters: Any) -> list[dict[str, str]]:
    return rows_of(client.get(f"{url}csv/", filters))


def test_an_export_has_the_filtered_rows_with_exact_values_and_no_formula() -> None:
    record_sales(first, second)
    send(CreateOrder(uuid4(), "=HYPERLINK(1)", None, first.lines))
    update_read_models()
    exported = export(boss(), ORDERS)
    assert [row["Reference"] for row in exported] == ["'=HYPERLINK(1)", second.reference, first.reference]
    paid = export(boss(), ORDERS, status__exact="PAID")
    assert {row["Status"] for row in paid} == {"Paid"} and len(paid) == 2
    assert paid[0]["Ordered"].startswith("20") and "T" in paid[0]["Ordered"]
    assert paid[0]["Total"].split()[1] == "GBP" and "," not in paid[0]["Total"]


def test_an_export_is_bounded_streamed_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        send(ReceiveStock(f"SKU-{number}", 5, "D-1"))
    events = export(boss(), "/admin/store/storedevent/", type="StockReceived")
    assert [int(row["Position"]) for row in events] == sorted(
        StoredEvent.objects.values_list("position", flat=True), reverse=True
    )
    monkeypatch.setattr(csv_lines, "MAX_ROWS", 2)
    last = export(boss(), "/admin/store/storedevent/")[2]
    assert last["Position"].startswith("Only the first 2 rows")
    writer.flush()
    assert AccessRecord.objects.filter(kind=AccessRecord.Kind.EXPORT, route__endswith="csv/").count() == 2


def test_the_address_chooses_the_columns_of_the_list_and_of_the_export() -> None:
    record_sales(first)
    chosen = {"_columns": ["reference", "total_text", "no such column"], "status__exact": "PAID"}
    page = boss().get(ORDERS, chosen)
    assert page.context["cl"].list_display == ["action_checkbox", "reference", "total_text"]
    [link] = find(page, "export")
    assert link.attributes["href"].count("_columns=") == 3 and "status__exact=PAID" in link.attributes["href"]
    assert [*export(boss(), ORDERS, **chosen)[0]] == ["Reference", "Total"]
    assert "total_text" in page.context["cl"].number_columns
    assert boss().get(ORDERS, {"_columns": "nonsense"}).status_code == 200


def test_an_export_needs_the_right_to_see_the_list_and_valid_filters() -> None:
    assert clerk().get(f"{ORDERS}csv/").status_code == 403
    assert clerk("view_ordersummary").get(f"{ORDERS}csv/").status_code == 200
    assert Client().get(f"{ORDERS}csv/").status_code == 302
    assert boss().get(f"{ORDERS}csv/", {"created_at__gte": "nonsense"}).status_code in (302, 400)
    assert boss().get(f"{ORDERS}csv/", {"delivery_name__startswith": "A"}).status_code == 400


def test_every_list_is_exported_as_it_is_shown() -> None:
    record_sales(first)
    client = boss()
    for model, model_admin in admin.site._registry.items():
        if isinstance(model_admin, ReadOnlyAdmin):
            url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            shown = client.get(url)
            if "cl" not in (shown.context or ()):
                continue  # charts in place of a list
            assert find(shown, "export"), url
            assert len(export(client, url)) == len(shown.context["cl"].result_list), url


def test_an_export_asks_no_more_queries_for_more_rows() -> None:
    record_sales(first)
    client = boss()
    export(client, ORDERS)
    few = len(capture_queries(lambda: export(client, ORDERS)))
    record_sales(second, Sale(3), Sale(4))
    assert len(capture_queries(lambda: export(client, ORDERS))) == few


def test_events_are_filtered_by_who_correlation_and_a_value_in_the_payload() -> None:
    send(ReceiveStock("SKU-9", 7, "D-1"), envelope=Envelope(uuid4(), actor="importer"))
    send(ReceiveStock("SKU-10", 70, "D-2"), envelope=Envelope(uuid4(), actor="somebody"))
    event = StoredEvent.objects.get(actor="importer")
    for filters in (
        {"actor": "importer"},
        {"payload": "sku-9"},
        {"payload": "sku=SKU-9"},
        {"payload": "quantity=7"},
        {"correlation": str(event.correlation_id)},
        {"payload": "SKU", "actor": "importer", "type": event.event_type},
    ):
        shown = boss().get("/admin/store/storedevent/", filters).context["cl"].result_list
        assert [row.position for row in shown] == [event.position], filters
    for nothing in ({"actor": "a\x00b"}, {"payload": "'; --"}, {"correlation": "x"}, {"payload": "sku=SKU"}):
        assert list(boss().get("/admin/store/storedevent/", nothing).context["cl"].result_list) == [], nothing


def test_a_filter_without_an_index_reads_a_bounded_part_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    send(ReceiveStock("NEEDLE", 1, "D-0"))
    for number in range(4):
        send(ReceiveStock("HAY", 1, f"D-{number}"))
    needle = StoredEvent.objects.get(payload__contains="NEEDLE")
    monkeypatch.setattr(event_admin, "SCANNED_POSITIONS", 3)
    page = boss().get("/admin/store/storedevent/", {"payload": "needle"})
    assert list(page.context["cl"].result_list) == []
    [on] = find(page, "look-further")
    further = boss().get(f"/admin/store/storedevent/{on.attributes['href']}")
    assert [row.position for row in further.context["cl"].result_list] == [needle.position]
    assert not find(further, "look-further")
