"""Rows of the API have one shape: money with its currency, one name for one id, what belongs to a row, and a past."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore import command_dispatcher
from eventshop.web.api import past_lists
from eventshop.web.api.resource_serializer import format_plain_amount
from orders.domain.commands import CancelOrder, CreateOrder, ReceiveStock
from orders.models import DeliveryOption, Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.order_payments import pay_order
from tests.support.sales import ADA, Sale
from tests.support.staff import record_sales, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")


def boss() -> ApiClient:
    return ApiClient(staff("boss", "view_ordersummary", "view_productsales", "view_orderline"))


def test_an_amount_has_the_precision_of_its_currency() -> None:
    shown = [
        format_plain_amount(Decimal(amount), currency)
        for amount, currency in (
            ("12.5", "GBP"), ("500.000", "XOF"), ("1.25", "IQD"), ("3.335", "GBP"), ("-7.000", "EUR"), ("0", "GBP"),
            ("0.10000000", "USDT"), ("100", "USDT"),
        )
    ]  # fmt: skip
    assert shown == ["12.50", "500", "1.250", "3.335", "-7.00", "0.00", "0.1", "100"]


def test_no_row_shows_where_kafka_had_its_event_unless_it_is_asked_for() -> None:
    record_sales(Sale(1))
    program, path = boss(), f"orders/{Sale(1).order_id}"
    for row in (program.get(path).json(), program.get("orders").json()["results"][0]):
        assert not {"last_event_id", "last_partition", "last_offset", "meta", "authorisations"} & set(row)
        assert row["version"] == 2 and row["total"] == {"amount": "22.59", "currency": "GBP"}
    meta = program.get(f"{path}?expand=meta").json()["meta"]
    assert set(meta) == {"event_id", "version", "partition", "offset"} and meta["version"] == 2
    assert problem_of(program.get("orders?expand=secrets")) == (400, "invalid-parameter")


def test_an_order_contains_its_lines_payments_shipments_and_returns() -> None:
    mine = shopper()
    record_sales(Sale(1, customer_id=mine.person))
    order = mine.get(f"orders/{Sale(1).order_id}").json()
    assert [line["line"] for line in order["lines"]] == [1, 2] and order["line_count"] == 2
    assert {line["price"]["currency"] for line in order["lines"]} == {"GBP"}
    [payment] = order["payments"]
    assert (payment["status"], payment["taken"]) == ("taken", order["total"])
    assert (order["shipments"], order["returns"]) == ([], [])
    [listed] = mine.get("orders?expand=lines,payments").json()["results"]
    assert (listed["lines"], listed["payments"]) == (order["lines"], order["payments"])
    assert "lines" not in mine.get("orders").json()["results"][0]
    assert set(mine.get(f"orders/{Sale(1).order_id}?fields=order_id").json()) == {"order_id"}


def test_an_owner_reads_their_order_as_it_was() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    command_dispatcher.send(CreateOrder(ADA, "1", mine.person, Sale(1).lines, delivery_name="Ada Marker"))
    update_read_models()
    created = mine.get(f"orders/{ADA}/events").json()["results"][0]["recorded_at"]
    command_dispatcher.send(CancelOrder(ADA, "changed my mind"))
    update_read_models()
    path = f"orders/{ADA}"
    assert mine.get(path).json()["status"] == "CANCELLED"
    earlier = mine.get(f"{path}?as_of={created}")
    body = earlier.json()
    assert (body["status"], body["version"], body["delivery_name"]) == ("CREATED", 1, "Ada Marker")
    assert body["lines"] and earlier.headers["ETag"] == '"1"'
    assert problem_of(mine.get(f"{path}?as_of=2020-01-01T00:00:00Z")) == (404, "not-found")
    assert problem_of(other.get(f"{path}?as_of={created}")) == (404, "not-found")
    assert boss().get(f"{path}?as_of={created}").json()["delivery_name"] is None
    assert problem_of(mine.get(f"{path}?as_of=then")) == (400, "invalid-parameter")


def test_an_owner_reads_their_list_as_it_was() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    for number in range(1, 4):
        order = derive_id("past-order", number)
        command_dispatcher.send(CreateOrder(order, f"A-{number}", mine.person, Sale(number).lines))
    command_dispatcher.send(CreateOrder(ADA, "B-1", other.person, Sale(1).lines))
    update_read_models()
    moment = mine.get(f"orders/{derive_id('past-order', 2)}/events").json()["results"][0]["recorded_at"]
    for number in (1, 2):
        command_dispatcher.send(CancelOrder(derive_id("past-order", number), "changed my mind"))
    update_read_models()
    past = f"as_of={moment}"
    assert references(mine, "status=CANCELLED") == ["A-1", "A-2"]
    assert references(mine, past) == ["A-1", "A-2"] == references(mine, f"{past}&status=CREATED,PAID&q=A-")
    assert references(mine, f"{past}&status=CANCELLED") == references(other, past) == []
    assert references(mine, f"{past}&total_max=1") == references(mine, "as_of=2020-01-01T00:00:00Z") == []
    first = mine.get(f"orders?{past}&ordering=created_at&limit=1&expand=lines").json()
    assert first["results"][0]["lines"] and first["prev"] is None
    second = mine.get(f"orders?{past}&ordering=created_at&limit=1&cursor={first['next_cursor']}").json()
    assert [row["reference"] for row in first["results"] + second["results"]] == ["A-1", "A-2"]
    assert second["next"] is None
    back = mine.get(f"orders?{past}&ordering=created_at&limit=1&cursor={second['prev_cursor']}").json()
    assert [row["reference"] for row in back["results"]] == ["A-1"]
    assert mine.get(f"order-lines?{past}&order_id={derive_id('past-order', 1)}").json()["results"]
    assert [row["orders"] for row in mine.get(f"customers?{past}").json()["results"]] == [2]
    assert references(boss(), f"{past}&customer_id={mine.person}") == ["A-1", "A-2"]
    for wrong in (f"{past}&external_id=shop:1", "as_of=then", f"{past}&status=GREEN"):
        assert problem_of(mine.get(f"orders?{wrong}")) == (400, "invalid-parameter")
    assert problem_of(mine.get(f"activity?{past}")) in ((400, "invalid-parameter"), (403, "not-allowed"))


def test_a_past_with_more_streams_than_a_request_folds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_lists, "MAX_STREAMS", 1)
    mine = shopper()
    record_sales(Sale(1, customer_id=mine.person), Sale(2, customer_id=mine.person))
    assert problem_of(mine.get("orders?as_of=2026-01-01T00:00:00Z")) == (422, "past-too-long")


def references(program: ApiClient, query: str) -> list[str]:
    return sorted(row["reference"] for row in program.get(f"orders?{query}").json()["results"])


def test_filters_take_several_values_ranges_and_a_search() -> None:
    record_sales(*(Sale(number) for number in range(1, 4)))
    command_dispatcher.send(CreateOrder(ADA, "W-9", None, Sale(1).lines))
    update_read_models()
    program = boss()
    assert references(program, "status=PAID,CREATED") == ["000001", "000002", "000003", "W-9"]
    assert references(program, "status=CREATED,CANCELLED") == ["W-9"]
    assert references(program, "reference=000001,W-9") == ["000001", "W-9"]
    assert references(program, "total_min=22.59&total_max=22.59") == ["000001", "000002", "000003", "W-9"]
    assert references(program, "total_min=22.60") == []
    assert references(program, "q=0000") == ["000001", "000002", "000003"]
    for wrong in ("status=PAID,", "status=,PAID", "status=PAID,GREEN", "status=PAID&status=CREATED", "total_min=1e3",
                  "total_min=1_0", "total_max=x", "reference=" + ",".join("x" * 51),
                  "created_at_min=yesterday"):  # fmt: skip
        assert problem_of(program.get(f"orders?{wrong}")) == (400, "invalid-parameter"), wrong


def test_one_goes_back_through_the_pages_as_one_came() -> None:
    record_sales(*(Sale(number) for number in range(1, 8)))
    program = boss()
    for ordering in ("created_at", "-created_at", "total", "-total"):
        forth, back, back_url, url = (
            list[Any](),
            list[Any](),
            "",
            f"orders?limit=3&ordering={ordering}&fields=reference",
        )
        while url:
            page = program.get(url).json()
            forth.append(page["results"])
            url, back_url = _path(page["next"]), _path(page["prev"])
        while back_url:
            answer = program.get(back_url)
            page = answer.json()
            back.insert(0, page["results"])
            assert _path(page["next"]) and 'rel="next"' in answer.headers["Link"]
            back_url = _path(page["prev"])
        assert back == forth[:2] and len(forth) == 3, ordering


def _path(url: str | None) -> str:
    return url.partition("/api/v1/")[2] if url else ""


def test_a_customer_reads_the_catalogue_and_orders_from_it() -> None:
    Product.objects.create(sku="MUG", name="Stoneware mug, oat", price=Decimal("12.5"))
    Product.objects.create(sku="BAG", name="Bag", description="for a mug", price=Decimal(500), currency="XOF")
    Product.objects.create(sku="OLD", name="Old mug", price=Decimal(1), on_sale=False)
    command_dispatcher.send(ReceiveStock("MUG", 5, "D-1"))
    update_read_models()
    program = shopper(scopes=["catalogue:read", "orders:write"])
    products = {row["sku"]: row for row in program.get("products").json()["results"]}
    assert products["MUG"]["price"] == {"amount": "12.50", "currency": "GBP"} and products["MUG"]["available"] == 5
    assert products["BAG"]["price"] == {"amount": "500", "currency": "XOF"} and products["BAG"]["available"] is None
    assert set(products) == {"MUG", "BAG"}

    def skus(query: str) -> list[str]:
        return [row["sku"] for row in program.get(f"products?{query}").json()["results"]]

    assert skus("q=mug") == ["BAG", "MUG"] and skus("q=mug%20oat") == ["MUG"] and skus("q=cup") == []
    assert skus("price_max=20") == ["MUG"] and skus("ordering=-price") == ["BAG", "MUG"]
    assert program.get("products/MUG").json() == products["MUG"]
    assert program.get("products/MUG?fields=available").json() == {"available": 5}
    assert problem_of(program.get("products/OLD")) == (404, "not-found")
    assert {"card", "bank_transfer"} <= {row["method"] for row in program.get("payment-methods").json()["results"]}
    DeliveryOption.objects.create(code="std", name="Standard", price=Decimal("3.5"), free_from=Decimal(50))
    DeliveryOption.objects.create(code="old", name="By mule", price=Decimal(1), is_offered=False)
    [option] = program.get("delivery-options?currency=GBP").json()["results"]
    assert (option["code"], option["price"], option["free_from"]) == (
        "std",
        {"amount": "3.50", "currency": "GBP"},
        {"amount": "50.00", "currency": "GBP"},
    )
    listed = {row["code"]: row for row in program.get("instruments").json()["results"]}
    assert listed["XETRA/SAP"] == program.get("instruments/XETRA/SAP").json()
    assert listed["XETRA/SAP"]["terms"]["currency"] == "EUR"
    assert problem_of(program.get("instruments/XETRA/NONE")) == (404, "not-found")
    line = {"sku": "MUG", "quantity": 1, "price": products["MUG"]["price"]}
    placed = program.post("orders", {"lines": [line], "delivery": {"name": "Ada", "address": "1 St"}})
    assert placed.status_code == 201, placed.content
    without = shopper("bob@example.org", scopes=["orders:read"])
    assert problem_of(without.get("products")) == (403, "out-of-scope")


def test_a_return_shows_how_far_it_is() -> None:
    mine, order_id = shopper(), UUID(int=7)
    command_dispatcher.send(CreateOrder(order_id, "7", mine.person, Sale(1).lines))
    pay_order(order_id)
    clerk = ApiClient(staff("clerk", "view_ordersummary", "ship_order", "refund_order"))
    assert (
        clerk.post(f"orders/{order_id}/shipment", {"carrier": "DPD", "tracking": "T1"}, if_match="*").status_code == 200
    )
    asked = mine.post(
        f"orders/{order_id}/returns", {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}, if_match="*"
    )
    assert asked.status_code == 201, asked.content
    update_read_models()
    order = mine.get(f"orders/{order_id}").json()
    assert [(one["carrier"], one["tracking"], one["delivered_at"]) for one in order["shipments"]] == [
        ("DPD", "T1", None)
    ]
    [case] = order["returns"]
    assert (case["status"], case["lines"], case["received"]) == ("requested", [{"line": 1, "quantity": 1}], [])
    clerk.post(f"orders/{order_id}/returns/{case['reference']}/acceptance", {}, if_match="*")
    assert mine.get(f"orders/{order_id}?expand=returns").json()["returns"][0]["status"] == "accepted"
