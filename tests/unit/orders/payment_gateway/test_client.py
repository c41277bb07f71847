"""The HTTP client against a real gateway process that simulates failures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from eventshop.core.errors import InvalidMoney
from eventshop.core.money import Money
from eventshop.runtime.circuit_breaker import CircuitOpen
from eventshop.runtime.service_errors import MessageRefused
from orders.application.payment_gateway_port import Authorised, Declined, Outcome, Pending, Succeeded, Unknown
from orders.payment_gateway.client import HttpGateway
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway
from tests.support.sales import eur, gbp
from tests.support.waiting import DEADLINE_S, wait_until

ORDER = UUID("00000000-0000-4000-8000-00000000000d")
NINE = gbp("9.00")


class Report(NamedTuple):
    """The report of a refused response."""

    key: UUID
    code: str
    begins: bytes


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder, "--later", "0.3", "--slow", "0.4", "--never", "3600") as process:
        yield process


@pytest.fixture
def reports() -> list[Report]:
    return []


@pytest.fixture
def gateway(process: GatewayProcess, reports: list[Report]) -> Iterator[HttpGateway]:
    made = client(process, reports)
    yield made
    made.close()


@pytest.fixture
def impatient_gateway(process: GatewayProcess, reports: list[Report]) -> Iterator[HttpGateway]:
    """A client that waits for half a second only."""
    made = client(process, reports, response_s=0.5)
    yield made
    made.close()


def client(
    process: GatewayProcess,
    reports: list[Report],
    secret: str = SECRET,
    *,
    response_s: float = DEADLINE_S,
    open_s: float = 0.3,
) -> HttpGateway:
    def report(key: UUID, error: MessageRefused, body: bytes) -> None:
        reports.append(Report(key, error.code, body))

    return HttpGateway(process.url, secret, report=report, connect_s=DEADLINE_S, response_s=response_s, open_s=open_s)


def charge(gateway: HttpGateway, method: str, key: UUID | None = None, amount: Money = NINE) -> Outcome:
    return gateway.charge(key=key or uuid4(), amount=amount, order_id=ORDER, method=method)


def test_a_charge_takes_the_money(gateway: HttpGateway, reports: list[Report]) -> None:
    key = uuid4()
    outcome = charge(gateway, "card", key)
    assert isinstance(outcome, Succeeded) and (outcome.key, outcome.amount) == (key, NINE)
    assert gateway.find(key) == outcome and not reports


def test_the_same_key_is_the_same_charge(gateway: HttpGateway) -> None:
    key = uuid4()
    assert charge(gateway, "card", key) == charge(gateway, "card", key)


def test_a_key_that_means_another_charge_is_refused_and_reported(gateway: HttpGateway, reports: list[Report]) -> None:
    key = uuid4()
    charge(gateway, "card", key)
    outcome = charge(gateway, "card", key, gbp("9.01"))
    assert isinstance(outcome, Unknown) and "422" in outcome.reason
    assert [(report.key, report.code) for report in reports] == [(key, "gateway-refused")]


def test_twins_at_the_same_moment_are_one_charge(gateway: HttpGateway) -> None:
    key = uuid4()
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: charge(gateway, "card", key), range(16)))
    assert len(set(map(repr, outcomes))) == 1 and isinstance(outcomes[0], Succeeded)


@pytest.mark.parametrize(("method", "reason"), [("declined", "insufficient funds"), ("expired", "card expired")])
def test_a_declined_charge_says_why(gateway: HttpGateway, method: str, reason: str) -> None:
    key = uuid4()
    assert charge(gateway, method, key) == Declined(key, reason, method) == gateway.find(key)


def test_an_amount_chooses_nothing(gateway: HttpGateway) -> None:
    assert isinstance(charge(gateway, "card", amount=gbp("1000.01")), Succeeded)


@pytest.mark.parametrize("method", ["PayPal", "CARD", "card ", "invoice"])
def test_an_unknown_method_is_declined_and_never_charged(gateway: HttpGateway, method: str) -> None:
    key = uuid4()
    assert charge(gateway, method, key) == Declined(key, "unknown method", method)
    assert gateway.refund(key=(refund := uuid4()), charge=key, amount=NINE) == Declined(
        refund, "nothing was taken", method
    )


@pytest.mark.parametrize("method", ["voucher", "bank_transfer"])
def test_other_methods_take_the_money(gateway: HttpGateway, method: str) -> None:
    assert isinstance(charge(gateway, method), Succeeded)


def test_what_the_gateway_answers_is_what_it_did(gateway: HttpGateway) -> None:
    before = datetime.now(UTC)
    outcome = charge(gateway, "slow")
    assert isinstance(outcome, Succeeded) and outcome.at is not None
    assert (outcome.amount, outcome.method) == (NINE, "slow") and outcome.at >= before


@pytest.mark.parametrize(("amount", "currency"), [("500", "XOF"), ("1.250", "IQD"), ("0.001", "KWD"), ("9.00", "HUF")])
def test_amounts_of_all_currencies_arrive_as_they_were_sent(gateway: HttpGateway, amount: str, currency: str) -> None:
    money = Money(Decimal(amount), currency)
    outcome = charge(gateway, "card", amount=money)
    assert isinstance(outcome, Succeeded) and outcome.amount == money


@pytest.mark.parametrize(("method", "end"), [("pending", Succeeded), ("pending_declined", Declined)])
def test_what_is_pending_ends_later(gateway: HttpGateway, method: str, end: type) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, method, key), Pending)
    wait_until(lambda: isinstance(gateway.find(key), end), seen=lambda: gateway.find(key))


def test_a_slow_answer_is_waited_for(gateway: HttpGateway) -> None:
    assert isinstance(charge(gateway, "slow"), Succeeded)


@pytest.mark.parametrize("method", ["late", "dribble"])
def test_an_answer_that_does_not_come_or_end_is_not_waited_for_long(
    impatient_gateway: HttpGateway, gateway: HttpGateway, method: str
) -> None:
    """The gateway would keep the connection open for an hour."""
    key = uuid4()
    outcome = charge(impatient_gateway, method, key)
    assert isinstance(outcome, Unknown)
    assert outcome.reason in ("the gateway did not respond within 0.5 s", "the response did not end in time")
    wait_until(lambda: isinstance(gateway.find(key), Succeeded), seen=lambda: gateway.find(key))


def test_a_lost_answer_is_found_by_its_key(gateway: HttpGateway) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, "lost", key), Unknown)
    assert isinstance(gateway.find(key), Succeeded)


def test_errors_before_anything_happened_are_tried_again(gateway: HttpGateway) -> None:
    assert isinstance(charge(gateway, "unstable"), Succeeded)


def test_a_charge_that_ends_in_errors_is_unknown_and_nothing_was_taken(gateway: HttpGateway) -> None:
    key = uuid4()
    outcome = charge(gateway, "down", key)
    assert isinstance(outcome, Unknown) and "500" in outcome.reason
    assert gateway.find(key) is None


@pytest.mark.parametrize(
    ("method", "code", "begins"),
    [("html", "not-json", b"<!doctype"), ("other_amount", "other-amount", b""), ("huge", "answer-too-large", b"")],
)
def test_an_answer_that_makes_no_sense_is_not_believed_and_reported(
    gateway: HttpGateway, reports: list[Report], method: str, code: str, begins: bytes
) -> None:
    key = uuid4()
    assert isinstance(charge(gateway, method, key), Unknown)
    assert [(report.key, report.code) for report in reports] == [(key, code)]
    assert reports[0].begins.startswith(begins)
    assert isinstance(gateway.find(key), Succeeded)


def test_a_wrong_secret_is_refused_and_reported(process: GatewayProcess, reports: list[Report]) -> None:
    gateway = client(process, reports, secret="wrong")
    outcome = charge(gateway, "card")
    gateway.close()
    assert isinstance(outcome, Unknown) and "401" in outcome.reason
    assert [report.code for report in reports] == ["gateway-refused"]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0", "GBP"), ("-1", "GBP"), ("0.001", "GBP"), ("100.50", "JPY"), ("1.2505", "IQD"), ("9", "ZZZ"), ("9", "XXX")],
)
def test_an_amount_that_nobody_can_pay_is_refused_before_anything_is_sent(
    gateway: HttpGateway, amount: str, currency: str
) -> None:
    key = uuid4()
    with pytest.raises(InvalidMoney):
        charge(gateway, "card", key, Money(Decimal(amount), currency))
    assert gateway.find(key) is None


def test_a_part_of_a_charge_is_given_back_and_never_more_than_all(gateway: HttpGateway) -> None:
    key = uuid4()
    charge(gateway, "card", key)
    first = uuid4()
    assert isinstance(gateway.refund(key=first, charge=key, amount=gbp("4.00")), Succeeded)
    assert isinstance(gateway.refund(key=first, charge=key, amount=gbp("4.00")), Succeeded)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("5.01")), Declined)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=eur("1.00")), Declined)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("5.00")), Succeeded)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("0.01")), Declined)


def test_what_was_never_taken_is_not_given_back(gateway: HttpGateway) -> None:
    declined = uuid4()
    charge(gateway, "declined", declined)
    for key, reason, method in ((declined, "nothing was taken", "declined"), (uuid4(), "no such charge", "")):
        refund = uuid4()
        assert gateway.refund(key=refund, charge=key, amount=NINE) == Declined(refund, reason, method)


def authorise(gateway: HttpGateway, method: str = "card", amount: Money = NINE) -> UUID:
    """Authorise an amount; gives the charge's key."""
    key = uuid4()
    outcome = gateway.charge(key=key, amount=amount, order_id=ORDER, method=method, capture=False)
    assert isinstance(outcome, Authorised) and (outcome.amount, outcome.method) == (amount, method)
    return key


def capture(gateway: HttpGateway, key: UUID, amount: Money, request: UUID | None = None) -> Outcome:
    return gateway.capture(key=request or uuid4(), charge=key, amount=amount)


def test_what_is_set_aside_is_taken_by_a_capture_and_given_back_up_to_it(gateway: HttpGateway) -> None:
    key, request = authorise(gateway), uuid4()
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=NINE), Declined)
    outcome = capture(gateway, key, gbp("8.00"), request)
    assert isinstance(outcome, Succeeded) and (outcome.amount, outcome.method) == (gbp("8.00"), "card")
    assert capture(gateway, key, gbp("8.00"), request) == outcome
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("8.01")), Declined)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("8.00")), Succeeded)


def test_no_more_is_captured_than_was_set_aside_and_only_once(gateway: HttpGateway) -> None:
    key = authorise(gateway)
    assert capture(gateway, key, gbp("9.01"), request := uuid4()) == Declined(
        request, "more than was authorised", "card"
    )
    assert isinstance(capture(gateway, key, eur("9.00")), Declined)
    assert isinstance(capture(gateway, key, gbp("5.00")), Succeeded)
    assert isinstance(capture(gateway, key, gbp("4.00")), Declined)
    assert isinstance(gateway.void(key=uuid4(), charge=key), Declined)


def test_what_is_voided_is_not_taken_any_more(gateway: HttpGateway) -> None:
    key, request = authorise(gateway), uuid4()
    outcome = gateway.void(key=request, charge=key)
    assert isinstance(outcome, Succeeded) and outcome.amount == NINE
    assert gateway.void(key=request, charge=key) == outcome
    assert isinstance(gateway.void(key=uuid4(), charge=key), Declined)
    assert isinstance(capture(gateway, key, NINE), Declined)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=NINE), Declined)


def test_a_charge_that_took_the_money_is_not_captured_again(gateway: HttpGateway) -> None:
    charge(gateway, "card", key := uuid4())
    assert isinstance(capture(gateway, key, NINE), Declined)


def test_an_authorisation_can_be_pending(gateway: HttpGateway) -> None:
    key = uuid4()
    outcome = gateway.charge(key=key, amount=NINE, order_id=ORDER, method="pending", capture=False)
    assert isinstance(outcome, Pending)
    assert isinstance(capture(gateway, key, NINE), Declined)
    wait_until(lambda: isinstance(gateway.find(key), Authorised), seen=lambda: gateway.find(key))
    assert isinstance(capture(gateway, key, NINE), Succeeded)


@pytest.mark.parametrize(("method", "end"), [("refund_pending", Pending), ("refund_declined", Declined)])
def test_a_refund_can_be_pending_or_declined(gateway: HttpGateway, method: str, end: type) -> None:
    key = uuid4()
    charge(gateway, method, key)
    assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=NINE), end)


def test_a_gateway_that_was_down_is_not_asked_for_a_while(tmp_path: Path, reports: list[Report]) -> None:
    """The gateway is up again: a request would reach it."""
    with running_gateway(tmp_path) as process:
        gateway, other, key = client(process, reports, open_s=3600), client(process, reports), uuid4()
        process.kill()
        wait_until(lambda: isinstance(charge(gateway, "card", key), Unknown) and gateway.circuit_breaker.is_open)
        process.start()
        outcome = charge(gateway, "card", key)
        assert isinstance(outcome, Unknown) and str(CircuitOpen()) in outcome.reason
        assert other.find(key) is None
        gateway.close()
        other.close()


def test_a_gateway_that_was_down_is_found_again(tmp_path: Path, reports: list[Report]) -> None:
    with running_gateway(tmp_path) as process:
        gateway, key = client(process, reports), uuid4()
        process.kill()
        wait_until(lambda: isinstance(charge(gateway, "card", key), Unknown) and gateway.circuit_breaker.is_open)
        process.start()
        wait_until(lambda: isinstance(charge(gateway, "card", key), Succeeded), seen=lambda: gateway.find(key))
        gateway.close()


def test_a_frozen_gateway_holds_nobody_for_long(tmp_path: Path, reports: list[Report]) -> None:
    with running_gateway(tmp_path) as process:
        gateway = client(process, reports, response_s=0.5)
        process.freeze()
        outcome = charge(gateway, "card")
        assert isinstance(outcome, Unknown) and "0.5 s" in outcome.reason
        process.unfreeze()
        gateway.close()


@pytest.mark.parametrize("point", ["received", "recorded", "answered"])
def test_a_gateway_killed_at_any_step_takes_the_money_once(tmp_path: Path, reports: list[Report], point: str) -> None:
    with running_gateway(tmp_path) as process:
        process.stop()
        gateway, key = client(process, reports), uuid4()
        process.start_to_crash(point)
        first = charge(gateway, "card", key)
        wait_until(lambda: not process.is_running)
        process.start()
        wait_until(lambda: isinstance(charge(gateway, "card", key), Succeeded), seen=lambda: gateway.find(key))
        assert isinstance(first, Succeeded if point == "answered" else Unknown)
        assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=NINE), Succeeded)
        assert isinstance(gateway.refund(key=uuid4(), charge=key, amount=gbp("0.01")), Declined)
        gateway.close()


def test_the_gateway_stops_in_good_order(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as process:
        assert process.stop() == 0
