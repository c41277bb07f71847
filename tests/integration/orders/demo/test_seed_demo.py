"""The demo data is written once, into an empty store."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import DeadLetter
from eventshop.sagas.step_failures import group_failures
from eventshop.sagas.workers import run_until_idle
from eventshop.web.pages import demo_registry
from orders.demo.customer import ORDERS
from orders.demo.faults import fault_commands
from orders.demo.products import PRODUCTS
from orders.domain.commands import ReceiveStock
from orders.domain.order_status import Status
from orders.domain.payments import PaymentStateName
from projections.models import ConsentRegister, DailySales, OrderSummary, TradeBlotter, TradingAccount, UserProfile
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import run_sagas_until_idle
from tests.support.order_payments import order_state
from tests.support.retail_import import run_projections
from users.application import accounts
from users.demo.people import ERASED, PEOPLE, people_commands, person_id

pytestmark = pytest.mark.usefixtures("clean_database")


def run_seed_demo(*options: str) -> str:
    out = StringIO()
    call_command("seed_demo", *options, stdout=out)
    return out.getvalue()


def test_an_empty_store_is_filled_and_shows_every_state() -> None:
    run_seed_demo()
    run_projections()
    states = set(OrderSummary.Status.values) - {OrderSummary.Status.REVERSED}  # only importers reverse a credit note
    assert set(OrderSummary.objects.values_list("status", flat=True)) == states
    orders = OrderSummary.objects.aggregate(paid=Sum("paid"))["paid"]
    assert orders == DailySales.objects.aggregate(gross=Sum("gross"))["gross"] > 0


def test_the_demo_customer_signs_in_and_finds_trades_in_every_state(settings: Settings) -> None:
    settings.STAFF_PASSWORD = "three quiet lanterns"
    run_seed_demo()
    for _ in range(2):
        call_command("ensure_demo_customer")
    client = Client()
    assert client.login(username=demo_registry.EMAIL, password="three quiet lanterns")
    run_projections()
    assert {"SETTLED", "CANCELLED", "REJECTED", "OPEN"} <= set(TradeBlotter.objects.values_list("status", flat=True))
    assert len(client.get("/trading/").context["page"].object_list) == 20
    assert len(client.get("/trading/positions/").context["held"]) == 2
    accounts = client.get("/trading/accounts/").context["accounts"]
    assert [account.opening_event.reference for account in accounts] == ["Crypto", "Shares"]
    refused = TradingAccount.objects.filter(refusals__gt=0)
    assert not refused.exists()


def test_the_demo_customer_finds_an_order_in_every_state_however_often_the_shop_is_started(settings: Settings) -> None:
    settings.STAFF_PASSWORD = "three quiet lanterns"
    call_command("ensure_demo_customer")
    told = StoredEvent.objects.count()
    call_command("ensure_demo_customer")
    assert StoredEvent.objects.count() == told
    run_projections()
    client = Client()
    client.login(username=demo_registry.EMAIL, password="three quiet lanterns")
    mine = client.get("/orders/").context["page"].object_list
    assert {order.status for order in mine} == {"CREATED", "SHIPPED", "DELIVERED", "CANCELLED"}
    assert [order.reference for order in mine if order.refunded] != []
    sent = [order for order in mine if order.status in ("SHIPPED", "DELIVERED")]
    assert [client.get(f"/orders/{order.order_id}/invoice/").status_code for order in sent] == [200] * 7
    pages = [client.get(f"/orders/{order.order_id}/").context["order"] for order in mine]
    returns = [one for page in pages for one in page.returns]
    assert sorted(one.steps[-1].tone for one in returns) == ["", "bad", "done"]  # asked, declined, refunded


def test_the_demo_customers_newest_orders_are_live(settings: Settings) -> None:
    settings.STAFF_PASSWORD = "three quiet lanterns"
    run_seed_demo()
    call_command("ensure_demo_customer")
    gateway = InMemoryGateway()
    run_sagas_until_idle(gateway)
    newest = {name: order_state(derive_id("demo-customer-order-v2", name)) for name in ORDERS}
    assert newest["paid"].payment_state is PaymentStateName.PAID
    assert newest["part-paid"].payment_state is PaymentStateName.PARTLY_PAID
    assert [one.status for one in newest["declined once"].payments] == ["declined"]
    assert (newest["waiting"].status, newest["waiting"].payments) == (Status.CREATED, ())


def test_a_demo_customer_who_has_left_gets_no_orders(settings: Settings) -> None:
    settings.STAFF_PASSWORD = "three quiet lanterns"
    call_command("ensure_demo_customer")
    accounts.close(demo_registry.CUSTOMER_ID)
    told = StoredEvent.objects.count()
    call_command("ensure_demo_customer")
    assert StoredEvent.objects.count() == told


def test_without_a_password_there_is_no_demo_customer(settings: Settings) -> None:
    settings.STAFF_PASSWORD = ""
    with pytest.raises(CommandError, match="STAFF_PASSWORD"):
        call_command("ensure_demo_customer")


def test_a_store_with_events_is_left_alone() -> None:
    run_seed_demo()
    before = StoredEvent.objects.count()
    assert run_seed_demo()  # it says why
    assert StoredEvent.objects.count() == before


def test_faults_are_dead_letters_of_two_causes_and_failing_payments() -> None:
    outcomes = send_many(fault_commands(timezone.now()))
    assert [outcome for outcome in outcomes if not isinstance(outcome, Receipt)] == []
    run_projections()
    causes = DeadLetter.objects.exclude(error="").values_list("fingerprint", flat=True)
    assert {fingerprint.partition(":")[0] for fingerprint in causes} == {"CreditNoteIssued", "PaymentProcessed"}
    assert set(DailySales.objects.values_list("currency", flat=True)) == {"VND"}  # those of the shop are not spoilt


def test_the_payments_of_the_faults_fail_with_the_gateways_answer() -> None:
    stock = [ReceiveStock(sku, 5, "D-1") for sku, _, _ in PRODUCTS[:4]]
    send_many([*((command, Envelope(new_id())) for command in stock), *fault_commands(timezone.now())])
    run_sagas_until_idle(InMemoryGateway())
    [group] = group_failures()
    assert (group.step, len(group.sagas), "500" in group.example) == ("TakePayment", 2, True)


def test_the_person_whose_erasure_was_due_is_erased_by_the_worker() -> None:
    outcomes = send_many(people_commands(timezone.now()))
    assert [outcome for outcome in outcomes if not isinstance(outcome, Receipt)] == []
    run_until_idle("test")
    run_projections()
    statuses = dict(UserProfile.objects.values_list("pk", "status"))
    assert len(statuses) == len(PEOPLE) + 1
    assert statuses[person_id(ERASED)] == "ERASED"
    assert ConsentRegister.objects.count() == 5
