"""Staff see how many pieces of a product are where, and everything that moved them."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from eventshop.projections.projection import projection_registry
from orders.domain.commands import DispatchInventory, ReleaseInventory, ReserveInventory, WriteOffStock
from orders.domain.stock_item import stock_item_id
from tests.support.order_fulfilment import receive_stock, send_for_order
from tests.support.pages import find, texts
from tests.support.read_models import catch_up
from tests.support.sales import ADA, BOB
from tests.support.staff import boss, capture_queries, clerk

pytestmark = pytest.mark.usefixtures("clean_database")

STOCK = "/admin/projections/stocklevel/"


def fill_warehouse() -> None:
    receive_stock("mug", 1_500)
    receive_stock("jar", 1)
    for order, quantity in ((ADA, 4), (BOB, 1)):
        send_for_order(stock_item_id("mug"), ReserveInventory("mug", order, quantity))
    send_for_order(stock_item_id("jar"), ReserveInventory("jar", BOB, 2))
    send_for_order(stock_item_id("mug"), DispatchInventory("mug", ADA, 4))
    send_for_order(stock_item_id("mug"), ReleaseInventory("mug", BOB, 1))
    lost = WriteOffStock(sku="ghost", quantity=3, reason="damaged", reference="COUNT-1")
    send_for_order(stock_item_id("ghost"), lost)
    catch_up(*projection_registry.select([]))


def test_stock_is_listed_and_found_by_its_code() -> None:
    fill_warehouse()
    page = boss().get(STOCK)
    rows = {row.sku: row for row in page.context["cl"].result_list}
    assert set(rows) == {"mug", "jar", "ghost"}
    assert (rows["mug"].on_hand, rows["mug"].dispatched, rows["jar"].refusals) == (1_496, 4, 1)
    found = boss().get(STOCK, {"q": "mu"}).context["cl"].result_list
    assert [row.sku for row in found] == ["mug"]


def test_the_page_of_a_product_tells_what_moved_it_newest_first() -> None:
    fill_warehouse()
    page = boss().get(f"{STOCK}mug/change/", follow=True)
    assert texts(page, "on-hand") == ["1,496"]
    moves = [(row.event_type, row.units) for row, _ in page.context["movements"]]
    assert moves[-1] == ("StockReceived", 1_500)
    assert ("InventoryDispatched", 4) in moves and ("InventoryReleased", 1) in moves
    ghost = boss().get(f"{STOCK}ghost/change/", follow=True)
    assert not ghost.context["stock"].counted and not re.search(r"\d", texts(ghost, "on-hand")[0])
    [lost] = texts(ghost, "written-off")
    assert re.findall(r"\d+", lost) == ["3", "3"]  # written off, and how many of them uncounted


def test_from_the_stream_one_gets_to_the_row() -> None:
    fill_warehouse()
    page = boss().get(reverse("admin:ops_stream_change", args=(stock_item_id("mug"),)))
    assert find(page, href=f"{STOCK}mug/change/")


def test_who_may_not_look_at_stock_sees_none() -> None:
    fill_warehouse()
    assert clerk("view_ordersummary").get(STOCK).status_code == 403
    assert clerk("view_stocklevel").get(STOCK).status_code == 200


def test_a_long_list_takes_no_more_queries_than_a_short_one() -> None:
    fill_warehouse()
    client = boss()
    few = len(capture_queries(lambda: client.get(STOCK)))
    for number in range(30):
        send_for_order(stock_item_id(f"s{number}"), ReserveInventory(f"s{number}", stock_item_id("x"), 1))
    catch_up(*projection_registry.select([]))
    assert len(capture_queries(lambda: client.get(STOCK))) <= few
