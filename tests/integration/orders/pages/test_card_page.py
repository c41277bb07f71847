"""Paying by card on the gateway's page: the customer is sent there and comes back with a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.contrib.auth.models import User as Login
from django.test import Client
from pytest_django import Settings

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from orders.domain.commands import CreateOrder
from orders.domain.events import Line
from tests.support.customers import sign_in_customer
from tests.support.gateway_process import GatewayProcess, running_gateway, take_payments_at
from tests.support.pages import find
from tests.support.sales import gbp
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

SHOP = "http://testserver"


@pytest.fixture
def gateway(settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path, "--shop", SHOP) as process, take_payments_at(process, settings):
        yield process


def customer_with_order(email: str = "ada@example.org") -> tuple[Client, UUID]:
    client, person = sign_in_customer(email, "Ada")
    order_id = new_id()
    command_dispatcher.send(CreateOrder(order_id, "W1", person, (Line("MUG", "Mug", 2, gbp("12.50")),)))
    return client, order_id


def pay_by_card(client: Client, order_id: UUID, **values: str) -> Any:
    return client.post(f"/orders/{order_id}/pay/", {"form_id": str(new_id()), "method": "card", **values})


def enter_card(url: str) -> str:
    """Enter a good card on the page; gives the path with which the customer comes back."""
    card = {"number": "4242424242424242", "expiry": "09/31", "cvc": "123"}
    answer = httpx.post(url, data=card, trust_env=False, timeout=DEADLINE_S)
    return answer.headers["location"].removeprefix(SHOP)


def test_the_card_comes_back_with_its_amount_and_asks_for_one_payment(gateway: GatewayProcess) -> None:
    client, order_id = customer_with_order()
    sent = pay_by_card(client, order_id, amount="10.00")
    assert sent.status_code == 302 and sent.headers["Location"].startswith(f"{gateway.url}/")
    assert len(store.get_events(order_id)) == 1  # nothing is decided by going there
    back = enter_card(sent.headers["Location"])
    for _ in range(2):
        assert client.get(back).headers["Location"] == f"/orders/{order_id}/"
    requested = [recorded.event for recorded in store.get_events(order_id)][1:]
    assert [(event.method, event.amount, event.token[:4]) for event in requested] == [("card", gbp("10.00"), "tok_")]


def test_other_methods_need_no_page(gateway: GatewayProcess) -> None:
    client, order_id = customer_with_order()
    answer = pay_by_card(client, order_id, method="voucher")
    assert answer.headers["Location"] == f"/orders/{order_id}/"
    assert store.get_events(order_id)[-1].event.method == "voucher"


def test_nobody_pays_by_a_link_from_somebody_else(gateway: GatewayProcess) -> None:
    client, order_id = customer_with_order()
    back = enter_card(pay_by_card(client, order_id).headers["Location"])
    other, _ = customer_with_order("bob@example.org")
    assert other.get(back).status_code == 404
    elsewhere = Client()
    elsewhere.force_login(Login.objects.earliest("pk"))  # the same customer in another browser
    page = elsewhere.get(back, follow=True)
    assert [message.extra_tags for message in page.context["messages"]] == ["no-card"]
    assert len(store.get_events(order_id)) == 1


def test_who_comes_back_without_a_card_can_try_again(gateway: GatewayProcess) -> None:
    client, order_id = customer_with_order()
    back = enter_card(pay_by_card(client, order_id).headers["Location"]).partition("?")[0]
    for query in ("", "?token=", "?token=4242424242424242"):
        page = client.get(back + query, follow=True)
        assert [message.extra_tags for message in page.context["messages"]] == ["no-card"]
        assert find(page, "payment")


def test_without_the_gateway_the_page_says_so_and_nothing_is_taken(gateway: GatewayProcess) -> None:
    client, order_id = customer_with_order()
    gateway.stop()
    page = client.post(f"/orders/{order_id}/pay/", {"form_id": str(new_id()), "method": "card"}, follow=True)
    assert [message.extra_tags for message in page.context["messages"]] == ["gateway-unreachable"]
    assert find(page, "payment") and len(store.get_events(order_id)) == 1
