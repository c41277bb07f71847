"""Reported cases of orders and payments, as a customer's browser or program meets them over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from eventshop.eventstore import command_dispatcher
from orders.domain.commands import ReceiveStock
from orders.models import Product
from tests.support.customers import sign_in_customer
from tests.support.pages import find, texts
from users.domain.commands import ChangeContactDetails

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def products(clean_database: None) -> None:
    for sku, price, currency in (("MUG", "12.50", "GBP"), ("LAMP", "20.00", "EUR")):
        Product.objects.create(sku=sku, name=sku.title(), price=Decimal(price), currency=currency)
        command_dispatcher.send(ReceiveStock(sku=sku, quantity=50, reference="D-1"))


def ada() -> Client:
    """The client of a customer with an address."""
    client, person = sign_in_customer()
    command_dispatcher.send(ChangeContactDetails(person, "ada@example.org", "Ada Marker", address="1 St\nYork"))
    return client


def follow(client: Client, path: str) -> Any:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response


def test_a_basket_in_two_currencies_is_explained_and_still_works() -> None:
    """Input: a GBP and a EUR product in one basket. Right: a sentence, and the basket goes on working."""
    client = ada()
    for sku in ("MUG", "LAMP"):
        client.post(f"/shop/{sku}/", {"quantity": "1"})
    for path in ("/basket/", "/checkout/"):
        [sentence] = texts(follow(client, path), "basket-problem")
        assert "EUR" in sentence and "GBP" in sentence
    assert not find(client.get("/basket/"), href="/checkout/")
    client.post("/basket/LAMP/", {"quantity": "0"})
    page = client.get("/checkout/")
    assert page.status_code == 200 and "£12.50" in page.content.decode()
