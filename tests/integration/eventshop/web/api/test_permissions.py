"""API permissions: every endpoint, requested by everybody who is allowed and everybody who is not.

`RIGHTS` lists them. The endpoints come from the URL configuration, so an endpoint that is missing here fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.web.api import openapi_views
from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken, WebhookDelivery, WebhookEndpoint
from orders.domain.commands import CreateOrder, ReceiveStock, RecordObservedPayment
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff, token_of
from tests.support.api_endpoints import ROOT, Endpoint, endpoints
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.application.erasure_links import erasure_token

pytestmark = pytest.mark.usefixtures("clean_database")

DOCUMENT: dict[str, Any] = json.loads(openapi_views.FILE.read_text())
SALE = Sale(1)
ACCOUNT, TRADE = derive_id("test-account", "owner"), derive_id("test-trade", "T-1")
COMMAND = derive_id("test-command", "1")
WEBHOOK, DELIVERY = derive_id("test-webhook", "1"), derive_id("test-delivery", "1")

REFUSED = {(403, "not-allowed"), (404, "not-found")}


class Right(NamedTuple):
    """Who is allowed: the owner of the named object, every customer, staff with all permissions in `staff`."""

    scope: str
    staff: tuple[str, ...] = ()
    owner: bool = False
    #: Any customer, who acts for themselves or sees only their own data.
    customers: bool = False
    #: Anybody who has the link, without a token.
    by_link: bool = False


def only(scope: str, *staff: str) -> Right:
    return Right(scope, staff)


def mine(scope: str, *staff: str) -> Right:
    return Right(scope, staff, owner=True)


def each(scope: str, *staff: str) -> Right:
    return Right(scope, staff, owner=True, customers=True)


_ORDER, _TRADE = "view_ordersummary", "view_tradeblotter"
_READ_WEBHOOK, _WEBHOOK = "webhooks:read", "webhooks:write"
RIGHTS = {
    "get ": each(""),
    "get commands/{command_id}": mine("", "view_storedevent"),
    "get events": only("events:read", "view_storedevent"),
    "get streams/{aggregate_id}/events": only("events:read", "view_storedevent"),
    "get streams/{aggregate_id}/state": only("events:read", "view_storedevent"),
    "get streams/{aggregate_id}/diff": only("events:read", "view_storedevent"),
    "get orders": each("orders:read", _ORDER),
    "post orders": each("orders:write"),
    "get orders/{key}": mine("orders:read", _ORDER),
    "get orders/{aggregate_id}/events": mine("events:read", _ORDER, "view_storedevent"),
    "get orders/{order_id}/payments": mine("orders:read", _ORDER),
    "post orders/{order_id}/payments": mine("orders:write"),
    "post orders/{order_id}/shipment": only("orders:write", _ORDER, "ship_order"),
    "post orders/{order_id}/delivery": only("orders:write", _ORDER, "deliver_order"),
    "post orders/{order_id}/cancellation": mine("orders:write", _ORDER, "cancel_order"),
    "post orders/{order_id}/returns": mine("orders:write", _ORDER, "refund_order"),
    "post orders/{order_id}/returns/{reference}/acceptance": only("orders:write", _ORDER, "refund_order"),
    "post orders/{order_id}/returns/{reference}/decline": only("orders:write", _ORDER, "refund_order"),
    "post orders/{order_id}/returns/{reference}/receipt": only("orders:write", _ORDER, "refund_order"),
    "post orders/{order_id}/observed-facts": only("orders:write", _ORDER, "import_facts"),
    "get order-lines": each("orders:read", "view_orderline"),
    "get customers": each("orders:read", "view_customersummary"),
    "get activity": only("orders:read", "view_activitytimeline"),
    "get sales/days": only("sales:read", "view_dailysales"),
    "get sales/products": only("sales:read", "view_productsales"),
    "get stock": only("stock:read", "view_stocklevel"),
    "get stock/{key}": only("stock:read", "view_stocklevel"),
    "post stock/{sku}/receipts": only("stock:write", "receive_stock"),
    "post stock/{sku}/write-offs": only("stock:write", "write_off_stock"),
    "get trades": each("trades:read", _TRADE),
    "post trades": mine("trades:write", "submit_trade"),
    "get trades/{key}": mine("trades:read", _TRADE),
    "get trades/{aggregate_id}/events": mine("events:read", _TRADE, "view_storedevent"),
    "post trades/{trade_id}/fills": only("trades:write", _TRADE, "fill_trade"),
    "post trades/{trade_id}/corrections": only("trades:write", _TRADE, "correct_trade"),
    "post trades/{trade_id}/busts": only("trades:write", _TRADE, "correct_trade"),
    "post trades/{trade_id}/review": only("trades:write", _TRADE, "correct_trade"),
    "post trades/{trade_id}/hold": only("trades:write", _TRADE, "settle_trade"),
    "post trades/{trade_id}/resumption": only("trades:write", _TRADE, "settle_trade"),
    "post trades/{trade_id}/settlement": only("trades:write", _TRADE, "settle_trade"),
    "post trades/{trade_id}/rejection": only("trades:write", _TRADE, "reject_trade"),
    "post trades/{trade_id}/cancellation": mine("trades:write", _TRADE, "cancel_trade"),
    "get accounts": each("trades:read", "view_tradingaccount"),
    "post accounts": only("trades:write", "open_account"),
    "get accounts/{account_id}": mine("trades:read", _TRADE),
    "post accounts/{account_id}/limits": only("trades:write", _TRADE, "set_limit"),
    "post accounts/{account_id}/cost-method": only("trades:write", _TRADE, "set_limit"),
    "get positions": each("trades:read", "view_position"),
    "get market/minutes": only("trades:read", "view_marketminute"),
    "get people": each("people:read", "view_userprofile"),
    "get people/{key}": mine("people:read", "view_userprofile"),
    "get consents": each("people:read", "view_consentregister"),
    "put people/{user_id}/contact": mine("people:write"),
    "put people/{user_id}/consents/{term}": mine("people:write"),
    "delete people/{user_id}/consents/{term}": mine("people:write"),
    "put people/{user_id}/restriction": mine("people:write"),
    "delete people/{user_id}/restriction": mine("people:write"),
    "post people/{user_id}/holds": only("people:write", "view_userprofile", "hold_personal"),
    "post people/{user_id}/holds/release": only("people:write", "view_userprofile", "hold_personal"),
    "post people/{user_id}/erasure": mine("people:write"),
    "post people/{user_id}/erasure/categories": mine("people:write"),
    "delete people/{user_id}/erasure": mine("people:write"),
    "get erasures/{token}": Right("", by_link=True),
    "get webhooks": only(_READ_WEBHOOK, "view_webhookendpoint"),
    "post webhooks": only(_WEBHOOK, "view_storedevent", "add_webhookendpoint"),
    "get webhooks/{webhook_id}": only(_READ_WEBHOOK, "view_webhookendpoint"),
    "put webhooks/{webhook_id}": only(_WEBHOOK, "view_webhookendpoint", "change_webhookendpoint"),
    "get webhooks/{webhook_id}/secret": only(_READ_WEBHOOK, "view_webhookendpoint", "change_webhookendpoint"),
    "post webhooks/{webhook_id}/secret": only(_WEBHOOK, "view_webhookendpoint", "change_webhookendpoint"),
    "get webhooks/{webhook_id}/deliveries": only(_READ_WEBHOOK, "view_webhookendpoint", "view_webhookdelivery"),
    "post webhooks/{webhook_id}/deliveries/{delivery_id}/resending": only(
        _WEBHOOK, "view_webhookendpoint", "resend_webhookdelivery"
    ),
    "delete webhooks/{webhook_id}": only(_WEBHOOK, "view_webhookendpoint", "delete_webhookendpoint"),
}


class Call(NamedTuple):
    """A request to one endpoint with the owner's ids and a valid body."""

    method: str
    path: str
    body: Any

    def send_as(self, program: ApiClient) -> Any:
        if self.method == "get":
            return program.get(self.path)
        return program.send(self.method, self.path, self.body, if_match="*")

    def send_anonymously(self, **headers: str) -> Any:
        call, path = getattr(Client(headers=headers), self.method), f"{ROOT}{self.path}"
        return call(path) if self.method == "get" else call(path, json.dumps(self.body), "application/json")


def calls(whose: ApiClient, /, **rights: bool) -> Iterator[tuple[str, Right, Call]]:
    """The calls whose right has these values, in the order of `RIGHTS`: deletions come last."""
    for name, right in RIGHTS.items():
        if all(getattr(right, attribute) is value for attribute, value in rights.items()):
            yield name, right, _call(Endpoint(*name.split(" ")), whose)


def _call(endpoint: Endpoint, owner: ApiClient) -> Call:
    operation = DOCUMENT["paths"][f"{ROOT}{endpoint.path}"][endpoint.method]
    return Call(endpoint.method, _fill_path(endpoint.path, owner), _example(operation))


def _fill_path(template: str, owner: ApiClient) -> str:
    """The path with the ids of the owner's objects."""
    keys = {"stock": "MUG", "people": str(owner.person), "trades": str(TRADE), "orders": str(SALE.order_id)}
    one = keys.get(template.partition("/")[0], str(SALE.order_id))
    assert owner.person
    for name, value in {
        "{key}": one,
        "{aggregate_id}": one,
        "{order_id}": str(SALE.order_id),
        "{reference}": "R-1",
        "{trade_id}": str(TRADE),
        "{account_id}": str(ACCOUNT),
        "{webhook_id}": str(WEBHOOK),
        "{delivery_id}": str(DELIVERY),
        "{command_id}": str(COMMAND),
        "{user_id}": str(owner.person),
        "{sku}": "MUG",
        "{term}": "DirectMarketing",
        "{token}": erasure_token(owner.person),
    }.items():
        template = template.replace(name, value)
    assert "{" not in template, f"add a value for this parameter: {template}"
    return template


def _example(operation: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    example = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"][0]
    return {**example, "account_id": str(ACCOUNT)} if "account_id" in example else example


@pytest.fixture
def owner() -> Iterator[ApiClient]:
    """A customer with a paid order and an open trade, in a shop that has mugs and a webhook of staff."""
    program = shopper()
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    command_dispatcher.send(ReceiveStock("MUG", 5, "D-1"))
    created = CreateOrder(SALE.order_id, "1", program.person, SALE.lines, delivery_name="Ada Marker")
    command_dispatcher.send(created, envelope=Envelope(COMMAND, actor=str(program.person)))
    command_dispatcher.send(RecordObservedPayment(SALE.order_id, SALE.total, "card"))
    command_dispatcher.send(OpenAccount(ACCOUNT, "Ada", program.person, "EUR", Decimal(10_000)))
    submit_trade("T-1", ordered="10", code="XETRA/SAP", account=ACCOUNT)
    integrator = staff("integrator", "view_storedevent")
    webhook = WebhookEndpoint.objects.create(id=WEBHOOK, owner=integrator, url="https://192.0.2.1/")
    WebhookDelivery.objects.create(id=DELIVERY, endpoint=webhook, position=1, event_type="X", due_at=timezone.now())
    update_read_models()
    with override_settings(API_RATE="100000/m"):
        yield program


def is_let_in(answer: Any) -> bool:
    """Whether the caller passed authorisation; a domain rule may still refuse the request."""
    assert answer.status_code < 500, answer.content
    return answer.status_code not in (401, 403, 404)


def count_events() -> int:
    return StoredEvent.objects.count()


def test_every_address_and_method_has_its_rights() -> None:
    assert {f"{endpoint.method} {endpoint.path}" for endpoint in endpoints()} == set(RIGHTS)
    described = {(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == {(endpoint.method, ROOT + endpoint.path) for endpoint in endpoints()}
    assert {right.scope for right in RIGHTS.values()} == {*SCOPES, ""}


def test_nobody_gets_in_without_a_token_that_is_valid_now(owner: ApiClient) -> None:
    expired, revoked = token_of(owner.login, lifetime=timedelta(seconds=-1)), token_of(owner.login)
    ApiToken.objects.filter(begins=revoked[:12]).update(revoked_at=timezone.now())
    before = count_events()
    for name, _, call in calls(owner, by_link=False):
        assert problem_of(call.send_anonymously()) == (401, "not-signed-in"), name
        for token in (expired, revoked):
            assert problem_of(call.send_anonymously(authorization=f"Bearer {token}")) == (401, "invalid-token"), name
    assert count_events() == before


def test_a_link_needs_no_token_and_cannot_be_guessed(owner: ApiClient) -> None:
    for name, _, call in calls(owner, by_link=True):
        assert is_let_in(call.send_anonymously()), name
        assert problem_of(call._replace(path=call.path[:-8]).send_anonymously()) == (404, "not-found"), name


def test_a_token_is_good_for_its_scope_alone(owner: ApiClient) -> None:
    boss = staff("boss")
    boss.is_superuser = True
    boss.save()
    without = {scope: ApiClient(boss, scopes=set(SCOPES) - {scope}) for scope in SCOPES}
    before = count_events()
    for name, right, call in calls(owner):
        if right.scope:
            assert problem_of(call.send_as(without[right.scope])) == (403, "out-of-scope"), name
    assert count_events() == before


def test_staff_need_every_permission_that_it_takes(owner: ApiClient) -> None:
    clerk, nobody = ApiClient(staff("clerk")), ApiClient(staff("nobody"))
    before = count_events()
    for name, right, call in calls(owner, by_link=False):
        if name == "get ":
            continue
        assert problem_of(call.send_as(nobody)) in REFUSED, name
        for missing in right.staff:
            staff("clerk", *(set(right.staff) - {missing}))
            assert problem_of(call.send_as(clerk)) in REFUSED, (name, missing)
    assert count_events() == before


def test_staff_with_the_permissions_and_the_scope_are_let_in(owner: ApiClient) -> None:
    clerks = {scope: ApiClient(staff("clerk"), scopes=[scope]) for scope in (*SCOPES, "")}
    for name, right, call in calls(owner):
        if right.staff:
            staff("clerk", *right.staff)
            assert is_let_in(call.send_as(clerks[right.scope])), name


def test_another_customer_sees_and_changes_nothing_of_the_owners(owner: ApiClient) -> None:
    other = shopper("bob@example.org")
    update_read_models()
    before = count_events()
    for name, right, call in calls(owner, by_link=False):
        if not right.customers:
            assert problem_of(call.send_as(other)) in REFUSED, name
    assert count_events() == before
    for name, _, call in calls(owner, customers=True):
        answer = call.send_as(other)
        text = answer.content.decode()
        assert is_let_in(answer) and str(owner.person) not in text and "ada@" not in text, name


def test_the_owner_may_do_what_is_theirs_and_nothing_that_is_the_shops(owner: ApiClient) -> None:
    before = count_events()
    for name, _, call in calls(owner, owner=False, by_link=False):
        assert problem_of(call.send_as(owner)) in REFUSED, name
    assert count_events() == before
    programs = {scope: ApiClient(owner.login, scopes=[scope]) for scope in (*SCOPES, "")}
    for name, right, call in calls(owner, owner=True):
        assert is_let_in(call.send_as(programs[right.scope])), name
