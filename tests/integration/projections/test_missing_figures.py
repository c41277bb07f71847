"""Figures say what is missing from them: in the API, in the console and on the customer's page."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.operations.completeness import Missing, missing_from
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import projection_registry
from eventshop.projections.read_model import ReadModel
from orders.models import Product
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.position import position
from projections.trade_blotter import trade_blotter
from tests.support.api_endpoints import endpoints, view_of
from tests.support.customers import sign_in_customer
from tests.support.failing_projection import Flaky, fail
from tests.support.pages import find, texts
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.staff import capture_queries, update_read_models
from tests.support.trader import fill_trade, open_account, submit_limit_order

sale, other = Sale(1), Sale(2)


@pytest.fixture
def shop(clean_database: None) -> None:
    """Two orders; the payment of one cannot be folded, and what follows it waits."""
    flaky = Flaky(order_summary, name=order_summary.name)
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created, other.paid)
    catch_up(flaky.projection)
    cache.clear()


@pytest.mark.parametrize(
    ("missing", "text", "header"),
    [
        (Missing(38, 28), "38 events of 28 records not included", "events=38, streams=28"),
        (Missing(1, 1), "1 event of 1 record not included", "events=1, streams=1"),
        (
            Missing(as_of=datetime(2026, 3, 1, 14, 2, tzinfo=UTC)),
            "as of March 1, 14:02",
            "events=0, streams=0, as-of=@1772373720",
        ),
    ],
)
def test_a_mark_is_a_sentence_and_a_header(missing: Missing, text: str, header: str) -> None:
    assert str(missing).replace("1 March", "March 1") == text
    assert missing.header == header


def test_api_and_console_mark_what_comes_from_a_projection_with_dead_letters(shop: None, admin_client: Client) -> None:
    assert missing_from([order_summary.name]) == Missing(2, 1)
    assert missing_from(["customer-summary"]) is None
    answer = admin_client.get("/api/v1/orders")
    assert (answer.status_code, answer["Incomplete"]) == (200, "events=2, streams=1")
    assert answer.json()["incomplete"] == {"events": 2, "streams": 1, "as_of": None}
    assert len(answer.json()["results"]) == OrderSummary.objects.count() == 2
    row = admin_client.get(f"/api/v1/orders/{other.order_id}")
    assert (row.status_code, row["Incomplete"]) == (200, "events=2, streams=1")
    page = admin_client.get("/admin/projections/ordersummary/").content.decode()
    assert "2 events of 1 record not included" in page


def test_a_projection_beyond_its_objective_says_as_of_when(clean_database: None, settings: Any) -> None:
    catch_up(order_summary)
    append(sale.order_id, sale.created)
    cache.clear()
    assert missing_from([order_summary.name]) is None
    settings.HEALTH_LAG_S = 0
    cache.clear()
    missing = missing_from([order_summary.name])
    assert missing and missing.as_of and not missing.events
    assert "Incomplete" not in Client().get("/api/v1/orders")  # nobody is signed in


def test_the_mark_costs_no_statement_while_it_is_fresh(shop: None) -> None:
    missing_from([order_summary.name])
    assert capture_queries(lambda: missing_from([order_summary.name])) == []


def test_a_traders_pages_say_what_is_missing_from_them(clean_database: None) -> None:
    client, person = sign_in_customer()
    trade_id = submit_limit_order(open_account(person))
    pages = ("/trading/", "/trading/positions/")
    update_read_models()
    assert [find(client.get(page), "missing") for page in pages] == [[], []]
    fill_trade(trade_id, "1")
    for read_model in (trade_blotter, position):
        flaky = Flaky(read_model, name=read_model.name, version=read_model.version)
        flaky.spoils[trade_id, 2] = fail
        catch_up(flaky.projection)
    cache.clear()
    for page in pages:
        [text] = texts(client.get(page), "missing")
        assert "The latest changes of some trades are not in these figures yet" in text


def test_a_traders_files_and_statement_say_what_is_missing_from_them(clean_database: None) -> None:
    client, person = sign_in_customer()
    account = open_account(person)
    trade_id = submit_limit_order(account)
    update_read_models()
    statement = f"/trading/accounts/{account}/statement/"
    files = ("/trading/?format=csv", f"{statement}?format=csv", f"{statement}?format=pdf")
    for path in files:
        answer = client.get(path)
        assert (answer.status_code, "Incomplete" in answer, "-incomplete" in answer["Content-Disposition"]) == (
            200, False, False,
        ), path  # fmt: skip
    fill_trade(trade_id, "1")
    flaky = Flaky(trade_blotter, name=trade_blotter.name, version=trade_blotter.version)
    flaky.spoils[trade_id, 2] = fail
    catch_up(flaky.projection)
    cache.clear()
    for path in files:
        answer = client.get(path)
        assert answer["Incomplete"].startswith("events="), path
        assert "-incomplete." in answer["Content-Disposition"]
    assert find(client.get(statement), "missing")


def test_a_row_in_the_console_says_that_it_may_be_incomplete(shop: None, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:projections_ordersummary_change", args=[other.order_id]))
    assert "may be incomplete: 2 events of 1 record not included" in page.content.decode()
    complete = admin_client.get(reverse("admin:projections_customersummary_changelist"))
    assert "incomplete" not in complete.content.decode()


# --- every door ------------------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_is_complete(clean_database: None) -> None:
    """Every projection has set an event aside."""
    for projection in projection_registry.select([]):
        DeadLetter.objects.create(
            projection=projection.name, aggregate_id=new_id(), aggregate_type="Order", position=1, version=1,
            event_id=new_id(), event_type="OrderCreated", parked_at=timezone.now(),
        )  # fmt: skip
    cache.clear()


ADMINS: Final = [model for model in admin.site._registry if issubclass(model, ReadModel)]


@pytest.mark.usefixtures("nothing_is_complete")
@pytest.mark.parametrize("model", ADMINS, ids=lambda model: model._meta.model_name)
def test_every_list_of_the_console_and_its_export_say_what_is_missing(
    model: type[ReadModel], admin_client: Client
) -> None:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert "1 event of 1 record not included" in admin_client.get(address).content.decode()
    export = admin_client.get(f"{address}csv/")
    assert (export.status_code, export["Incomplete"]) == (200, "events=1, streams=1")
    assert "-incomplete.csv" in export["Content-Disposition"]


def lists_of_the_api() -> list[str]:
    """The endpoints that list rows of a read model, without those of one row's parts."""
    found = []
    for endpoint in endpoints():
        resource = getattr(view_of(endpoint), "resource", None)
        if endpoint.method == "get" and resource and issubclass(resource.model, ReadModel) and "{" not in endpoint.path:
            found.append(endpoint.path)
    return found


@pytest.mark.usefixtures("nothing_is_complete")
@pytest.mark.parametrize("path", lists_of_the_api())
def test_every_list_of_the_api_says_what_is_missing(path: str, admin_client: Client) -> None:
    answer = admin_client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer["Incomplete"]) == (200, "events=1, streams=1")
    assert answer.json()["incomplete"] == {"events": 1, "streams": 1, "as_of": None}


@pytest.mark.usefixtures("nothing_is_complete")
def test_the_stock_of_the_price_list_says_what_is_missing(admin_client: Client) -> None:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    answer = admin_client.get("/api/v1/products")
    assert (answer.status_code, answer["Incomplete"]) == (200, "events=1, streams=1")
    assert answer.json()["incomplete"] == {"events": 1, "streams": 1, "as_of": None}
    assert admin_client.get("/api/v1/products/MUG")["Incomplete"] == "events=1, streams=1"
    pages = {path: texts(Client().get(path), "missing") for path in ("/", "/shop/", "/shop/MUG/")}
    assert all("not complete at the moment" in mark for [mark] in pages.values()), pages
    DeadLetter.objects.filter(projection="stock-level").delete()
    cache.clear()
    assert [texts(Client().get(path), "missing") for path in pages] == [[], [], []]


def test_there_are_as_many_lists_as_read_models_with_a_page() -> None:
    assert len(ADMINS) >= 13 and len(lists_of_the_api()) >= 12
