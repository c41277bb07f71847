"""Lists for work: chosen columns and the export of what is filtered, both as part of the address."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client

from eventshop.admin_console import csv_lines, event_admin, saved_filters
from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.work_list_admin import WorkListAdmin
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.payload_indexes import PayloadIndex, payload_index_of
from eventshop.operations.access_log.writer import writer
from eventshop.operations.models import AccessRecord, SavedFilter
from orders.application.payload_indexes import PAYLOAD_INDEXES
from orders.domain.commands import CreateOrder, ReceiveStock
from orders.domain.payment_events import PaymentRequested
from projections.models import OrderSummary
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, clerk, messages_of, record_sales, update_read_models

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

ORDERS = "/admin/projections/ordersummary/"
EVENTS = "/admin/store/storedevent/"
SAVE = "/admin/saved-filters/projections.ordersummary/"
COLUMNS = "/admin/list-columns/projections.ordersummary/"
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
        if isinstance(model_admin, WorkListAdmin):
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


def save(client: Client, name: str, address: str, **more: str) -> Any:
    return client.post(SAVE, {"name": name, "address": address, **more}, follow=True)


def offered(client: Client, url: str = ORDERS) -> dict[str, str]:
    """The saved filters that a list offers, with their addresses."""
    return {one["row"].name: one["row"].address for one in client.get(url).context["saved_filters"]}


def test_filters_are_kept_under_a_name_beside_their_list_and_deleted() -> None:
    record_sales(first)
    client = boss()
    shown = save(client, " To ship ", "?status__exact=PAID&o=2&p=3&before=9&e=1")
    assert messages_of(shown) == ["The filter “To ship” is saved."]
    assert shown.request["QUERY_STRING"] == "status__exact=PAID&o=2"
    assert offered(client) == {"To ship": "status__exact=PAID&o=2"} and not offered(client, EVENTS)
    [kept] = find(shown, "saved-filter")
    assert (
        kept.text.startswith("To ship")
        and len(find(shown, href="?status__exact=PAID&o=2", **{"aria-current": "true"})) == 2
    )
    save(client, "To ship", "status__exact=CREATED")  # the name is kept once
    assert offered(client) == {"To ship": "status__exact=CREATED"}
    row = SavedFilter.objects.get()
    assert clerk("view_ordersummary").post(f"{SAVE}{row.pk}/delete/").status_code == 404
    client.post(f"{SAVE}{row.pk}/delete/")
    assert not offered(client)


def test_filters_are_shared_with_the_right_and_only_with_those_who_see_the_list() -> None:
    save(boss(), "To ship", "status__exact=PAID", is_shared="on")
    save(boss(), "Mine", "status__exact=CREATED")
    assert [*offered(clerk("view_ordersummary"))] == ["To ship"]
    assert clerk().get(ORDERS).status_code == 403
    assert save(clerk("view_ordersummary"), "Ours", "", is_shared="on").status_code == 403
    assert save(clerk("view_ordersummary", "share_savedfilter"), "Ours", "", is_shared="on").status_code == 200
    assert [*offered(boss())] == ["Mine", "Ours", "To ship"]
    theirs = SavedFilter.objects.get(name="Ours")
    boss().post(f"{SAVE}{theirs.pk}/delete/")
    assert [*offered(boss())] == ["Mine", "To ship"]


@pytest.mark.parametrize(
    ("name", "address"), [("", ""), ("x" * 61, ""), ("\u200b", ""), ("a\x00b", ""), ("x", "q=" + "y" * 1_000)]
)
def test_what_cannot_be_a_filter_is_refused_with_a_reason(name: str, address: str) -> None:
    [message] = messages_of(save(boss(), name, address))
    assert message.startswith("The filter was not saved: ") and not SavedFilter.objects.exists()


def test_filters_of_one_person_and_list_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "MAX_FILTERS", 1)
    save(boss(), "one", "")
    assert "delete one first" in messages_of(save(boss(), "two", ""))[0]
    save(boss(), "one", "o=1")
    assert offered(boss()) == {"one": "o=1"}
    assert boss().post("/admin/saved-filters/no.such/", {"name": "x"}).status_code == 404
    assert boss().get(SAVE).status_code == 405


def test_chosen_columns_are_kept_for_the_person_and_the_address_wins() -> None:
    record_sales(first)
    client = boss()
    client.post(COLUMNS, {"_columns": ["reference", "total_text", "nonsense"], "address": "status__exact=PAID"})
    assert client.get(ORDERS).context["cl"].list_display == ["action_checkbox", "reference", "total_text"]
    assert [*export(client, ORDERS)[0]] == ["Reference", "Total"]
    other = clerk("view_ordersummary").get(ORDERS).context["cl"].list_display
    assert len(other) > 3
    chosen = client.get(ORDERS, {"_columns": "customer_column"}).context["cl"].list_display
    assert chosen == ["action_checkbox", "reference", "customer_column"]
    shown = client.post(COLUMNS, {"reset": "1", "address": "status__exact=PAID&_columns=reference"}, follow=True)
    assert shown.request["QUERY_STRING"] == "status__exact=PAID"
    assert shown.context["cl"].list_display == ["action_checkbox", *other[-len(other) + ("action_checkbox" in other) :]]


def test_the_number_below_a_list_says_what_it_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    record_sales(*(Sale(number) for number in range(1, 5)))
    monkeypatch.setattr(admin.site._registry[OrderSummary], "list_per_page", 2)

    def below(query: str = "") -> str:
        [text] = texts(boss().get(f"{ORDERS}{query}"), "coverage")
        return text

    assert below() == "Rows 1–2 of 4 orders"
    assert below("?p=2&status__exact=PAID") == "Rows 3–4 of 4 orders that match"
    assert below("?q=000001") == "1 order that matches"
    monkeypatch.setattr(BoundedPaginator, "max_counted", 3)
    assert below().startswith("Rows 1–2 of more than 3 orders; only the first 3 have pages")


def test_an_export_says_how_many_rows_it_has() -> None:
    record_sales(first, second)
    assert boss().get(f"{ORDERS}csv/")["X-Rows"] == "2"
    assert boss().get(f"{EVENTS}csv/", {"aggregate": "Order"})["X-Rows"] == "4"
    assert "X-Rows" not in boss().get(f"{EVENTS}csv/", {"payload": "x"})  # a scan, which nobody counts first


def test_only_the_first_page_of_events_follows_new_ones() -> None:
    record_sales(first)
    newest = StoredEvent.objects.latest("position").position
    [button] = find(boss().get(EVENTS, {"type": "OrderCreated"}), "tail")
    assert button.attributes["data-mark"] == str(newest)
    assert not find(boss().get(EVENTS, {"before": newest}), "tail")
    url = button.attributes["data-tail"]
    watcher = clerk("view_storedevent")
    assert watcher.get(url, {"after": newest}).status_code == 204
    send(ReceiveStock("SKU-1", 5, "D-1"))
    assert int(watcher.get(url, {"after": newest}).content) > newest
    assert clerk().get(url, {"after": newest}).status_code == 404


def test_events_of_a_payment_are_found_through_an_index_however_far_back_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, payment = payload_index_of("payment_id"), uuid4()
    assert index
    append(first.order_id, first.created, PaymentRequested(first.order_id, None, first.total, "card", payment))
    record_sales(second)
    monkeypatch.setattr(event_admin, "SCANNED_POSITIONS", 1)
    shown = boss().get(EVENTS, {"payload": f"payment_id={payment}"})
    assert [row.event_type for row in shown.context["cl"].result_list] == ["PaymentRequested"]
    assert not find(shown, "look-further")
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a few events are read faster without any index
        assert index.name in index.filter(StoredEvent.objects.order_by(), str(payment)).explain()


@pytest.mark.parametrize("index", PAYLOAD_INDEXES, ids=lambda index: index.field)
def test_an_index_has_every_event_with_its_field_in_clear(index: PayloadIndex) -> None:
    having = {name for name, event in registry.events.items() if index.field in event.__struct_fields__}
    assert having == set(index.event_types)
    assert not any(
        index.field in {field.name for field in registry.personal_fields_of(registry.events[name])} for name in having
    )
