"""What other systems call orders, customers and products is found in admin and API, and erased with the customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.serialization.avro_codec import encode_payload
from eventshop.projections.rebuild import rebuild
from orders.domain.commands import CreateOrder
from orders.domain.events import ExternalId as Identifier
from projections.external_id import external_id
from projections.models import CustomerSummary, ExternalId, OrderSummary
from tests.support.api_clients import ApiClient, problem_of, staff
from tests.support.erasures import erase_person
from tests.support.read_models import assert_rows_equal_fold
from tests.support.sales import ADA, LANTERNS, Sale
from tests.support.staff import boss, update_read_models
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")

ORDERS, CUSTOMERS, LINES, STREAMS = (
    f"/admin/projections/{name}/" for name in ("ordersummary", "customersummary", "orderline", "activitytimeline")
)


@pytest.fixture(autouse=True)
def configure_settings(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def place_orders(customer: UUID = ADA, number: str = "17850") -> None:
    """Two orders; the first has a marketplace's number, and its customer and product are known elsewhere too."""
    known = Identifier("supplier", "WML-6")
    lines = (type(LANTERNS)(LANTERNS.sku, "", 1, LANTERNS.price, external_ids=(known,)),)
    send(
        CreateOrder(
            Sale(1).order_id,
            "000001",
            customer,
            lines,
            external_ids=(Identifier("marketplace", "Mp-17 / a"),),
            customer_external_id=Identifier("online-retail", number),
        )
    )
    send(CreateOrder(Sale(2).order_id, "000002", None, Sale(2).lines))
    update_read_models()


@pytest.mark.parametrize("text", ["Mp-17 / a", "MP-17 / A", " mp-17 / a ", "marketplace:MP-17 / A", "17850"])
def test_staff_find_an_order_by_the_whole_identifier_in_any_case(text: str) -> None:
    place_orders()
    found = boss().get(ORDERS, {"q": text}).context["cl"].result_list
    assert [order.reference for order in found] == ["000001"]
    page = boss().get(f"{ORDERS}{Sale(1).order_id}/change/")
    assert "marketplace:Mp-17 / a" in page.content.decode()


def test_a_part_of_an_identifier_finds_nothing() -> None:
    place_orders()
    for text in ("Mp-17", "1785", "17850 "[:4], "other:17850"):
        assert list(boss().get(ORDERS, {"q": text}).context["cl"].result_list) == [], text


def test_staff_find_a_customer_and_a_product_by_what_others_call_them() -> None:
    place_orders()
    [customer] = boss().get(CUSTOMERS, {"q": "online-retail:17850"}).context["cl"].result_list
    assert customer.customer_id == ADA
    assert "online-retail:17850" in boss().get(f"{CUSTOMERS}{ADA}_3AGBP/change/", follow=True).content.decode()
    stock = boss().get("/admin/projections/productsales/", {"q": "wml-6"}).context["cl"].result_list
    assert [product.sku for product in stock] == [LANTERNS.sku]
    lines = boss().get(LINES, {"q": "mp-17 / a"}).context["cl"].result_list
    assert {line.order_id for line in lines} == {Sale(1).order_id}
    activity = boss().get(STREAMS, {"q": "mp-17 / a"}).context["cl"].result_list
    assert {row.aggregate_id for row in activity} == {Sale(1).order_id}


def test_the_api_filters_by_source_and_value() -> None:
    place_orders()
    client = ApiClient(
        staff("boss", "view_ordersummary", "view_customersummary", "view_productsales", "view_stocklevel")
    )

    def references(query: str) -> list[str]:
        return [row["reference"] for row in client.get(f"orders?{query}").json()["results"]]

    assert references("external_id=marketplace:MP-17%20/%20A") == ["000001"]
    assert references("customer_external_id=online-retail:17850") == ["000001"]
    assert references("external_id=other:MP-17%20/%20A") == []
    assert references("external_id=marketplace:MP-17") == []
    [order] = client.get("orders?external_id=marketplace:Mp-17%20/%20a").json()["results"]
    assert order["external_ids"] == "marketplace:Mp-17 / a"
    [customer] = client.get("customers?external_id=online-retail:17850").json()["results"]
    assert customer["customer_id"] == str(ADA)
    [product] = client.get("sales/products?external_id=supplier:wml-6").json()["results"]
    assert product["sku"] == LANTERNS.sku
    for wrong in ("external_id=17850", "external_id=:17850", "external_id=online-retail:", "external_id=a@b:c"):
        assert problem_of(client.get(f"orders?{wrong}")) == (400, "invalid-parameter"), wrong


def test_a_customers_number_is_erased_with_them_and_a_rebuild_does_not_bring_it_back() -> None:
    person = uuid4()
    send(CreateUser(person, "ada@example.org", "Ada"))
    send(CreateOrder(Sale(3).order_id, "000003", None, Sale(3).lines))
    # An order that is finished, so that it does not block the erasure.
    note = Sale(1, customer_id=person).credited
    numbered = type(note)(
        **{name: getattr(note, name) for name in note.__struct_fields__}
        | {"customer_external_id": "online-retail:17850"}
    )
    store.append_events(note.order_id, [numbered], expected_version=0)
    update_read_models()
    assert ExternalId.objects.get(kind="customer").value == "17850"
    erase_person(person)
    update_read_models()
    assert values_of(person) == []
    assert_rows_equal_fold(external_id)
    rebuild(external_id, DatabaseEventLog(), requested_by="ada")
    assert values_of(person) == []
    row = StoredEvent.objects.get(aggregate_id=note.order_id)
    assert "17850" not in row.payload
    assert b"17850" not in encode_payload(row.event_type, row.schema_version, row.payload)  # a record of Kafka
    [recorded] = store.get_events(note.order_id)
    assert recorded.event.customer_external_id == Redacted("contact")
    assert list(boss().get(CUSTOMERS, {"q": "17850"}).context["cl"].result_list) == []
    assert CustomerSummary.objects.filter(customer_id=person).exists()
    assert OrderSummary.objects.filter(customer_id=person).exists()


def values_of(person: UUID) -> list[tuple[str, str]]:
    return list(ExternalId.objects.filter(customer_id=person).values_list("value", "search_value"))
