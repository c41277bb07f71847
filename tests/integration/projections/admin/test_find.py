"""Find anything: what the console's search finds, by whom, and what it records."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import CreateOrder, ReceiveStock
from orders.models import Product
from tests.support.pages import find, texts
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, clerk, order_url, update_read_models
from users.domain.commands import CreateUser

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

PAGE = "/admin/search/"
SALE = Sale(1)
ADA = UUID("0190a1b2-0000-7000-8000-00001a2b3c4d")


@pytest.fixture(autouse=True)
def shop(clean_database: None) -> None:
    """An order of Ada with the number `Web-2026/0042`, a product, and its stock."""
    send(CreateUser(ADA, "ada@example.org", "Ada Lovelace"))
    send(CreateOrder(SALE.order_id, "Web-2026/0042", ADA, SALE.lines))
    send(ReceiveStock("MUG-BLUE", 5, "D-1"))
    Product.objects.create(sku="MUG-BLUE", name="Blue mug", price=Decimal("12.50"))
    update_read_models()


def ask(client: Client, text: str, **values: str) -> Any:
    return client.post(PAGE, {"q": text, **values})


def links(response: Any) -> list[str]:
    return [hit.attributes["href"] for hit in find(response, "hit")]


def test_an_order_is_found_by_any_part_of_its_number_in_any_case() -> None:
    client = boss()
    for part in ("Web-2026/0042", "2026", "web-2026", "0042", "WEB", "6/00"):
        assert order_url(SALE) in links(ask(client, part)), part
        rows = client.get("/admin/projections/ordersummary/", {"q": part}).context["cl"].result_list
        assert [row.pk for row in rows] == [SALE.order_id], part


def test_a_row_is_found_by_its_id_as_lists_print_it() -> None:
    client = boss()
    for form in ("{}", "…{}", "Order {}", " {} "):
        assert order_url(SALE) in links(ask(client, form.format(str(SALE.order_id)[-8:].upper()))), form
        person = links(ask(client, form.format(str(ADA)[-8:])))
        assert f"/admin/projections/userprofile/{ADA}/change/" in person, form


def test_events_are_found_by_position_with_any_thousands_marks_and_by_each_id() -> None:
    event = StoredEvent.objects.get(aggregate_id=SALE.order_id, version=1)
    url = f"/admin/store/storedevent/{event.position}/change/"
    for text in (str(event.position), f"#{event.position}", str(event.event_id)):
        assert url in links(ask(boss(), text)), text
    assert f"/admin/ops/stream/{event.aggregate_id}/change/" in links(ask(boss(), str(event.aggregate_id)))
    assert f"/admin/store/storedreceipt/{event.command_id}/change/" in links(ask(boss(), str(event.command_id)))
    correlation = f"/admin/store/storedevent/correlation/{event.correlation_id}/"
    assert correlation in links(ask(boss(), str(event.correlation_id)))


def test_products_event_types_pages_and_actions_are_found_by_a_part() -> None:
    client = boss()
    for text, url in {
        "blue m": "/admin/orders/product/MUG-BLUE/change/",
        "mug-b": "/admin/projections/stocklevel/MUG-BLUE/change/",
        "ordercrea": "/admin/store/storedevent/?type=OrderCreated",
        "order created": "/admin/store/storedevent/?type=OrderCreated",
        "dead lett": "/admin/projection_engine/deadletter/",
        "ship selected": "/admin/projections/ordersummary/",
        "find by e-mail": "/admin/projections/userprofile/find_by_email",
    }.items():
        assert any(link.startswith(url) for link in links(ask(client, text))), text


def test_nothing_found_says_so_and_bad_input_is_refused() -> None:
    assert texts(ask(boss(), "zebra-99"), "nothing-found") == ["Nothing that you may see is called “zebra-99”."]
    palette = boss().post(PAGE, {"q": "zebra-99"}, headers={"HX-Request": "true"})
    assert texts(palette, "nothing-found") and not find(palette, "find-form")
    for text in ("", "a" * 201, "a\x00b", "%_%", "'; drop table", "9" * 60, "1,2,3"):
        answer = ask(boss(), text)
        assert answer.status_code == 200 and not links(answer), text
    assert not links(boss().get(PAGE, {"q": "0042"})), "what is looked for is posted, and stands in no address"


def test_staff_find_only_what_they_may_see() -> None:
    event = StoredEvent.objects.get(aggregate_id=SALE.order_id, version=1)
    for text in ("0042", str(SALE.order_id), str(event.event_id), "mug", "ordercreated", "dead", "ship"):
        assert not links(ask(clerk(), text)), text
    assert links(ask(clerk("view_ordersummary"), str(SALE.order_id))) == [order_url(SALE)]
    assert links(ask(clerk("view_ordersummary"), "ship selected")) == []
    customer = Client().post(PAGE, {"q": "0042"})
    assert customer.status_code == 302 and "/login/" in customer.headers["Location"]


def test_people_are_found_by_exact_name_or_address_with_a_reason_that_their_stream_keeps() -> None:
    finder = clerk("view_userprofile", "reveal_personal")
    person = f"/admin/projections/userprofile/{ADA}/change/"
    recorded = StoredEvent.objects.filter(aggregate_id=ADA, event_type="DataAccessed")
    for number, text in enumerate(("ADA lovelace", "ada@example.org", "Ada@Example.org"), start=1):
        assert person not in links(ask(finder, text)), "without a reason nobody is looked for"
        form = str(uuid4())
        for _ in range(2):
            assert links(ask(finder, text, reason="called about an order", command_id=form)) == [person], text
        assert recorded.count() == number, "sent twice, recorded once"
        assert not links(ask(finder, text[:-1], reason="called"))
    other = clerk("view_userprofile")
    assert not links(ask(other, "Ada Lovelace", reason="called"))
    assert not find(ask(other, "Ada Lovelace"), "people-form")
    assert recorded.count() == 3


def test_the_search_is_on_every_page_and_asks_a_bounded_number_of_queries() -> None:
    assert find(boss().get("/admin/"), "find")
    client = boss()
    ask(client, "warm")
    for text in ("0042", "1a2b3c4d", str(uuid4()), "12"):
        assert len(capture_queries(partial(ask, client, text))) <= 30, text
