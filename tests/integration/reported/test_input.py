"""Reported cases of input: what lenient constructors accept, what nobody can see, and mailboxes that were one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import ReceiveStock
from orders.models import Product
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.customers import PASSWORD, link_in_email, sign_in_customer
from tests.support.gateway_process import SECRET
from tests.support.staff import update_read_models
from tests.support.trader import BTC, open_account, submit_limit_order
from users.application.customer_adapter import load_person
from users.domain.commands import ChangeContactDetails, CreateUser
from users.domain.events import ContactDetailsChanged

pytestmark = pytest.mark.usefixtures("clean_database")

HOSTILE_NUMBERS = ("1E-999999999", "1_0", " 1", "Infinity", "NaN", "\uff11", "+1", "")
HOSTILE_NAMES = ("\u200b", "\u3164", "\u202eadA", "?", " ", "Ada\u2066")


def trader() -> tuple[ApiClient, str, str]:
    program = shopper()
    program.login.is_staff = program.login.is_superuser = True
    program.login.save()
    account = open_account(program.person)
    return program, str(account), str(submit_limit_order(account))


@pytest.mark.parametrize("number", HOSTILE_NUMBERS, ids=ascii)
def test_a_number_that_only_python_reads_is_refused_everywhere(number: str) -> None:
    """Input: quantity or price `"1E-999999999"` and its kind. Right: 422 that names the field, on every endpoint."""
    program, account, trade = trader()
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    fill = {"venue_trade_id": "V", "price": "1.00", "quantity": "1", "at": "2026-01-30T12:00:00Z"}
    order = {"account_id": account, "instrument": BTC, "side": "BUY", "type": "LIMIT", "limit_price": "1"}
    line = {"sku": "MUG", "quantity": 1, "price": {"amount": number, "currency": "GBP"}}
    requests: list[tuple[str, Any, list[str]]] = [
        ("trades", order | {"quantity": number}, ["/quantity"]),
        ("trades", order | {"quantity": number, "limit_price": number}, ["/quantity", "/limit_price"]),
        (f"trades/{trade}/fills", {"fills": [fill | {"price": number}]}, ["/fills/0/price"]),
        (f"trades/{trade}/fills", {"fills": [fill, fill | {"quantity": number}]}, ["/fills/1/quantity"]),
        (f"trades/{trade}/corrections", {"fill": fill | {"price": number}, "reason": "typo"}, ["/fill/price"]),
        (f"accounts/{account}/limits", {"limit": number}, ["/limit"]),
        ("accounts", {"reference": "Desk", "currency": "EUR", "gross_limit": number}, ["/gross_limit"]),
        ("orders", {"lines": [line], "delivery": {"name": "Ada", "address": "1 St"}}, ["/lines/0/price/amount"]),
    ]
    before = StoredEvent.objects.count()
    for path, body, pointers in requests:
        answer = program.post(path, body, if_match="*")
        assert problem_of(answer) == (422, "invalid-body"), (path, answer.content)
        assert sorted(error["pointer"] for error in answer.json()["errors"]) == sorted(pointers)
    assert StoredEvent.objects.count() == before


@pytest.mark.parametrize("number", HOSTILE_NUMBERS, ids=ascii)
def test_the_forms_refuse_the_same_numbers(number: str) -> None:
    """Input: the same in the trade ticket. Right: an error beside the field, and no trade."""
    client, person = sign_in_customer()
    account = open_account(person)
    update_read_models()
    ticket = {"account": account, "instrument": BTC, "side": "BUY", "type": "LIMIT", "form_id": new_id()}
    for field in ("quantity", "limit_price"):
        page = client.post("/trading/ticket/", {"quantity": "2", "limit_price": "100", **ticket, field: number})
        assert page.status_code == 200 and list(page.context["form"].errors) == [field]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_name_that_nobody_can_read_is_refused_everywhere(name: str) -> None:
    """Input: a name of U+200B alone, and its kind. Right: 422, a form error, or `InvalidMessage` from the command."""
    program = shopper()
    contact = f"people/{program.person}/contact"
    answer = program.send("put", contact, {"name": name}, if_match="*")
    assert problem_of(answer) == (422, "invalid-body")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]
    client = Client()
    client.force_login(program.login)
    form = {"form_id": new_id(), "name": name, "email": "ada@example.org", "phone": "", "address": ""}
    assert "name" in client.post("/my/details/", form).context["form"].errors
    for command in (CreateUser(uuid4(), "bob@example.org", name), ChangeContactDetails(uuid4(), "a@b.org", name)):
        with pytest.raises(InvalidMessage, match="name "):
            command_dispatcher.send(command, envelope=Envelope(command_id=new_id()))


def test_a_text_is_stored_trimmed_and_in_one_form() -> None:
    """Input: " Zoe + U+0308 " by API. Right: stored as Zoë, so that equal names are equal."""
    program = shopper()
    contact = f"people/{program.person}/contact"
    assert program.send("put", contact, {"name": " Zoe\u0308 "}, if_match="*").status_code == 200
    assert program.person
    event = store.get_events(program.person)[-1].event
    assert isinstance(event, ContactDetailsChanged) and event.name == "Zo\u00eb"


def test_all_errors_of_a_body_are_told_at_once() -> None:
    """Input: an order with four faults. Right: one answer with four pointers."""
    program = shopper()
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    line = {"sku": "\u202e", "quantity": 0, "price": {"amount": "1_0", "currency": "GBP"}}
    answer = program.post("orders", {"lines": [line], "delivery": {"name": "\u200b", "address": "1 St", "zip": 1}})
    assert problem_of(answer) == (422, "invalid-body")
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/lines/0/sku",
        "/lines/0/quantity",
        "/lines/0/price/amount",
        "/delivery/name",
        "/delivery",
    ]


def test_a_body_of_nested_arrays_is_refused_at_once(settings: Settings) -> None:
    """Input: 100,000 opening brackets, by API and as a webhook of the gateway. Right: 400, and nothing walks them."""
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    raw = "[" * 100_000
    program = shopper()
    answer = program.client.post("/api/v1/orders", raw, "application/json", headers={"idempotency-key": "k"})
    assert problem_of(answer) == (400, "malformed-body")
    raw, at = raw[:60_000], datetime.now(UTC)
    signature = {"webhook-timestamp": str(int(at.timestamp())), "webhook-signature": Webhook(SECRET).sign("m", at, raw)}
    webhook = Client().post("/payments/notices", raw, "application/json", headers={"webhook-id": "m", **signature})
    assert (webhook.status_code, webhook.json()["code"]) == (400, "not-json")


def test_two_mailboxes_are_two_people() -> None:
    """Input: Ada@ and ada@ of one company. Right: two accounts; each signs in with its own address and password."""
    people = {}
    for email, password in (("Ada@firm.example", PASSWORD), ("ada@FIRM.example", f"{PASSWORD} too")):
        client = Client()
        client.post("/account/sign-up/", {"email": email})
        assert mail.outbox[-1].to == [email]
        client.post(link_in_email(), {"name": "Ada", "password": password})
        signing_in = Client()
        signing_in.post("/account/sign-in/", {"username": email, "password": password})
        people[email] = signing_in.session["_auth_user_id"]
    assert len(set(people.values())) == 2
    Client().post("/account/sign-up/", {"email": "Ada@Firm.Example"})
    assert link_in_email() == "/account/sign-in/"  # it has an account already


def test_an_address_is_kept_as_typed_and_found_with_other_capitals() -> None:
    """Input: Ada@Example.ORG at sign-up. Right: mail goes there; ada@example.org signs in, as nobody else has it."""
    _, person = sign_in_customer("Ada@Example.ORG")
    contact = load_person(person).contact
    assert contact and contact.email == "Ada@Example.ORG"
    for typed in ("Ada@Example.ORG", "ada@example.org", "ADA@EXAMPLE.ORG"):
        other = Client()
        other.post("/account/sign-in/", {"username": typed, "password": PASSWORD})
        assert "_auth_user_id" in other.session, typed


@pytest.mark.parametrize("sku", ["\u200b", "a\u202eb", " "], ids=ascii)
def test_a_code_is_a_text_too(sku: str) -> None:
    """Input: stock of a code that nobody can see. Right: refused by the command, whoever sends it."""
    staff("keeper")
    with pytest.raises(InvalidMessage, match="sku "):
        command_dispatcher.send(ReceiveStock(sku, 1, "D-1"), envelope=Envelope(command_id=new_id()))


@pytest.mark.parametrize(
    ("field", "value"), [*(("price", number) for number in HOSTILE_NUMBERS), ("name", "\u200b"), ("name", "\u202eguM")]
)
def test_the_price_list_refuses_what_no_order_can_hold(field: str, value: str) -> None:
    """Input: a hostile price or name of a product, in the admin. Right: a form error."""
    boss = staff("boss")
    boss.is_superuser = True
    boss.save()
    client = Client()
    client.force_login(boss)
    product = {"sku": "MUG", "name": "Mug", "description": "Blue\r\nBig", "price": "12.50", "currency": "GBP"}
    page = client.post("/admin/orders/product/add/", product | {field: value})
    assert page.status_code == 200 and list(page.context["adminform"].form.errors) == [field]
    assert client.post("/admin/orders/product/add/", product).status_code == 302
    assert Product.objects.get().description == "Blue\nBig"
