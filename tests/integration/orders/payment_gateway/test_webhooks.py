"""Invalid webhooks are answered with problem details, logged for staff, and change nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import Settings
from standardwebhooks import Webhook

from orders.models import GatewayMessage, Payment
from tests.support.gateway_process import SECRET

pytestmark = pytest.mark.usefixtures("clean_database")

URL = "/payments/notices"
ORDER = UUID("00000000-0000-4000-8000-00000000000d")


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_SECRET = SECRET


@pytest.fixture
def payment(clean_database: None) -> Payment:
    return Payment.objects.create(key=uuid4(), kind="charge", order_id=ORDER, amount=900, currency="GBP", method="card")


def webhook_body(payment: Payment, **changed: Any) -> dict[str, Any]:
    """The body of a webhook that says that this payment succeeded; `changed` replaces fields."""
    data = {
        "key": str(payment.key),
        "kind": "charge",
        "reference": "ch_1",
        "amount": 900,
        "currency": "GBP",
        "status": "succeeded",
        "reason": "",
    } | changed
    return {"type": f"{data['kind']}.{data['status']}", "data": data}


def post_webhook(
    body: object,
    *,
    webhook_id: str = "msg_1",
    secret: str = SECRET,
    late: timedelta = timedelta(),
    **headers: str,
) -> tuple[int, str]:
    """Post a signed webhook; gives the HTTP status and the problem code."""
    text = body if isinstance(body, str) else json.dumps(body)
    at = datetime.now(UTC) - late
    given = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, text),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Client(enforce_csrf_checks=True).post(
        URL, text, content_type="application/json", headers={name: value for name, value in given.items() if value}
    )
    if answer.status_code == 204:
        return 204, ""
    assert answer["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code and problem["detail"]
    return answer.status_code, problem["code"]


def logged_messages() -> list[tuple[str, str, int]]:
    return sorted(GatewayMessage.objects.values_list("verdict", "code", "times"))


def test_a_true_notice_ends_the_payment(payment: Payment) -> None:
    assert post_webhook(webhook_body(payment)) == (204, "")
    payment.refresh_from_db()
    assert (payment.status, payment.reference) == ("succeeded", "ch_1")
    assert logged_messages() == [("accepted", "", 1)]


def test_a_notice_of_an_authorisation_records_the_gateways_time(payment: Payment) -> None:
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    body = webhook_body(payment, status="authorised", method="card", processed_at=at.isoformat())
    assert post_webhook(body) == (204, "")
    payment.refresh_from_db()
    assert (payment.status, payment.processed_at) == ("authorised", at)


def test_the_same_notice_again_is_taken_and_changes_nothing(payment: Payment) -> None:
    assert [post_webhook(webhook_body(payment)) for _ in range(3)] == [(204, "")] * 3
    assert logged_messages() == [("accepted", "", 3)]


def test_another_notice_of_the_same_end_is_taken(payment: Payment) -> None:
    post_webhook(webhook_body(payment))
    assert post_webhook(webhook_body(payment), webhook_id="msg_2") == (204, "")


def test_the_notice_of_another_end_is_refused(payment: Payment) -> None:
    post_webhook(webhook_body(payment))
    body = webhook_body(payment, status="declined", reason="no money")
    assert post_webhook(body, webhook_id="msg_2") == (409, "payment-finished")
    payment.refresh_from_db()
    assert payment.status == "succeeded"
    assert logged_messages() == [("accepted", "", 1), ("refused", "payment-finished", 1)]


def test_a_used_id_that_says_something_else_is_refused(payment: Payment) -> None:
    post_webhook(webhook_body(payment))
    assert post_webhook(webhook_body(payment, reference="ch_2")) == (409, "notice-id-reused")
    assert ("accepted", "", 1) in logged_messages()


def test_a_notice_of_a_payment_that_nobody_asked_for_is_refused() -> None:
    stranger = Payment(key=uuid4())
    assert post_webhook(webhook_body(stranger)) == (404, "unknown-payment")
    assert GatewayMessage.objects.get().key == stranger.key and not Payment.objects.exists()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount": 901}, "other-amount"),
        ({"currency": "EUR"}, "other-amount"),
        ({"kind": "refund"}, "other-payment"),
        ({"method": "voucher"}, "other-payment"),
    ],
)
def test_a_notice_of_something_else_is_refused(payment: Payment, changed: dict[str, Any], code: str) -> None:
    assert post_webhook(webhook_body(payment, **changed)) == (422, code)
    payment.refresh_from_db()
    assert payment.status == "asked" and logged_messages() == [("refused", code, 1)]


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "<html>", '{"type": "charge.succeeded"}'])
def test_what_is_signed_but_cannot_be_read_is_refused(body: str) -> None:
    assert post_webhook(body) == (400, "not-json")
    message = GatewayMessage.objects.get()
    assert (message.code, message.begins, len(message.body_hash)) == ("not-json", "", 64)


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": -1},
        {"amount": "900"},
        {"amount": 10**30},
        {"currency": "pounds"},
        {"currency": "ZZZ"},
        {"processed_at": "yesterday"},
        {"status": "maybe"},
        {"reference": "a\x00b"},
        {"reference": ""},
        {"reason": "x" * 201},
    ],
)
def test_a_notice_with_nonsense_in_it_is_refused(payment: Payment, changed: dict[str, Any]) -> None:
    assert post_webhook(webhook_body(payment, **changed)) == (400, "not-json")


def test_a_notice_whose_name_does_not_fit_is_refused(payment: Payment) -> None:
    assert post_webhook(webhook_body(payment) | {"type": "charge.declined"}) == (400, "not-json")


def test_a_wrong_signature_is_refused(payment: Payment) -> None:
    wrong = "whsec_" + "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="
    assert post_webhook(webhook_body(payment), secret=wrong) == (401, "wrong-signature")
    payment.refresh_from_db()
    assert payment.status == "asked"


def test_an_address_that_sends_too_many_wrong_signatures_is_refused_unread(payment: Payment) -> None:
    wrong = "whsec_" + "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="
    answers = (post_webhook(webhook_body(payment), secret=wrong) for _ in range(130))  # a minute may end in between
    assert (429, "too-many-attempts") in answers
    assert post_webhook(webhook_body(payment)) == (429, "too-many-attempts")


@pytest.mark.parametrize("signature", ["v1", "v1,", "v1,###", "v2,abc", ",,,,", "v1,é", " ".join(["v1,aaaa"] * 500)])
def test_a_signature_that_is_none_is_refused(payment: Payment, signature: str) -> None:
    assert post_webhook(webhook_body(payment), webhook_signature=signature) == (401, "wrong-signature")


@pytest.mark.parametrize("header", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_a_notice_without_one_of_its_headers_is_refused(payment: Payment, header: str) -> None:
    assert post_webhook(webhook_body(payment), **{header: ""}) == (401, "not-signed")  # type: ignore[arg-type]


@pytest.mark.parametrize("timestamp", ["yesterday", "1e9", "nan", "-1", "9" * 400])
def test_a_time_that_is_none_is_refused(payment: Payment, timestamp: str) -> None:
    assert post_webhook(webhook_body(payment), webhook_timestamp=timestamp) == (401, "not-signed")


# Five minutes, of which a slow machine may need some to send the webhook that is signed ahead of time.
@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=-10), timedelta(days=400)])
def test_a_notice_of_another_time_is_refused_however_well_it_is_signed(payment: Payment, late: timedelta) -> None:
    assert post_webhook(webhook_body(payment), late=late) == (401, "not-of-now")


def test_a_body_that_is_too_large_is_refused_whoever_sends_it(payment: Payment) -> None:
    assert post_webhook(webhook_body(payment, reason="x" * 100_000)) == (413, "notice-too-large")


def test_strangers_cannot_fill_the_table(payment: Payment) -> None:
    for _ in range(20):
        post_webhook(webhook_body(payment), webhook_id=str(uuid4()), webhook_signature="v1,AAAA")
    counted = GatewayMessage.objects.values_list("times", flat=True)
    assert sum(counted) == 20 and len(counted) <= 2


def test_only_a_post_is_a_notice() -> None:
    assert Client().get(URL).status_code == 405


def test_without_a_secret_there_is_nobody_to_believe(payment: Payment, settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_SECRET = ""
    assert post_webhook(webhook_body(payment)) == (404, "no-gateway")
