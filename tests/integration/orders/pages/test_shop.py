"""The shop's pages: customers order, read their own writes, cancel, return and get invoices of their own orders."""

from __future__ import annotations

import re
from decimal import Decimal
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User as Login
from django.db import connections
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.core.money import Money
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.web.shared import read_your_writes
from orders.application.basket import MAX_LINES, MAX_QUANTITY
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.models import Product
from tests.support.customers import PASSWORD, sign_in_customer
from tests.support.order_payments import pay_order
from tests.support.pages import find, texts
from tests.support.sales import gbp
from tests.support.staff import boss, update_read_models
from tests.support.waiting import DEADLINE_S, join_threads
from users.application.customer_adapter import load_person
from users.domain.commands import ChangeContactDetails

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def products(clean_database: None) -> None:
    for sku, name, price in (("MUG", "Mug, oat", "12.50"), ("LAMP", "Reading lamp", "118.00")):
        Product.objects.create(sku=sku, name=name, price=Decimal(price))
        command_dispatcher.send(ReceiveStock(sku=sku, quantity=5, reference="D-1"))


def customer_with_basket(email: str = "ada@example.org") -> tuple[Client, UUID]:
    """A customer with an address, and two mugs in the basket."""
    client, person = sign_in_customer(email, "Ada Łukasz")
    command_dispatcher.send(ChangeContactDetails(person, email, "Ada Łukasz", address="1 St\nYork"))
    client.post("/shop/MUG/", {"quantity": "2"})
    return client, person


def context_of(client: Client, path: str) -> Any:
    """What the page shows."""
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.context


def stock_shown(client: Client, path: str = "/shop/") -> dict[str, int | None]:
    """The products of the catalogue, by code, with the number left."""
    return {product.sku: left for product, left in context_of(client, path)["shelf"]}


def basket_total(client: Client) -> Money | None:
    total: Money | None = context_of(client, "/basket/")["basket"].total
    return total


def checkout_form_values(client: Client) -> dict[str, str]:
    """The hidden fields of the review, with which an order is placed that is paid later."""
    client.post("/checkout/payment/", {"choice": "later"})
    page = client.get("/checkout/").content.decode()
    return dict(re.findall(r'name="(form_id|total)" value="([^"]+)"', page))


def place_order(client: Client) -> UUID:
    answer = client.post("/checkout/", checkout_form_values(client))
    assert answer.status_code == 302
    return UUID(answer.headers["Location"].split("/")[2])


@pytest.mark.both
def test_the_shop_is_open_to_everybody_and_found_by_words(client: Client) -> None:
    Product.objects.create(sku="OLD", name="Old mug", price=Decimal(1), on_sale=False)
    assert stock_shown(client).keys() == {"MUG", "LAMP"}
    command_dispatcher.send(WriteOffStock(sku="LAMP", quantity=5, reason="broken", reference="W-1"))
    update_read_models()
    assert stock_shown(client) == {"MUG": 5, "LAMP": 0}
    assert stock_shown(client, "/shop/?q=mug") == {"MUG": 5}
    assert stock_shown(client, "/shop/?q=ufo") == {}
    assert client.get("/shop/OLD/").status_code == 404
    assert context_of(client, "/shop/MUG/")["left"] == 5


def test_a_basket_is_filled_changed_and_emptied(client: Client) -> None:
    client.post("/shop/MUG/", {"quantity": "2"})
    client.post("/shop/MUG/", {"quantity": "1"})
    client.post("/shop/LAMP/", {"quantity": "1"})
    assert basket_total(client) == gbp("155.50")
    client.post("/basket/MUG/", {"quantity": "0"})
    assert basket_total(client) == gbp("118.00")
    for nonsense in ("-1", "x", "", "100000"):
        refused = client.post("/basket/LAMP/", {"quantity": nonsense}, follow=True)
        assert [message.level_tag for message in refused.context["messages"]] == ["error"]
    assert basket_total(client) == gbp("118.00")
    assert client.get("/checkout/").headers["Location"] == "/account/sign-in/?next=/checkout/"


def test_what_the_basket_cannot_hold_is_said(client: Client) -> None:
    client.post("/shop/MUG/", {"quantity": "98"}, follow=True)
    page = client.post("/shop/MUG/", {"quantity": "2"}, follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["warning"]
    assert [item.quantity for item in page.context["basket"].items] == [MAX_QUANTITY]
    for number in range(MAX_LINES):
        Product.objects.create(sku=f"P{number}", name=f"P {number}", price=Decimal(1))
        page = client.post(f"/shop/P{number}/", {"quantity": "1"}, follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["error"]
    assert len(page.context["basket"].items) == MAX_LINES


def test_what_is_not_left_is_said_before_it_is_ordered() -> None:
    client, _ = customer_with_basket()
    form = checkout_form_values(client)
    command_dispatcher.send(WriteOffStock(sku="MUG", quantity=4, reason="broken", reference="W-1"))
    update_read_models()
    for answer in (client.post("/checkout/", form), client.get("/checkout/")):
        assert answer.headers["Location"] == "/basket/"
    [sentence] = texts(client.get("/basket/"), "basket-problem")
    assert "Only 1 of Mug, oat is left" in sentence
    assert not StoredEvent.objects.filter(event_type="OrderCreated").exists()
    client.post("/basket/MUG/", {"quantity": "1"})
    assert place_order(client)


def test_an_order_that_the_rules_refuse_is_a_message_and_the_basket_stays() -> None:
    client, _ = customer_with_basket()
    form = checkout_form_values(client)
    Product.objects.filter(sku="MUG").update(name="Mug\x07")  # as no form would store it
    page = client.post("/checkout/", form, follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["error"]
    assert len(page.context["basket"].items) == 1
    assert not StoredEvent.objects.filter(event_type="OrderCreated").exists()


@pytest.mark.both
def test_an_order_is_seen_at_once_and_its_list_says_when_it_lags() -> None:
    client, person = customer_with_basket()
    order_id = place_order(client)
    shown = context_of(client, f"/orders/{order_id}/")["order"]
    assert ("£25.00" in shown.timeline[0].text, shown.opening_event.total) == (True, gbp("25.00"))
    assert context_of(client, "/basket/")["basket"].items == ()
    events = store.get_events(order_id)
    assert [recorded.meta.event_type for recorded in events] == ["OrderCreated"]
    assert (events[0].event.customer_id, events[0].event.delivery_name) == (person, "Ada Łukasz")
    assert shown.destination.splitlines() == ["Ada Łukasz", "1 St", "York"]
    assert "Łukasz" not in StoredEvent.objects.get(event_type="OrderCreated").payload
    before = context_of(client, "/orders/")
    assert (before["current"], list(before["page"])) == (False, [])
    update_read_models()
    after = context_of(client, "/orders/")
    assert after["current"]
    [mine] = after["page"]
    assert (mine.reference, mine.total) == (events[0].event.reference, Decimal("25.00"))


@pytest.mark.both
def test_the_list_waits_for_a_worker_that_is_about_to_be_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_your_writes, "PAGE_TIMEOUT_S", DEADLINE_S)
    client, _ = customer_with_basket()
    place_order(client)

    def late() -> None:
        update_read_models()
        connections.close_all()

    worker = Thread(target=late)
    worker.start()
    page = context_of(client, "/orders/")
    join_threads(worker)
    assert page["current"] and len(page["page"]) == 1


@pytest.mark.both
def test_a_checkout_sent_twice_orders_once() -> None:
    client, _ = customer_with_basket()
    form = checkout_form_values(client)
    first, again = client.post("/checkout/", form), client.post("/checkout/", form)
    assert first.headers["Location"] == again.headers["Location"]
    assert StoredEvent.objects.filter(event_type="OrderCreated").count() == 1


def test_a_price_that_changed_meanwhile_is_not_charged() -> None:
    client, _ = customer_with_basket()
    form = checkout_form_values(client)
    Product.objects.filter(sku="MUG").update(price=Decimal("13.00"))
    page = client.post("/checkout/", form, follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["warning"]
    assert page.context["basket"].total == gbp("26.00")
    assert not StoredEvent.objects.filter(event_type="OrderCreated").exists()


def test_without_an_address_nothing_is_ordered() -> None:
    client, _ = sign_in_customer()
    client.post("/shop/MUG/", {"quantity": "1"})
    assert client.get("/checkout/").headers["Location"] == "/checkout/address/"
    client.post("/checkout/", {"form_id": str(new_id()), "total": "12.50 GBP"})
    assert not StoredEvent.objects.filter(event_type="OrderCreated").exists()


def test_what_a_page_follows_says_whether_there_is_something_new() -> None:
    client, _ = customer_with_basket()
    order_id = place_order(client)
    live = f"/live/order/{order_id}/"
    assert find(client.get(f"/orders/{order_id}/"), **{"data-live": live, "data-mark": "1"})
    assert client.get(live, {"after": "1"}).status_code == 204
    pay_order(order_id)
    assert client.get(live, {"after": "1"}).content == b"3"


def test_the_list_of_orders_says_so_too() -> None:
    client, person = customer_with_basket()
    order_id = place_order(client)
    update_read_models()
    live = f"/live/my-orders/{person}/"
    assert find(client.get("/orders/"), **{"data-live": live, "data-mark": "1"})
    assert client.get(live, {"after": "1"}).status_code == 204
    pay_order(order_id)
    update_read_models()
    assert client.get(live, {"after": "1"}).content == b"3"


@pytest.mark.parametrize("page", ["", "invoice/", "invoice.pdf", "cancel/", "return/"])
def test_an_order_is_its_customers_alone(page: str, client: Client) -> None:
    owner, _ = customer_with_basket()
    order_id = place_order(owner)
    pay_order(order_id)
    path = f"/orders/{order_id}/{page}"
    assert owner.get(path).status_code == 200
    assert client.get(path).headers["Location"] == f"/account/sign-in/?next={path}"
    other, _ = sign_in_customer("bob@example.org", "Bob")
    assert other.get(path).status_code == 404
    assert other.post(path, {"form_id": str(new_id()), "reason": "I changed my mind"}).status_code in (404, 405)
    staff = Client()
    staff.force_login(Login.objects.create_user("clerk", password=PASSWORD, is_staff=True))
    assert staff.get(path).headers["Location"] == f"/account/join/?next={path}"
    assert not StoredEvent.objects.filter(event_type="OrderCancelled").exists()


def test_staff_change_a_price_in_the_admin_and_the_code_stays() -> None:
    client = boss()
    assert "Mug, oat" in client.get("/admin/orders/product/").content.decode()
    form = {"sku": "OTHER", "name": "Mug, oat", "description": "", "price": "13.00", "currency": "GBP", "on_sale": "on"}
    form |= {"vat_percent": "20.0"}
    assert client.post("/admin/orders/product/MUG/change/", form).status_code == 302
    assert list(Product.objects.filter(name="Mug, oat").values_list("sku", "price")) == [("MUG", Decimal("13.00"))]


@pytest.mark.parametrize("ticked", [[], ["DirectMarketing"]])
def test_at_the_checkout_a_consent_is_asked_never_ticked_before_and_given_once(ticked: list[str]) -> None:
    client, who = customer_with_basket()
    form = checkout_form_values(client)
    boxes = find(client.get("/checkout/"), type="checkbox")
    assert "DirectMarketing" in [box.attributes["value"] for box in boxes]
    assert not [box for box in boxes if "checked" in box.attributes]
    form |= {"agree": ticked}  # type: ignore[dict-item]
    client.post("/checkout/", form)
    client.post("/checkout/", form)
    assert list(load_person(who).state.consents) == ticked
    assert StoredEvent.objects.filter(event_type="ConsentGranted").count() == len(ticked)
    client.post("/shop/MUG/", {"quantity": "1"})
    client.post("/checkout/payment/", {"choice": "later"})
    assert bool(find(client.get("/checkout/"), value="DirectMarketing")) is not bool(ticked)


def test_a_checkout_can_tick_nothing_but_what_it_asked() -> None:
    client, who = customer_with_basket()
    client.post("/checkout/", {**checkout_form_values(client), "agree": ["PersonalisedAdvertising"]})
    assert not load_person(who).state.consents
    assert StoredEvent.objects.filter(event_type="OrderCreated").count() == 1
