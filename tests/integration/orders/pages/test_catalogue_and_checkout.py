"""The shelves with their filters, and the checkout that leads through and brings back whom it has sent aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client

from deploy.gateway.behaviours import TEST_CARDS
from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from orders.application.customer_order import load_any_order
from orders.demo.catalogue import DESCRIPTIONS, demo_product, store_catalogue
from orders.demo.products import PRODUCTS
from orders.domain.commands import CreateOrder, ReceiveStock, RecordObservedReturn, ReturnLine, ShipOrder
from orders.models import Category, DeliveryOption, Product
from orders.templatetags import shop as shop_tags
from tests.support.customers import PASSWORD, link_in_email, sign_in_customer
from tests.support.order_payments import pay_order
from tests.support.pages import find
from tests.support.sales import LANTERNS, gbp
from tests.support.staff import capture_queries, update_read_models
from users.application.customer_adapter import load_person
from users.domain.commands import ChangeContactDetails

pytestmark = pytest.mark.usefixtures("clean_database")
#: What a page may weigh with its style sheets and pictures.
MAX_BYTES = 200_000


@pytest.fixture
def catalogue(clean_database: None) -> None:
    store_catalogue()


def shown(client: Client, query: str) -> list[str]:
    page = client.get(f"/shop/{query}")
    assert page.status_code == 200
    return [item.product.sku for item in page.context["shelf"]]


@pytest.mark.usefixtures("catalogue")
def test_products_are_found_by_shelf_words_price_and_stock_and_sorted(client: Client) -> None:
    command_dispatcher.send(ReceiveStock(sku="KIT-102", quantity=3, reference="D-1"))
    update_read_models()
    assert shown(client, "?q=mug+handles+bend") == []
    assert shown(client, "?q=stoneware+mug") == ["KIT-102", "KIT-101"]
    assert shown(client, "?q=stoneware+mug&stock=1") == ["KIT-102"]
    assert all(sku.startswith("PAP") for sku in shown(client, "?category=paper"))
    prices = [Product.objects.get(pk=sku).price for sku in shown(client, "?category=bath&least=10&most=20&sort=-price")]
    assert prices == sorted(prices, reverse=True)
    assert all(10 <= price <= 20 for price in prices)
    assert len(prices) > 1
    assert len(shown(client, "?category=nonsense&least=x&sort=sku&page=99")) == len(PRODUCTS) % 24


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("path", ["/", "/shop/", "/shop/?category=kitchen&stock=1&sort=price", "/shop/?page=2"])
def test_shelves_are_read_once_until_the_price_list_or_the_stock_changes(client: Client, path: str) -> None:
    command_dispatcher.send(ReceiveStock(sku="KIT-102", quantity=3, reference="D-1"))
    update_read_models()

    def read_rows() -> list[str]:
        """What is read of products, shelves and stock, but for the state of the price list."""
        asked = capture_queries(lambda: client.get(path))
        return [
            sql
            for sql in asked
            if re.search('FROM "(orders_|projections_stocklevel)', sql) and "change_mark" not in sql
        ]

    def deliver() -> None:
        command_dispatcher.send(ReceiveStock("KIT-102", 1, "D-2"))
        update_read_models()

    mug, kitchen = Product.objects.get(pk="KIT-102"), Category.objects.get(pk="kitchen")
    changes: list[Callable[[], object]] = [lambda: None, mug.save, kitchen.save, deliver, mug.delete]
    for change in changes:
        change()
        assert read_rows()
        assert read_rows() == []


@pytest.mark.usefixtures("catalogue")
def test_a_new_price_is_on_the_shelf_at_once(client: Client) -> None:
    client.get("/shop/")
    first = Product.objects.get(pk=shown(client, "")[0])
    first.price = Decimal("987.00")
    first.save()
    assert "987.00" in client.get("/shop/").text


@pytest.mark.usefixtures("catalogue")
def test_pages_with_pictures_are_light_and_each_picture_has_size_and_text(client: Client) -> None:
    static = Path(django_settings.BASE_DIR) / "static"
    for path in ("/", "/shop/", "/shop/KIT-101/"):
        page = client.get(path)
        pictures = [tag for tag in find(page, width="320") if tag.attributes["height"] == "240"]
        assert pictures
        assert all(picture.attributes["alt"] for picture in pictures)
        files = {name.removeprefix("/static/") for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)}
        weight = len(page.content) + sum((static / name).stat().st_size for name in files)
        assert weight < MAX_BYTES, path
    assert "More for kitchen" in client.get("/shop/KIT-101/").text


def test_every_demo_product_has_its_picture_and_description() -> None:
    static = Path(django_settings.BASE_DIR) / "static"
    products = [demo_product(*row) for row in PRODUCTS]
    assert [product.sku for product in products if not (static / product.picture).is_file()] == []
    assert DESCRIPTIONS.keys() == {product.sku for product in products}


def test_the_named_test_cards_are_those_of_the_gateway() -> None:
    assert {card.replace(" ", "") for card in shop_tags.TEST_CARDS} <= TEST_CARDS.keys()


@pytest.mark.usefixtures("catalogue")
def test_a_visitor_is_led_from_the_basket_over_the_sign_up_to_the_order(client: Client) -> None:
    client.post("/shop/KIT-101/", {"quantity": "2"})
    assert 'class="count">2<' in client.get("/shop/").text
    sign_in = client.get("/checkout/").headers["Location"]
    [sign_up] = re.findall(r'href="(/account/sign-up/\?[^"]*)"', client.get(sign_in).text)
    client.post(sign_up, {"email": "ada@example.org"})
    welcome = client.post(link_in_email(), {"name": "Ada Marker", "password": PASSWORD})
    assert welcome.headers["Location"] == "/checkout/"
    assert client.get("/checkout/").headers["Location"] == "/checkout/address/"
    form = hidden(client, "/checkout/address/") | {"name": "Ada Marker", "address": "1 Elm St\nYork"}
    assert client.post("/checkout/address/", form).headers["Location"] == "/checkout/delivery/"
    assert client.post("/checkout/delivery/", {"choice": "nonsense"}).status_code == 200
    assert client.post("/checkout/delivery/", {"choice": "express"}).headers["Location"] == "/checkout/payment/"
    assert client.post("/checkout/payment/", {"choice": "bank_transfer"}).headers["Location"] == "/checkout/"
    review = client.get("/checkout/")
    assert "£32.95" in review.text
    assert "£5.49 VAT" in review.text
    done = client.post("/checkout/", hidden(client, "/checkout/"))
    order_id = UUID(done.headers["Location"].split("/")[2])
    assert done.headers["Location"] == f"/orders/{order_id}/done/"
    assert [one.meta.event_type for one in store.get_events(order_id)] == ["OrderCreated", "PaymentRequested"]
    order = load_any_order(order_id)
    assert order is not None
    assert [(line.sku, line.kind) for line in order.lines] == [
        ("KIT-101", "product"),
        ("DELIVERY-express", "freight"),
    ]
    assert order.state.total == gbp("32.95")
    assert order.reference in client.get(f"/orders/{order_id}/done/").text
    client.post(f"/orders/{order_id}/again/")
    assert [item.quantity for item in client.get("/basket/").context["basket"].items] == [2]
    assert mail.outbox


@pytest.mark.parametrize("path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"])
def test_nobody_is_led_to_another_site(path: str) -> None:
    client, _ = sign_in_customer()
    assert client.get("/account/join/", {"next": path}).headers["Location"] == "/my/"


def test_delivery_is_free_from_its_limit_and_an_unoffered_one_is_not_taken() -> None:
    store_catalogue()
    option = DeliveryOption.objects.get(pk="standard")
    assert (option.price_for(gbp("49.99")), option.price_for(gbp("50.00"))) == (gbp("3.95"), gbp("0.00"))
    client, person = sign_in_customer()
    command_dispatcher.send(ChangeContactDetails(person, "ada.marker@example.org", "Ada", address="1 St"))
    client.post("/shop/KIT-101/", {"quantity": "1"})
    client.post("/checkout/delivery/", {"choice": "express"})
    client.post("/checkout/payment/", {"choice": "later"})
    form = hidden(client, "/checkout/")
    DeliveryOption.objects.filter(pk="express").update(price=Decimal("9.00"))
    assert client.post("/checkout/", form).headers["Location"] == "/checkout/"
    DeliveryOption.objects.filter(pk="express").update(is_offered=False)
    assert client.get("/checkout/").headers["Location"] == "/checkout/delivery/"


def test_an_address_of_the_checkout_is_a_detail_of_the_account() -> None:
    client, person = sign_in_customer()
    form = hidden(client, "/checkout/address/") | {"name": "", "address": "x"}
    assert client.post("/checkout/address/", form).status_code == 200
    client.post("/checkout/address/", form | {"name": "Ada M", "address": "2 Oak Rd"})
    contact = load_person(person).contact
    assert contact is not None
    assert (contact.name, contact.address, contact.email) == ("Ada M", "2 Oak Rd", "ada.marker@example.org")


def hidden(client: Client, path: str) -> dict[str, str]:
    """The hidden fields of a form."""
    return dict(re.findall(r'name="(form_id|total)" value="([^"]+)"', client.get(path).text))


@pytest.mark.parametrize("path", ["/terms/", "/delivery/", "/returns/", "/contact/", "/privacy/"])
def test_everybody_reads_who_sells_and_how(path: str, client: Client) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert f'href="{path}"' in client.get("/").text


def test_the_privacy_notice_says_what_article_13_asks_for(client: Client) -> None:
    page = client.get("/privacy/")
    assert find(page, **{"data-testid": "controller"})
    assert "ico.org.uk" in page.text
    assert "8 years" in page.text
    assert "Art. 21" in page.text


def test_a_cancellation_needs_no_reason_and_errors_take_the_focus() -> None:
    client, person = sign_in_customer()
    order_id = new_id()
    command_dispatcher.send(CreateOrder(order_id, "W-1", person, (LANTERNS,)))
    page = client.get(f"/orders/{order_id}/cancel/")
    assert not [option for option in find(page, value="I changed my mind") if "selected" in option.attributes]
    client.post(f"/orders/{order_id}/cancel/", {"form_id": str(new_id())})
    assert str(store.get_events(order_id)[-1].event.reason) == "no reason given"
    wrong = client.post("/checkout/address/", {"form_id": str(new_id()), "name": "", "address": ""})
    [summary] = find(wrong, id="errors")
    assert "autofocus" in summary.attributes


def test_the_orders_page_says_what_came_back_and_what_is_kept() -> None:
    client, person = sign_in_customer()
    order_id = new_id()
    command_dispatcher.send(CreateOrder(order_id, "W-1", person, (LANTERNS,)))
    pay_order(order_id)
    command_dispatcher.send(ShipOrder(order_id, "DHL"))
    assert "Came back" not in client.get(f"/orders/{order_id}/").text
    command_dispatcher.send(RecordObservedReturn(order_id, "R-1", (ReturnLine(1, 2),), "broken"))
    page = client.get(f"/orders/{order_id}/")
    assert 'data-label="Came back">2<' in page.text
    assert 'data-label="Kept">4<' in page.text
