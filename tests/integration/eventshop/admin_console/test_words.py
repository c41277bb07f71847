"""Sidebar, title and the way to a page say the same."""

from __future__ import annotations

import pytest
from django.contrib import admin

from eventshop.admin_console.sidebar import place_of
from tests.support.pages import find
from tests.support.sales import Sale
from tests.support.staff import boss, order_url, record_sales

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_list_is_called_as_in_the_sidebar() -> None:
    client, places = boss(), {}
    for model in admin.site._registry:
        if place := place_of(model):
            places[model] = place
    assert len(places) > 30 and len(set(places.values())) == len(places), "two entries have one name"
    for model, (section, title) in list(places.items())[::6]:
        page = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        heading = page.content.decode().partition("<h1")[2].partition("</h1>")[0]
        assert section in heading and title in heading, (model, heading)


def test_the_page_of_a_row_says_where_it_is() -> None:
    sale = Sale(1)
    record_sales(sale)
    page = boss().get(order_url(sale))
    heading = page.content.decode().partition("<h1")[2].partition("</h1>")[0]
    assert [one.text for one in find(f"<div>{heading}</div>") if one.tag == "a"] == ["Orders"]
    assert f"Order {sale.reference}" in heading and "Shop" in heading


def test_the_sidebar_marks_the_entry_of_the_page_and_no_neighbour() -> None:
    sale = Sale(1)
    record_sales(sale)
    for url, entry in (
        ("/admin/", "Dashboard"),
        (order_url(sale), "Orders"),
        ("/admin/store/storedevent/", "Events"),
        ("/admin/store/storedevent/catalogue/event/OrderCreated/", "Event catalogue"),
        ("/admin/ops/periodicwork/jobs/", "Jobs"),
        ("/admin/ops/periodicwork/", "Scheduled jobs"),
        ("/admin/projections/productsales/", "Products"),
    ):
        assert [
            one.text.split(" ", 1)[1]
            for one in find(boss().get(url), **{"aria-current": "page"})
            if "active" in one.attributes.get("class", "")
        ] == [entry], url
    assert not find(boss().get("/admin/password_change/"), **{"aria-current": "page"})
