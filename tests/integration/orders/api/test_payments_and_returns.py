"""The REST API of payments, returns, observed facts and imported orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.privacy.encryption import personal_keys
from orders.domain.commands import ShipOrder
from orders.domain.order_status import Status
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.order_payments import decline_payment, order_state, pay_order, pay_refunds, take_payment
from tests.support.sales import ADA, gbp
from tests.support.staff import update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

ORDER: dict[str, Any] = {
    "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
    "delivery": {"name": "Ada Marker", "address": "1 St"},
}
FREIGHT = {"sku": "POST", "quantity": 1, "price": {"amount": "3.00", "currency": "GBP"}, "kind": "freight"}
VOUCHER = {"sku": "TEN", "quantity": 1, "price": {"amount": "-2.50", "currency": "GBP"}, "kind": "discount"}


@pytest.fixture(autouse=True)
def products(clean_database: None) -> None:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))


def place(program: ApiClient, body: dict[str, Any] | None = None) -> UUID:
    answer = program.post("orders", body or ORDER)
    assert answer.status_code == 201, answer.content
    return UUID(answer.json()["aggregate_id"])


def post(program: ApiClient, order_id: UUID, path: str, body: Any) -> Any:
    return program.post(f"orders/{order_id}/{path}", body, if_match="*")


def newest_event(order_id: UUID) -> Any:
    return store.get_events(order_id)[-1].event


def importer(*permissions: str) -> ApiClient:
    return ApiClient(staff("importer", "view_ordersummary", "import_facts", *permissions))


# --- payments ----------------------------------------------------------------------------------------------------


def test_a_payment_is_a_decision_and_its_status_ends_with_the_answer_of_the_gateway() -> None:
    program = shopper()
    order_id = place(program)
    first = post(program, order_id, "payments", {"method": "declined"})
    assert (first.status_code, newest_event(order_id).method) == (202, "declined")
    status = f"commands/{first.json()['command_id']}"
    assert program.get(status).json()["state"] == "running"
    busy = post(program, order_id, "payments", {"method": "card"})
    assert problem_of(busy) == (409, "payment-in-progress")
    decline_payment(order_id)
    ended = program.get(status).json()
    assert (ended["state"], ended["reason"], ended["ended_by"]) == ("failed", "insufficient funds", "PaymentDeclined")
    again = post(program, order_id, "payments", {"method": "card", "token": "tok_abc"})
    take_payment(order_id)
    assert program.get(f"commands/{again.json()['command_id']}").json()["state"] == "succeeded"
    assert order_state(order_id).status is Status.PAID


def test_an_order_is_paid_in_parts_and_never_more_than_it_costs() -> None:
    program = shopper()
    order_id = place(program)
    part = {"method": "voucher", "amount": {"amount": "10.00", "currency": "GBP"}}
    assert post(program, order_id, "payments", part).status_code == 202
    take_payment(order_id)
    too_much = {"method": "card", "amount": {"amount": "15.01", "currency": "GBP"}}
    assert problem_of(post(program, order_id, "payments", too_much)) == (409, "wrong-amount")
    assert post(program, order_id, "payments", {"method": "card"}).status_code == 202
    assert newest_event(order_id).amount == gbp("15.00")


def test_payments_are_read_with_what_came_of_each_and_what_is_outstanding(settings: Settings) -> None:
    program, reader = shopper(), ApiClient(staff("reader", "view_ordersummary"))
    order_id = place(program)
    post(program, order_id, "payments", {"method": "declined"})
    decline_payment(order_id)
    post(program, order_id, "payments", {"method": "voucher", "amount": {"amount": "10.00", "currency": "GBP"}})
    take_payment(order_id)
    answer = program.get(f"orders/{order_id}/payments")
    assert answer.headers["ETag"] == '"5"'
    seen = answer.json()
    assert reader.get(f"orders/{order_id}/payments").json() == seen
    assert (seen["payment_state"], seen["outstanding"]) == ("PARTLY_PAID", {"amount": "15.00", "currency": "GBP"})
    until = store.get_events(order_id)[0].meta.recorded_at + timedelta(seconds=settings.PAYMENT_DEADLINE_S)
    assert datetime.fromisoformat(seen["pay_until"]) == until
    tries = [(one["method"], one["status"], one["taken"]["amount"], one["reason"]) for one in seen["payments"]]
    assert tries == [("declined", "declined", "0.00", "insufficient funds"), ("voucher", "taken", "10.00", "")]
    assert problem_of(shopper("bob@example.org").get(f"orders/{order_id}/payments")) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"method": "ada@example.org"}, "/method"),
        ({"method": "Card"}, "/method"),
        ({"method": ""}, "/method"),
        ({"method": "card", "token": "4242 4242"}, "/token"),
        ({"method": "card", "amount": "1"}, "/amount"),
        ({"method": "card", "amount": {"amount": "1E-999999999", "currency": "GBP"}}, "/amount/amount"),
    ],
)
def test_a_payment_of_another_form_is_refused(body: dict[str, Any], pointer: str) -> None:
    program = shopper()
    order_id = place(program)
    answer = post(program, order_id, "payments", body)
    assert problem_of(answer) == (422, "invalid-body")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert newest_event(order_id).__class__.__name__ == "OrderCreated"


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "GBP"), ("1", "EUR")])
def test_an_amount_that_no_gateway_takes_is_refused(amount: str, currency: str) -> None:
    program = shopper()
    order_id = place(program)
    answer = post(program, order_id, "payments", {"amount": {"amount": amount, "currency": currency}})
    assert answer.status_code == 422
    assert newest_event(order_id).__class__.__name__ == "OrderCreated"


# --- returns -----------------------------------------------------------------------------------------------------


def test_a_customer_asks_and_staff_decide_and_receive() -> None:
    program, clerk = shopper(), ApiClient(staff("clerk", "view_ordersummary", "refund_order"))
    order_id = place(program)
    pay_order(order_id)
    command_dispatcher.send(ShipOrder(order_id, "Post"))
    lines = [{"line": 1, "quantity": 2}]
    assert post(program, order_id, "returns", {"lines": lines, "reason": "chipped"}).status_code == 201
    asked = newest_event(order_id)
    assert asked.requested_by == "customer" and asked.reference.startswith("R-")
    path = f"returns/{asked.reference}"
    early = post(clerk, order_id, f"{path}/receipt", {"lines": lines})
    assert problem_of(early) == (409, "unknown-return")
    assert post(clerk, order_id, f"{path}/acceptance", {}).status_code == 200
    damaged = {"lines": [{"line": 1, "quantity": 1, "condition": "damaged"}]}
    assert post(clerk, order_id, f"{path}/receipt", damaged).status_code == 200
    pay_refunds(order_id)
    assert newest_event(order_id).amount == gbp("12.50")
    assert problem_of(post(clerk, order_id, f"{path}/receipt", {"lines": lines})) == (409, "too-many-returned")
    assert problem_of(post(clerk, order_id, "returns/R-0/decline", {"reason": "no"})) == (409, "unknown-return")


def test_staff_ask_for_a_customer_and_decline() -> None:
    program, clerk = shopper(), ApiClient(staff("clerk", "view_ordersummary", "refund_order"))
    order_id = place(program)
    pay_order(order_id)
    command_dispatcher.send(ShipOrder(order_id, "Post"))
    post(clerk, order_id, "returns", {"lines": [{"line": 1, "quantity": 1}], "reason": "by phone"})
    asked = newest_event(order_id)
    assert asked.requested_by == "staff"
    assert post(clerk, order_id, f"returns/{asked.reference}/decline", {"reason": "used"}).status_code == 200
    assert order_state(order_id).returns[0].status == "declined"


# --- observed facts ----------------------------------------------------------------------------------------------


def test_what_happened_elsewhere_is_recorded_in_any_state() -> None:
    order_id, program = place(shopper()), importer()
    facts: list[dict[str, Any]] = [
        {"kind": "shipment", "carrier": "DHL", "tracking": "D1"},
        {"kind": "payment", "amount": {"amount": "10.00", "currency": "GBP"}, "method": "voucher"},
        {"kind": "payment", "amount": {"amount": "15.00", "currency": "GBP"}, "method": "invoice", "reference": "I-1"},
        {"kind": "delivery", "received_by": "a neighbour"},
        {"kind": "return", "reference": "C1", "lines": [{"line": 1, "quantity": 1}], "reason": "chipped"},
        {"kind": "refund", "reference": "C2", "amount": {"amount": "1.00", "currency": "GBP"}, "reason": "goodwill"},
        {"kind": "cancellation", "reason": "the parcel came back"},
    ]
    for fact in facts:
        answer = post(program, order_id, "observed-facts", fact)
        assert answer.status_code == 201, answer.content
    recorded = [one.event for one in store.get_events(order_id)]
    rules = [event.rule for event in recorded if type(event).__name__ == "RuleBroken"]
    assert rules[0] == "shipped-before-paid" and "cancelled-after-shipping" in rules
    assert all(event.observed for event in recorded if hasattr(event, "observed"))
    assert order_state(order_id).status is Status.CANCELLED


@pytest.mark.parametrize(
    ("fact", "detail"),
    [
        ({"kind": "theft"}, "theft"),
        ({"kind": "shipment"}, "needs carrier"),
        ({"kind": "refund", "reference": "C2"}, "needs amount and reason"),
        ({"kind": "delivery", "carrier": "DHL"}, "has no carrier"),
    ],
)
def test_a_fact_has_the_fields_of_its_kind(fact: dict[str, Any], detail: str) -> None:
    answer = post(importer(), place(shopper()), "observed-facts", fact)
    assert problem_of(answer) == (422, "invalid-body")
    assert detail in answer.content.decode()


# --- imported orders ---------------------------------------------------------------------------------------------


def test_an_order_of_a_marketplace_is_imported_with_its_lines_prices_and_identifiers() -> None:
    body: dict[str, Any] = {
        "lines": [{**ORDER["lines"][0], "description": "Mug, old name"}, FREIGHT, VOUCHER],
        "reference": "M-77",
        "customer_id": str(ADA),
        "external_ids": [{"source": "market", "value": "114-7"}],
        "customer_external_id": {"source": "market", "value": "C-9"},
    }
    body["lines"][0] = {**body["lines"][0], "price": {"amount": "11.00", "currency": "GBP"}}
    program, key = importer(), str(new_id())
    first = program.post("orders", body, idempotency_key=key)
    assert first.status_code == 201, first.content
    created = newest_event(UUID(first.json()["aggregate_id"]))
    assert (created.reference, created.customer_id, created.total) == ("M-77", ADA, gbp("22.50"))
    assert [line.kind for line in created.lines] == ["product", "freight", "discount"]
    assert [str(one) for one in created.external_ids] == ["market:114-7"]
    assert program.post("orders", body, idempotency_key=key).json() == first.json()
    assert problem_of(program.post("orders", body)) == (409, "external-id-taken")


def test_the_orders_of_a_customer_that_only_a_marketplace_has_are_found_by_its_number() -> None:
    program, buyer = importer(), {"customer_external_id": {"source": "market", "value": "C-9"}}
    orders = {str(place(program, {**ORDER, **buyer, "reference": f"M-{number}"})) for number in (1, 2)}
    place(program, {**ORDER, "reference": "M-3", "customer_external_id": {"source": "market", "value": "C-10"}})
    update_read_models()
    found = program.get("orders?customer_external_id=market:c-9").json()["results"]
    assert {row["order_id"] for row in found} == orders
    assert len({row["customer_id"] for row in found}) == 1


def test_an_order_of_an_erased_customer_is_imported_without_their_number() -> None:
    program, number = importer(), {"source": "market", "value": "C-9"}
    order = {"lines": ORDER["lines"], "customer_external_id": number}
    first = newest_event(place(program, {**order, "reference": "M-1"}))
    personal_keys.destroy_keys(first.customer_id)
    again = newest_event(place(program, {**order, "reference": "M-2"}))
    assert (first.customer_external_id, again.customer_external_id) == ("market:C-9", "")
    assert again.customer_id == first.customer_id


def test_an_order_of_a_marketplace_may_be_larger_than_the_web_shop_sells() -> None:
    [line] = ORDER["lines"]
    created = newest_event(place(importer(), {"lines": [{**line, "quantity": 144}] * 60, "reference": "M-1"}))
    assert [line.quantity for line in created.lines] == [144] * 60
    refused = shopper().post("orders", {**ORDER, "lines": [{**line, "quantity": 100}, line] * 26})
    assert problem_of(refused) == (422, "invalid-body")
    pointers = [location["pointer"] for location in refused.json()["errors"]]
    assert pointers == [*(f"/lines/{number}/quantity" for number in range(0, 52, 2)), "/lines"]


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("5", "ZZZ", "unknown-currency"),
        ("5", "XAU", "unknown-currency"),
        ("999999999999999.999", "GBP", "invalid-money"),
    ],
)
def test_an_order_with_a_price_that_nobody_can_pay_is_not_imported(amount: str, currency: str, code: str) -> None:
    body = {
        "lines": [{"sku": "MUG", "quantity": 1, "price": {"amount": amount, "currency": currency}}],
        "reference": "1",
    }
    assert problem_of(importer().post("orders", body)) == (422, code)


@pytest.mark.parametrize(
    "more",
    [
        {"external_ids": [{"source": "market", "value": "1"}]},
        {"customer_external_id": {"source": "market", "value": "1"}},
        {"customer_id": str(ADA)},
        {"reference": "W-1"},
        {"lines": [*ORDER["lines"], VOUCHER]},
        {"lines": [{**ORDER["lines"][0], "description": "Cheap mug"}]},
    ],
)
def test_customers_cannot_import(more: dict[str, Any]) -> None:
    assert problem_of(shopper().post("orders", {**ORDER, **more})) == (403, "not-allowed")
