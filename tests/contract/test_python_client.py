"""The Python client of this repository over real HTTP: its journeys, its retries, and the signatures it verifies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from eventshop_client import ApiProblem, Client, InvalidSignature, verify_webhook
from standardwebhooks import Webhook

from eventshop.eventstore.models import StoredEvent
from orders.models import Product
from tests.support.api_clients import token_of
from tests.support.browser import serve
from tests.support.customers import sign_up
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import receive_stock, run_sagas_until_idle
from tests.support.staff import update_read_models
from tools import client_generator

pytestmark = pytest.mark.usefixtures("clean_database")
DELIVERY = {"name": "Ada Marker", "address": "1 St\nYork"}


class LosesAnswers(httpx.BaseTransport):
    """A network on which the first `count` answers are lost: the server has done what was asked for."""

    def __init__(self, count: int) -> None:
        self._network, self._left = httpx.HTTPTransport(), count

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._network.handle_request(request)
        if self._left > 0:
            self._left -= 1
            response.read()
            response.close()
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response

    def close(self) -> None:
        self._network.close()


@pytest.fixture
def connect(clean_database: None) -> Iterator[Callable[..., Client]]:
    """Makes the client of one customer."""
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    receive_stock("MUG", 50)
    token, clients = token_of(sign_up()), list[Client]()
    with serve() as address:

        def make(**options: Any) -> Client:
            clients.append(Client(address, token, sleep=lambda _: None, **options))
            return clients[-1]

        yield make
        for client in clients:
            client.close()


def place_order(shop: Client) -> Any:
    [mug] = shop.list_product(sku=["MUG"]).body["results"]
    line: Any = {"sku": mug["sku"], "quantity": 2, "price": mug["price"]}
    return shop.post_orders({"lines": [line], "delivery": DELIVERY})  # type: ignore[typeddict-item]


def test_the_generated_files_are_what_the_description_says() -> None:
    for name, text in client_generator.render().items():
        assert (client_generator.FOLDER / name).read_text() == text, "run python -m tools.client_generator"


def test_a_customer_orders_pays_and_sees_what_came_of_it(connect: Callable[..., Client]) -> None:
    shop = connect()
    order = place_order(shop)
    payment = shop.post_payments(order.body["aggregate_id"], {"method": "card"}, if_match=order.etag)
    run_sagas_until_idle(InMemoryGateway())
    assert shop.wait_for_outcome(payment)["state"] == "succeeded"
    update_read_models()
    seen = shop.get_order_summary(order.body["aggregate_id"]).body
    assert seen["total"] == {"amount": "25.00", "currency": "GBP"}
    assert seen["payments"][0]["taken"] == seen["total"]
    place_order(shop)
    update_read_models()
    assert len(list(shop.pages(shop.list_orders(limit=1)))) == 2


def test_a_command_whose_answer_is_lost_is_repeated_and_executed_once(connect: Callable[..., Client]) -> None:
    shop = connect()
    [mug] = shop.list_product().body["results"]
    unreliable = connect(transport=LosesAnswers(2))
    body: Any = {"lines": [{"sku": "MUG", "quantity": 1, "price": mug["price"]}], "delivery": DELIVERY}
    placed = unreliable.post_orders(body)
    assert placed.status == 201 and placed.is_replayed
    assert StoredEvent.objects.filter(event_type="OrderCreated").count() == 1
    with pytest.raises(httpx.ReadTimeout):
        connect(transport=LosesAnswers(9)).post_orders(body)


def test_a_refusal_is_a_problem_with_its_code(connect: Callable[..., Client]) -> None:
    line: Any = {"sku": "MUG", "quantity": 0, "price": {"amount": "x", "currency": "GBP"}}
    with pytest.raises(ApiProblem) as refused:
        connect().post_orders({"lines": [line]})
    assert (refused.value.status, refused.value.code) == (422, "invalid-body")
    assert {error["pointer"] for error in refused.value.errors} == {"/lines/0/quantity", "/lines/0/price/amount"}


def test_a_webhook_is_verified() -> None:
    from datetime import UTC, datetime

    secret, body, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"type": "TestEvent"}', datetime.now(UTC)
    signed = {
        "Webhook-Id": "m1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": f"v1,bm9uc2Vuc2U= {Webhook(secret).sign('m1', now, body)}",
    }
    assert verify_webhook(secret, signed, body.encode()) == {"type": "TestEvent"}
    for headers, changed in (
        (signed, b'{"type": "OrderShipped"}'),
        ({**signed, "Webhook-Id": "m2"}, body.encode()),
        ({**signed, "Webhook-Timestamp": "1"}, body.encode()),
        ({**signed, "Webhook-Timestamp": "x"}, body.encode()),
        ({}, body.encode()),
    ):
        with pytest.raises(InvalidSignature):
            verify_webhook(secret, headers, changed)
