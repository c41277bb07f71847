"""Reported cases of read models: lists, searches, totals and what staff must look at."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Sum

from eventshop.eventstore.command_dispatcher import send
from orders.domain.commands import (
    CreateOrder,
    ReceiveStock,
    RecordObservedCancellation,
    RecordObservedPayment,
    RecordObservedShipment,
)
from orders.domain.events import Line
from orders.domain.stock_item import stock_item_id
from projections.models import DailySales, OrderSummary
from tests.support.api_clients import ApiClient, staff
from tests.support.read_models import append
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import ImportRun, run_projections
from tests.support.sales import ADA, LANTERNS, Sale, gbp
from tests.support.staff import boss, record_sales, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

ORDERS = "/admin/projections/ordersummary/"


def program() -> ApiClient:
    return ApiClient(staff("boss", "view_ordersummary", "view_customersummary"))


def test_a_row_that_changes_between_two_pages_is_on_one_of_them() -> None:
    """Input: a list by `-updated_at`, a row of the second page changes first. Right: on one of the pages at least."""
    sales = [Sale(number) for number in range(1, 5)]
    record_sales(*sales)
    client = program()
    first = client.get("orders?ordering=-updated_at&limit=2").json()
    append(sales[0].order_id, sales[0].shipped)
    update_read_models()
    second = client.get(f"orders?ordering=-updated_at&limit=2&cursor={first['next_cursor']}").json()
    seen = {row["reference"] for page in (first, second) for row in page["results"]}
    assert seen == {sale.reference for sale in sales}


def test_the_numbers_of_the_file_are_found(tmp_path: Path) -> None:
    """Input: search for the customer number of an imported file. Right: the customer and their orders are found."""
    ImportRun(write_sales_file(tmp_path, csv_line(), csv_line(invoice="536366", customer="12583.0")))
    run_projections()
    client = boss()
    assert [row.reference for row in client.get(ORDERS, {"q": "17850"}).context["cl"].result_list] == ["536365"]
    assert len(client.get("/admin/projections/customersummary/", {"q": "17850"}).context["cl"].result_list) == 1
    [order] = program().get("orders?external_id=online-retail:536366").json()["results"]
    assert order["reference"] == "536366"
    [customer] = program().get("customers?external_id=online-retail:12583").json()["results"]
    assert customer["customer_id"] == order["customer_id"]


def test_what_a_marketplace_reports_against_the_rules_is_listed_for_review() -> None:
    """Input: freight, two part payments, shipped before paid, cancelled after shipping. Right: told, and marked."""
    order = Sale(9).order_id
    freight = Line("POST", "Parcel", 1, gbp("2.50"), kind="freight")
    send(CreateOrder(order, "M-9", ADA, (LANTERNS, freight)))
    send(CreateOrder(Sale(1).order_id, "000001", ADA, (LANTERNS,)))
    for fact in (
        RecordObservedShipment(order, "DHL"),
        RecordObservedPayment(order, gbp("10.00"), "voucher", "V-1"),
        RecordObservedPayment(order, gbp("12.84"), "card", "C-1"),
        RecordObservedCancellation(order, "customer's wish"),
    ):
        send(fact)
    update_read_models()
    row = OrderSummary.objects.get(pk=order)
    assert (row.status, row.observed, row.paid, row.total) == ("CANCELLED", True, Decimal("22.84"), Decimal("22.84"))
    rules = {"shipped-before-paid", "cancelled-after-shipping"}
    assert rules <= set(row.review.split())
    listed = boss().get(ORDERS, {"task": "review"}).context["cl"].result_list
    assert [each.reference for each in listed] == ["M-9"]
    for query in ("to_review=true", "review=shipped-before-paid", "observed=true"):
        assert [each["reference"] for each in program().get(f"orders?{query}").json()["results"]] == ["M-9"], query
    assert program().get("orders?review=before-paid").json()["results"] == []
    assert [each["reference"] for each in program().get("orders?to_review=false").json()["results"]] == ["000001"]


def test_a_sum_over_a_column_of_money_is_exact() -> None:
    """Input: three payments of 0.1 on SQLite. Right: exactly 0.3, by `Sum` in the database."""
    sales = [Sale(number, (Line("71053", "", 1, gbp("0.10")),)) for number in range(1, 4)]
    record_sales(*sales)
    assert OrderSummary.objects.aggregate(paid=Sum("paid"))["paid"] == Decimal("0.3")
    assert str(DailySales.objects.aggregate(gross=Sum("gross"))["gross"]) in ("0.300", "0.3")


def test_what_cannot_be_compared_is_told_and_is_no_difference(tmp_path: Path) -> None:
    """Input: `verify_sales` with totals that count matches. Right: those are told as not compared; the rest agrees."""
    file = write_sales_file(tmp_path, csv_line(), csv_line(invoice="C536366", quantity="-2"))
    ImportRun(file)
    run_projections()
    out = StringIO()
    call_command("verify_sales", str(file), stdout=out)
    assert "totals agree" in out.getvalue() and "≠" not in out.getvalue()


def test_verify_snapshots_with_nothing_to_verify_says_so() -> None:
    """Input: `verify_snapshots` on a database without snapshots. Right: it says that there is none."""
    out = StringIO()
    call_command("verify_snapshots", stdout=out)
    assert out.getvalue().splitlines()[0] == "There is no snapshot to verify."


def test_a_stream_that_moves_on_between_two_pages_of_the_console_keeps_its_place() -> None:
    """Input: the list of streams, an event in a stream of the second page. Right: on one of the pages at least."""
    skus = [f"S-{number:02}" for number in range(52)]
    for sku in skus:
        send(ReceiveStock(sku, 1, "D-1"))
    client = boss()
    first = client.get("/admin/ops/stream/").context["cl"]
    send(ReceiveStock(skus[0], 1, "D-2"))
    second = client.get(f"/admin/ops/stream/{first.older_link}").context["cl"]
    seen = {stream.aggregate_id for page in (first, second) for stream in page.result_list}
    assert seen == {stock_item_id(sku) for sku in skus}
