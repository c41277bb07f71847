"""Hostile values in every field of every request body, every query parameter and every admin list: never accepted,
never a 500.

The endpoints come from the URL configuration and the fields from the types, so new ones are covered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import product
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.db.models import DateTimeField
from django.test import Client, override_settings
from django.urls import reverse
from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.web.models import WebhookEndpoint
from orders.domain.commands import CreateOrder, ReceiveStock
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper
from tests.support.api_endpoints import Endpoint, endpoints, view_of
from tests.support.input_fields import input_fields, replace_at
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.application.erasure_links import erasure_token

pytestmark = pytest.mark.usefixtures("clean_database")

SALE = Sale(1)
ACCOUNT, TRADE = derive_id("test-account", "owner"), derive_id("test-trade", "T-1")
WEBHOOK = derive_id("test-webhook", "1")
NUMBERS: Final[tuple[Any, ...]] = ("1E-999999999", "1_0", " 1", "+1", "", "Infinity", "NaN", "\uff11", 1e300, 10**30)
TEXTS: Final = ("\u200b", "a\u202eb", "a\x00b", "\ud800")
QUERY_VALUES: Final = ("1E-9", "1_0", "\uff11", "9" * 5_000, "0001-01-01T00:00+23:59")
QUERY_PARAMETERS: Final = (
    *("limit", "cursor", "after", "after_version", "at_version", "from_version", "as_of", "since", "from", "to"),
)
ADMIN_PARAMETERS: Final = ("p", "before", "at", "version")


@pytest.fixture
def person() -> Iterator[ApiClient]:
    """A customer who may do everything, with an order, an account and a trade."""
    program = shopper()
    program.login.is_staff = program.login.is_superuser = True
    program.login.save()
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    command_dispatcher.send(ReceiveStock("MUG", 5, "D-1"))
    created = CreateOrder(SALE.order_id, "1", program.person, SALE.lines, delivery_name="Ada Marker")
    command_dispatcher.send(created, envelope=Envelope(derive_id("test-command", "1"), actor=str(program.person)))
    command_dispatcher.send(OpenAccount(ACCOUNT, "Ada", program.person, "EUR", Decimal(10_000)))
    submit_trade("T-1", ordered="10", code="XETRA/SAP", account=ACCOUNT)
    WebhookEndpoint.objects.create(id=WEBHOOK, owner=program.login, url="https://192.0.2.1/")
    update_read_models()
    with override_settings(API_RATE="100000/m", TEST_CLOCKS=True):
        yield program


def fill_path(endpoint: Endpoint, program: ApiClient) -> str:
    """The path with the ids of what the fixture made."""
    assert program.person
    ids = {"stock": "MUG", "people": program.person, "trades": TRADE, "orders": SALE.order_id}
    known = {
        "sku": "MUG",
        "term": "DirectMarketing",
        "token": erasure_token(program.person),
        "person_id": program.person,
    }
    known |= {"venue": "XETRA", "symbol": "SAP"}
    known |= {"name": "order-summary", "verb": "pause", "event_id": SALE.order_id}
    known |= dict.fromkeys(("rebuild_id", "replay_id", "job_id", "item_id", "correction_id", "record_id"), 1)
    known |= {"account_id": ACCOUNT, "webhook_id": WEBHOOK, "trade_id": TRADE, "order_id": SALE.order_id}
    parts = [
        str(known.get(part.strip("{}"), ids.get(endpoint.path.partition("/")[0], SALE.order_id)))
        if part.startswith("{")
        else part
        for part in endpoint.path.split("/")
    ]
    return "/".join(parts)


def hostile_bodies(body_type: type[Struct]) -> Iterator[Any]:
    for kind, values in ((Decimal, NUMBERS), (int, NUMBERS), (str, TEXTS)):
        for path in input_fields(body_type, kind):
            for value in values:
                yield replace_at(getattr(body_type, "example", {}), path, value)


def test_no_body_with_a_hostile_value_is_accepted(person: ApiClient) -> None:
    before, tried = StoredEvent.objects.count(), 0
    for endpoint in endpoints():
        body_type = getattr(view_of(endpoint), "body", None)
        if body_type is None or endpoint.method not in ("post", "put"):
            continue
        for body in hostile_bodies(body_type):
            tried += 1
            answer = person.send(endpoint.method, fill_path(endpoint, person), body, if_match="*")
            status, code = problem_of(answer)
            assert (status, code) in {(422, "invalid-body"), (400, "malformed-body")}, (endpoint, body, answer.content)
    assert tried > 300
    assert StoredEvent.objects.count() == before


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"lines":' * 30_000, b'{"lines":' + b"[" * 33 + b"]" * 33 + b"}"])
def test_no_body_that_is_nested_deeply_is_walked(person: ApiClient, raw: bytes) -> None:
    for endpoint in endpoints():
        if hasattr(view_of(endpoint), "body") and endpoint.method in ("post", "put"):
            call = getattr(person.client, endpoint.method)
            headers = {"idempotency-key": "k", "if-match": "*"}
            answer = call(f"/api/v1/{fill_path(endpoint, person)}", raw, "application/json", headers=headers)
            assert problem_of(answer) == (400, "malformed-body"), endpoint


def test_a_code_in_an_address_is_a_text_too(person: ApiClient) -> None:
    for sku in ("%E2%80%8B", "a%E2%80%AEb", "%E3%85%A4"):
        answer = person.post(f"stock/{sku}/receipts", {"quantity": 1, "reference": "D-2"})
        assert problem_of(answer) == (422, "invalid-message"), sku


#: Requests of the pages with these query parameters: page, parameter, value.
Requests = Callable[[dict[str, list[str]]], Iterator[tuple[str, str, str]]]


def every_pair(pages: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Each page with each of its parameters and each value."""
    for page, parameters in pages.items():
        yield from ((page, parameter, value) for parameter, value in product(parameters, QUERY_VALUES))


def by_turns(pages: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Each page with each value, in another parameter from value to value and from page to page."""
    for turn, (page, parameters) in enumerate(pages.items()):
        for number, value in enumerate(QUERY_VALUES):
            yield page, parameters[(turn + number) % len(parameters)], value


def statuses(client: Client, requests: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    return {
        (page, parameter, value): client.get(page, {parameter: value}).status_code
        for page, parameter, value in requests
    }


REQUESTS: Final = pytest.mark.parametrize(
    "requests", [pytest.param(every_pair, marks=pytest.mark.long), by_turns], ids=lambda way: way.__name__
)


@REQUESTS
def test_no_hostile_query_parameter_is_accepted(person: ApiClient, requests: Requests) -> None:
    pages = {
        f"/api/v1/{fill_path(endpoint, person)}": list(QUERY_PARAMETERS)
        for endpoint in endpoints()
        if endpoint.method == "get"
    }
    answers = statuses(person.client, requests(pages))
    assert not {request: status for request, status in answers.items() if status not in (400, 404)}


@pytest.mark.parametrize("last", ["\ud7ff", "\ue000", "\U0010ffff"], ids=ascii)
def test_a_search_ends_with_any_character(person: ApiClient, last: str) -> None:
    """The one before the surrogates has no neighbour that a database stores."""
    command_dispatcher.send(CreateOrder(derive_id("test-order", "2"), "x\ufffd1", None, SALE.lines))
    update_read_models()
    assert person.get(f"orders?q={quote('x' + last)}").json()["results"] == []
    assert len(person.get(f"orders?q={quote('x' + chr(0xFFFD))}").json()["results"]) == 1


@REQUESTS
def test_no_hostile_query_parameter_breaks_an_admin_page(person: ApiClient, requests: Requests) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(person.login)
    pages = {
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"): [
            *ADMIN_PARAMETERS,
            *(field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)),
        ]
        for model in admin.site._registry
    }
    answers = statuses(client, requests(pages))
    assert not {request: status for request, status in answers.items() if status >= 500}
