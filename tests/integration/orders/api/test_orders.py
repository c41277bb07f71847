"""The REST API of orders: idempotency keys, expected versions and permissions of every command."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from eventshop.core.messages import new_id
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from orders.domain.order_status import Status
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.customers import sign_up
from tests.support.order_payments import order_state, pay_order, take_payment
from tests.support.sales import gbp
from tests.support.staff import actor_of, capture_queries
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

HOME = {"name": "Ada Łukasz", "address": "1 St\nYork"}
TWO_MUGS = {"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}
#: A price must be a decimal string: a JSON number loses digits.
FLOAT, NAN = ({**TWO_MUGS, "price": {"amount": amount, "currency": "GBP"}} for amount in (12.5, "NaN"))
ORDER: dict[str, Any] = {"lines": [TWO_MUGS], "delivery": HOME}


#: The tables that a request uses besides the event store: token, account, price list and request log.
TABLES = ("web_apitoken", "orders_product", "ops_webrequest")


@pytest.fixture(autouse=True)
def products(clean_database: None) -> None:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    Product.objects.create(sku="OLD", name="Old mug", price=Decimal(1), on_sale=False)


def place_test_order(program: ApiClient) -> UUID:
    answer = program.post("orders", ORDER)
    assert answer.status_code == 201, answer.content
    return UUID(answer.json()["aggregate_id"])


def place_paid_order(program: ApiClient) -> UUID:
    order_id = place_test_order(program)
    pay_order(order_id)
    return order_id


def test_an_order_is_placed_with_the_key_of_its_sender_and_a_receipt() -> None:
    program = shopper()
    answer = program.post("orders", ORDER)
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver/api/v1/orders/{body['aggregate_id']}"
    assert answer.headers["ETag"] == '"1"' and "Idempotency-Replayed" not in answer.headers
    [recorded] = store.get_events(UUID(body["aggregate_id"]))
    assert (recorded.event.customer_id, recorded.event.total) == (program.person, gbp("25.00"))
    assert recorded.event.delivery_address == "1 St\nYork"
    assert recorded.event.lines[0].description == "Mug, oat"
    assert (recorded.meta.actor, recorded.meta.metadata["channel"]) == (str(program.person), "api")
    assert recorded.meta.metadata["request_id"] == answer.headers["X-Request-ID"]


def test_the_same_request_again_is_answered_and_not_done_again_whatever_has_changed_since() -> None:
    program = shopper()
    first = program.post("orders", ORDER, idempotency_key="till-1")
    Product.objects.filter(sku="MUG").update(price=Decimal("99.00"), name="Mug, dear", on_sale=False)
    again = program.post("orders", ORDER, idempotency_key='"till-1"')
    assert (again.status_code, again.json(), again.headers["ETag"]) == (201, first.json(), '"1"')
    assert again.headers["Idempotency-Replayed"] == "true"
    assert StoredEvent.objects.count() == 2  # the person, the order


def test_an_order_asks_few_statements_beside_the_stores_own() -> None:
    program = shopper()
    program.post("orders", ORDER)  # the first request of a day records the use of the token
    statements = [
        statement
        for statement in capture_queries(lambda: program.post("orders", ORDER))
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "SET LOCAL"))
    ]
    tables = [next(name for name in TABLES if name in statement) for statement in statements]
    assert tables == ["web_apitoken", "orders_product", "ops_webrequest"]


def test_a_key_is_good_for_one_request_and_belongs_to_one_sender() -> None:
    program, other = shopper(), shopper("bob@example.org")
    program.post("orders", ORDER, idempotency_key="till-1")
    more = {**ORDER, "lines": [{**TWO_MUGS, "quantity": 3}]}
    assert problem_of(program.post("orders", more, idempotency_key="till-1")) == (422, "command-id-reused")
    elsewhere = {**ORDER, "delivery": {**HOME, "name": "Eve"}}
    assert problem_of(program.post("orders", elsewhere, idempotency_key="till-1")) == (422, "command-id-reused")
    assert other.post("orders", ORDER, idempotency_key="till-1").status_code == 201
    assert problem_of(program.post("orders", ORDER, idempotency_key="")) == (400, "idempotency-key-missing")
    for key in ("two words", "sent,twice", '"sent","twice"'):
        assert problem_of(program.post("orders", ORDER, idempotency_key=key)) == (400, "invalid-header"), key
    assert StoredEvent.objects.filter(event_type="OrderCreated").count() == 2


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({}, 422, "invalid-body", ""),
        ({"lines": []}, 422, "invalid-body", "/lines"),
        ({"lines": [{**TWO_MUGS, "quantity": 0}]}, 422, "invalid-body", "/lines/0/quantity"),
        (
            {"lines": [FLOAT]},
            422,
            "invalid-body",
            "/lines/0/price/amount",
        ),
        (
            {"lines": [NAN]},
            422,
            "invalid-body",
            "/lines/0/price/amount",
        ),
        ({"lines": [TWO_MUGS], "colour": "red"}, 422, "invalid-body", ""),
        ({"lines": [TWO_MUGS]}, 422, "invalid-body", "/delivery"),
        ({**ORDER, "lines": [{**TWO_MUGS, "price": {"amount": "1", "currency": "GBP"}}]}, 409, "price-changed", None),
        ({**ORDER, "lines": [{**TWO_MUGS, "sku": "OLD"}]}, 409, "not-on-sale", None),
        ([], 422, "invalid-body", ""),
    ],
)
def test_what_cannot_be_ordered_is_refused_with_a_pointer_to_it(
    body: Any, status: int, code: str, pointer: str | None
) -> None:
    answer = shopper().post("orders", body)
    assert problem_of(answer) == (status, code)
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not StoredEvent.objects.filter(event_type="OrderCreated").exists()


def test_a_body_that_is_no_json_is_told_so() -> None:
    program = shopper()
    for raw, kind, expected in (
        (b"{", "application/json", (400, "malformed-body")),
        (b"\xff", "application/json", (400, "malformed-body")),
        (b"[" * 5_000, "application/json", (400, "malformed-body")),
        (b"a=b", "application/x-www-form-urlencoded", (415, "wrong-media-type")),
    ):
        answer = program.client.post(
            "/api/v1/orders", raw, content_type=kind, headers={"idempotency-key": str(new_id())}
        )
        assert problem_of(answer) == expected


def test_an_order_goes_its_way_each_step_on_the_version_that_was_seen() -> None:
    program, clerk = shopper(), ApiClient(staff("clerk", "view_ordersummary", "ship_order", "deliver_order"))
    order_id = place_test_order(program)
    payment = program.post(f"orders/{order_id}/payments", {}, if_match='"1"')
    assert (payment.status_code, payment.headers["ETag"]) == (202, '"2"')
    take_payment(order_id)
    stale = clerk.post(f"orders/{order_id}/shipment", {"carrier": "Post"}, if_match='"2"')
    assert problem_of(stale) == (412, "wrong-expected-version")
    assert stale.json()["version"] == 3
    shipped = clerk.post(f"orders/{order_id}/shipment", {"carrier": "Post", "tracking": "RM1"}, if_match='"3"')
    assert shipped.status_code == 200, shipped.content
    assert clerk.post(f"orders/{order_id}/delivery", {}, if_match="*").status_code == 200
    back = {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}
    assert program.post(f"orders/{order_id}/returns", back, if_match='"5"').status_code == 201
    assert order_state(order_id).lines_kept[0].quantity == 2  # asked for, and not back
    late = program.post(f"orders/{order_id}/cancellation", {"reason": "no"}, if_match="*")
    assert problem_of(late) == (409, "invalid-order-state")
    assert store.get_events(order_id)[3].meta.actor == actor_of("clerk")


def test_without_the_version_that_was_seen_nothing_is_changed() -> None:
    program = shopper()
    order_id = place_paid_order(program)
    path = f"orders/{order_id}/cancellation"
    assert problem_of(program.post(path, {"reason": "no"})) == (428, "precondition-missing")
    for nonsense in ("2", 'W/"2"', '"2", "3"', '"x"'):
        assert problem_of(program.post(path, {"reason": "no"}, if_match=nonsense)) == (400, "invalid-header")
    assert order_state(order_id).status is Status.PAID


def test_of_two_who_change_what_they_both_saw_one_is_told() -> None:
    """The lost-update problem: both read version 3, and only one may write."""
    program, clerk = shopper(), ApiClient(staff("clerk", "view_ordersummary", "ship_order"))
    for _ in range(10):
        order_id = place_paid_order(program)

        def cancel(order_id: UUID = order_id) -> Any:
            return _closing(lambda: program.post(f"orders/{order_id}/cancellation", {"reason": "no"}, if_match='"3"'))

        def ship(order_id: UUID = order_id) -> Any:
            return _closing(lambda: clerk.post(f"orders/{order_id}/shipment", {"carrier": "Post"}, if_match='"3"'))

        with ThreadPoolExecutor(2) as both:
            answers = [future.result() for future in (both.submit(cancel), both.submit(ship))]
        assert sorted(answer.status_code for answer in answers) == [200, 412], [answer.content for answer in answers]


def test_twins_with_one_key_make_one_order_in_two_hundred_tries() -> None:
    program, together = shopper(), Barrier(2)

    def twins() -> list[Any]:
        """One of two threads, which send the same keys at the same time."""
        answers = []
        for number in range(200):
            together.wait(DEADLINE_S)
            answers.append(program.post("orders", ORDER, idempotency_key=f"twin-{number}"))
        return answers

    with ThreadPoolExecutor(2) as both:
        pairs = zip(*(future.result() for future in [both.submit(_closing, twins) for _ in range(2)]), strict=True)
    for one, other in pairs:
        codes = sorted((one.status_code, other.status_code))
        assert codes in ([201, 201], [201, 409]), (one.content, other.content)
        assert codes != [201, 201] or one.json() == other.json()
    assert StoredEvent.objects.filter(event_type="OrderCreated").count() == 200


def test_only_who_may_does_it_and_others_are_not_told_that_there_is_an_order() -> None:
    owner, other = shopper(), shopper("bob@example.org")
    reader = ApiClient(owner.login, scopes=["orders:read"])
    looker = ApiClient(staff("looker", "view_ordersummary"))
    clerk = ApiClient(staff("clerk", "ship_order"))  # not allowed to view orders: may not ship them either
    order_id = place_paid_order(owner)
    actions: dict[str, Any] = {
        "payments": {},
        "shipment": {"carrier": "Post"},
        "delivery": {},
        "cancellation": {"reason": "no"},
        "returns": {"lines": [{"line": 1, "quantity": 1}], "reason": "no"},
        "returns/R-1/acceptance": {},
        "returns/R-1/decline": {"reason": "no"},
        "returns/R-1/receipt": {"lines": [{"line": 1, "quantity": 1}]},
        "observed-facts": {"kind": "delivery"},
    }
    for action, body in actions.items():
        path = f"orders/{order_id}/{action}"
        assert problem_of(other.post(path, body, if_match="*")) == (404, "not-found"), action
        assert problem_of(clerk.post(path, body, if_match="*")) == (404, "not-found"), action
        assert problem_of(looker.post(path, body, if_match="*")) == (403, "not-allowed"), action
        assert problem_of(reader.post(path, body, if_match="*")) == (403, "out-of-scope"), action
        missing = owner.post(f"orders/{new_id()}/{action}", body, if_match="*")
        assert problem_of(missing) == (404, "not-found"), action
    for action in set(actions) - {"payments", "cancellation", "returns"}:
        path = f"orders/{order_id}/{action}"
        assert problem_of(owner.post(path, actions[action], if_match="*")) == (403, "not-allowed")
    assert problem_of(looker.post("orders", ORDER)) == (403, "not-allowed")
    assert order_state(order_id).status is Status.PAID


def _closing(request: Any) -> Any:
    """Run a request in its own thread and close the thread's connections afterwards."""
    try:
        return request()
    finally:
        connections.close_all()


def test_a_stream_of_another_kind_is_no_order() -> None:
    login = sign_up("eve@example.org")
    program = ApiClient(login)
    assert problem_of(program.post(f"orders/{program.person}/payments", {}, if_match="*")) == (404, "not-found")
