"""The payment ledger against a real gateway: each payment is requested once and ends once, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from orders.application.payment_gateway_port import Authorised, Declined, Outcome, Pending, Succeeded, Unknown
from orders.models import GatewayMessage, Payment
from orders.payment_gateway.errors import GatewayNotConfigured, PaymentKeyReused, UnknownPayment
from orders.payment_gateway.factory import payment_gateway
from orders.payment_gateway.payment_ledger import RecordedGateway
from tests.support.browser import serve
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway, take_payments_at
from tests.support.sales import gbp
from tests.support.staff import capture_queries
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

ORDER = UUID("00000000-0000-4000-8000-00000000000d")
NINE = gbp("9.00")
#: Options of the gateway: nothing happens by itself while a test runs.
NEVER: Final = tuple(word for option in ("--later", "--slow", "--never") for word in (option, "3600"))


@pytest.fixture
def shop(clean_database: None, settings: Settings) -> Iterator[str]:
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    with serve() as address:
        yield address


@pytest.fixture
def process(shop: str, settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    options = (*NEVER, "--webhook", f"{shop}/payments/notices")
    with running_gateway(tmp_path, *options) as process, take_payments_at(process, settings):
        yield process


@pytest.fixture
def gateway(process: GatewayProcess) -> RecordedGateway:
    return payment_gateway()


def charge(gateway: RecordedGateway, method: str = "card", key: UUID | None = None, amount: str = "9.00") -> Outcome:
    return gateway.charge(key=key or uuid4(), amount=gbp(amount), order_id=ORDER, method=method)


def status_of(key: UUID) -> str:
    return Payment.objects.get(key=key).status


def accepted_webhooks() -> list[str]:
    return list(GatewayMessage.objects.filter(verdict="accepted").values_list("about", flat=True))


def refused_messages() -> list[tuple[str, str, int]]:
    """Source, code and count of all refused messages."""
    return sorted(GatewayMessage.objects.filter(verdict="refused").values_list("source", "code", "times"))


def test_a_charge_is_on_record_and_its_notice_changes_nothing(gateway: RecordedGateway) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, "card", key), Succeeded)
    wait_until(lambda: accepted_webhooks() == ["charge.succeeded"], seen=accepted_webhooks)
    payment = Payment.objects.get()
    assert (payment.key, payment.status, payment.amount, payment.currency) == (key, "succeeded", 900, "GBP")
    assert payment.order_id == ORDER and payment.reference.startswith("ch_") and payment.ended_at
    assert not refused_messages()


def test_what_has_ended_is_answered_from_the_record(gateway: RecordedGateway, process: GatewayProcess) -> None:
    key, refund = uuid4(), uuid4()
    paid = charge(gateway, "card", key)
    back = gateway.refund(key=refund, charge=key, amount=NINE)
    process.kill()
    assert charge(gateway, "card", key) == paid == gateway.find(key)
    assert gateway.refund(key=refund, charge=key, amount=NINE) == back == gateway.find(refund)


def test_a_key_is_one_payment_for_ever(gateway: RecordedGateway) -> None:
    key = uuid4()
    charge(gateway, "card", key)
    with pytest.raises(PaymentKeyReused):
        charge(gateway, "card", key, "9.01")
    with pytest.raises(PaymentKeyReused):
        charge(gateway, "other card", key)
    with pytest.raises(PaymentKeyReused):
        gateway.refund(key=key, charge=uuid4(), amount=NINE)
    assert Payment.objects.count() == 1


def test_a_key_is_one_way_of_charging(gateway: RecordedGateway) -> None:
    key, payment_id = uuid4(), uuid4()

    def charge_card(**changed: Any) -> Outcome:
        same = {"key": key, "amount": NINE, "order_id": ORDER, "method": "card", "payment_id": payment_id}
        return gateway.charge(**{**same, **changed})

    first = charge_card()
    assert charge_card() == first
    for changed in ({"capture": False}, {"token": "tok_1"}, {"payment_id": uuid4()}):
        with pytest.raises(PaymentKeyReused):
            charge_card(**changed)


def test_what_is_set_aside_is_captured_and_on_record(gateway: RecordedGateway, process: GatewayProcess) -> None:
    key, capture, payment_id = uuid4(), uuid4(), uuid4()
    held = gateway.charge(key=key, amount=NINE, order_id=ORDER, method="card", capture=False, payment_id=payment_id)
    assert isinstance(held, Authorised) and status_of(key) == "authorised"
    taken = gateway.capture(key=capture, charge=key, amount=gbp("8.00"), payment_id=payment_id)
    assert isinstance(taken, Succeeded) and (taken.amount, taken.method) == (gbp("8.00"), "card")
    row = Payment.objects.get(key=capture)
    assert (row.kind, row.charge, row.payment_id, row.processed_at) == ("capture", key, payment_id, taken.at)
    webhooks = {"charge.authorised", "capture.succeeded"}
    wait_until(lambda: set(accepted_webhooks()) == webhooks, seen=accepted_webhooks)
    process.kill()
    assert gateway.capture(key=capture, charge=key, amount=gbp("8.00"), payment_id=payment_id) == taken
    assert gateway.find(key) == held and not refused_messages()


def test_what_is_voided_is_on_record(gateway: RecordedGateway) -> None:
    key, void = uuid4(), uuid4()
    gateway.charge(key=key, amount=NINE, order_id=ORDER, method="card", capture=False)
    released = gateway.void(key=void, charge=key)
    assert isinstance(released, Succeeded) and released.amount == NINE
    assert Payment.objects.get(key=void).kind == "void"
    assert isinstance(gateway.capture(key=uuid4(), charge=key, amount=NINE), Declined)


def test_a_charge_that_nobody_requested_is_not_voided(gateway: RecordedGateway) -> None:
    with pytest.raises(UnknownPayment):
        gateway.void(key=uuid4(), charge=uuid4())


def test_an_authorisation_that_was_lost_is_found(gateway: RecordedGateway) -> None:
    key = uuid4()
    lost = gateway.charge(key=key, amount=NINE, order_id=ORDER, method="lost", capture=False)
    assert isinstance(lost, Unknown) and isinstance(gateway.find(key), Authorised)


@pytest.mark.parametrize("method", ["pending", "forged"])
def test_a_notice_ends_a_pending_authorisation(gateway: RecordedGateway, process: GatewayProcess, method: str) -> None:
    key = uuid4()
    gateway.charge(key=key, amount=NINE, order_id=ORDER, method=method, capture=False)
    process.end_pending_payments()
    wait_until(lambda: status_of(key) == "authorised", seen=lambda: status_of(key))


def test_twins_are_one_payment(gateway: RecordedGateway) -> None:
    key = uuid4()

    def twin(_: int) -> str:
        try:
            return repr(charge(gateway, "card", key))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(twin, range(12)))) == 1


def test_inside_a_transaction_nobody_is_asked(gateway: RecordedGateway) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        charge(gateway)
    assert not Payment.objects.exists()


def test_a_charge_costs_two_statements_and_one_that_has_ended_two(settings: Settings, tmp_path: Path) -> None:
    """Where the gateway sends no notice: one that comes before the response costs the look at what it recorded."""
    key = uuid4()
    with running_gateway(tmp_path, *NEVER) as process, take_payments_at(process, settings):
        gateway = payment_gateway()
        assert len(capture_queries(lambda: charge(gateway, "card", key))) == 2
        assert len(capture_queries(lambda: charge(gateway, "card", key))) == 2


def test_without_a_gateway_no_money_is_taken(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_URL = ""
    with pytest.raises(GatewayNotConfigured, match="PAYMENT_GATEWAY_URL"):
        payment_gateway()


@pytest.mark.parametrize(
    ("method", "end"), [("pending", "succeeded"), ("pending_declined", "declined"), ("forged", "succeeded")]
)
def test_a_notice_ends_what_was_open(gateway: RecordedGateway, process: GatewayProcess, method: str, end: str) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, method, key), Pending)
    process.end_pending_payments()
    wait_until(lambda: status_of(key) == end, seen=lambda: status_of(key))
    assert accepted_webhooks() == [f"charge.{end}"]
    refusals = 1 if method == "forged" else 0
    # The forged notice may arrive after the genuine one.
    wait_until(lambda: len(refused_messages()) >= refusals, seen=refused_messages)
    assert [code for _, code, _ in refused_messages()] == ["wrong-signature"] * refusals


@pytest.mark.parametrize("method", ["hasty", "late"])
def test_a_notice_that_comes_before_the_answer_is_the_end_too(
    gateway: RecordedGateway, process: GatewayProcess, method: str
) -> None:
    """The gateway never answers, and is killed once the notice was accepted."""
    key = uuid4()

    def has_ended() -> bool:
        process.end_pending_payments()
        return Payment.objects.filter(key=key, status="succeeded").exists()

    def charge_here() -> Outcome:
        try:
            return charge(gateway, method, key)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        charging = pool.submit(charge_here)
        try:
            wait_until(has_ended, seen=refused_messages)
            assert not charging.done()
        finally:
            process.kill()
        assert isinstance(charging.result(DEADLINE_S), Succeeded)
    assert accepted_webhooks() == ["charge.succeeded"] and status_of(key) == "succeeded"


def test_a_notice_that_comes_three_times_is_one(gateway: RecordedGateway) -> None:
    charge(gateway, "duplicate")
    wait_until(lambda: GatewayMessage.objects.filter(times=3).exists(), seen=GatewayMessage.objects.values)
    assert accepted_webhooks() == ["charge.succeeded"] and not refused_messages()


def test_who_says_nothing_is_asked(gateway: RecordedGateway, process: GatewayProcess) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, "silent", key), Pending)
    process.end_pending_payments()
    wait_until(lambda: isinstance(gateway.find(key), Succeeded), seen=lambda: gateway.find(key))
    assert status_of(key) == "succeeded" and not accepted_webhooks()


def test_a_lost_answer_is_found(gateway: RecordedGateway) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, "lost", key), Unknown)
    assert Payment.objects.get().trouble
    assert isinstance(gateway.find(key), Succeeded)
    assert status_of(key) == "succeeded" and not Payment.objects.get().trouble


@pytest.mark.parametrize("method", ["lost", "html", "broken", "huge", "other_amount"])
def test_who_asks_again_learns_what_became_of_it_however_bad_the_answer_was(
    gateway: RecordedGateway, method: str
) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, method, key), Unknown | Succeeded)  # the webhook may arrive first
    assert isinstance(charge(gateway, method, key), Succeeded)


def test_a_payment_that_the_gateway_never_heard_of_is_not_found(gateway: RecordedGateway) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, "down", key), Unknown)
    assert gateway.find(key) is None and gateway.find(uuid4()) is None
    assert status_of(key) == "asked"


def test_an_answer_with_another_amount_is_not_believed_and_staff_see_it(gateway: RecordedGateway) -> None:
    key = uuid4()
    charge(gateway, "other_amount", key)
    assert ("answer", "other-amount", 1) in refused_messages()
    # The notice names the true amount.
    wait_until(lambda: accepted_webhooks() == ["charge.succeeded"], seen=accepted_webhooks)
    assert Payment.objects.get().amount == 900


def test_an_answer_that_is_not_json_shows_how_it_began(gateway: RecordedGateway) -> None:
    charge(gateway, "html")
    kept = GatewayMessage.objects.get(code="not-json")
    assert kept.begins.startswith("<!doctype html><title>Maintenance") and kept.source == "answer"


def test_a_notice_with_another_amount_is_refused_and_staff_see_it(
    gateway: RecordedGateway, process: GatewayProcess
) -> None:
    key = uuid4()
    charge(gateway, "other_notice", key)
    process.end_pending_payments()
    wait_until(
        lambda: ("notice", "other-amount") in [(source, code) for source, code, _ in refused_messages()],
        seen=refused_messages,
    )
    kept = GatewayMessage.objects.get(code="other-amount")
    assert (kept.key, kept.amount, kept.about) == (key, 899, "charge.succeeded")
    assert status_of(key) == "pending" and not accepted_webhooks()


def test_a_declined_charge_gives_nothing_back(gateway: RecordedGateway) -> None:
    key, refund = uuid4(), uuid4()
    charge(gateway, "declined", key)
    assert gateway.refund(key=refund, charge=key, amount=NINE) == Declined(refund, "nothing was taken")


@pytest.mark.parametrize("point", ["received", "recorded", "answered", "sending", "sent"])
def test_a_gateway_killed_at_any_step_ends_the_payment_once(
    gateway: RecordedGateway, process: GatewayProcess, point: str
) -> None:
    process.stop()
    process.start_to_crash(point)
    key = uuid4()

    def has_ended() -> bool:
        process.end_pending_payments()
        return isinstance(charge(gateway, "pending", key), Succeeded)

    charge(gateway, "pending", key)
    process.end_pending_payments()
    wait_until(lambda: not process.is_running)
    process.start()
    wait_until(has_ended, seen=lambda: status_of(key))
    wait_until(lambda: accepted_webhooks() == ["charge.succeeded"], seen=accepted_webhooks)
    assert Payment.objects.count() == 1 and not refused_messages()
