"""What the gateway refuses, and what its answers say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.gateway.behaviours import BEHAVIOURS, TEST_CARDS, is_card_number
from deploy.gateway.ledger import Ledger, RequestRefused
from deploy.gateway.requests import HttpError, origin_of, parse_payment, parse_session

ORDER = str(uuid4())
SHOP = "http://127.0.0.1:8000"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    made = Ledger(":memory:", pending_s=3600)
    yield made
    made.close()


def post(ledger: Ledger, kind: str, key: str = "", **body: Any) -> dict[str, Any]:
    """Send a request; gives the payment. A charge is of 9.00 GBP by card, unless `body` says otherwise."""
    if kind == "charge":
        body = {"amount": 900, "currency": "GBP", "order_id": ORDER, "method": "card"} | body
    payment, _ = ledger.record_payment(parse_payment(f"/v1/{kind}s", key or str(uuid4()), body))
    return payment


def card_token(ledger: Ledger, behaviour: str = "card", **changed: Any) -> str:
    """Enter a test card on a card page for 9.00 GBP of `ORDER`; gives the token."""
    body = {"amount": 900, "currency": "GBP", "order_id": ORDER, "reference": "A-1", "method": "card"}
    request = parse_session(body | {"return_url": SHOP, "cancel_url": SHOP} | changed, {origin_of(SHOP)})
    return ledger.sessions.complete(ledger.sessions.create(request), behaviour).partition("token=")[2]


def test_each_behaviour_has_a_test_card_with_a_valid_number() -> None:
    assert len(BEHAVIOURS) == len(TEST_CARDS) == 22
    assert all(is_card_number(number) and len(number) == 16 for number in TEST_CARDS)
    assert not is_card_number("4242424242424241") and not is_card_number("4242 4242 4242 4242")


def test_an_answer_says_what_was_done_and_when(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    payment = post(ledger, "charge", method="voucher")
    assert (payment["amount"], payment["currency"], payment["method"]) == (900, "GBP", "voucher")
    assert (payment["status"], payment["captured"]) == ("succeeded", 900)
    assert before <= datetime.fromisoformat(payment["processed_at"]) <= datetime.now(UTC)


def test_a_pending_payment_has_no_time_yet(ledger: Ledger) -> None:
    payment = post(ledger, "charge", method="pending_declined")
    assert (payment["status"], payment["reason"], payment["processed_at"]) == ("pending", "", None)


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 9.5},
        {"amount": "900"},
        {"amount": True},
        {"amount": 0},
        {"amount": -1},
        {"amount": 10**15},
        {"currency": "ZZZ"},
        {"currency": "gbp"},
        {"currency": "XXX"},
        {"currency": None},
        {"currency": "HUF", "amount": 950},
        {"order_id": "7"},
        {"method": ""},
        {"method": None},
        {"method": "x" * 201},
        {"capture": "no"},
        {"token": 7},
    ],
)
def test_nonsense_is_refused(ledger: Ledger, changed: dict[str, Any]) -> None:
    with pytest.raises(HttpError) as caught:
        post(ledger, "charge", **changed)
    assert caught.value.status == 400 and not ledger.newest_payments(1)


def test_a_key_that_means_another_request_is_refused(ledger: Ledger) -> None:
    key = str(uuid4())
    post(ledger, "charge", key)
    for changed in ({"amount": 901}, {"method": "slow"}, {"capture": False}, {"token": "tok_1"}):
        with pytest.raises(RequestRefused):
            post(ledger, "charge", key, **changed)
    assert post(ledger, "charge", key)["status"] == "succeeded"


def test_a_void_of_nothing_is_refused(ledger: Ledger) -> None:
    with pytest.raises(RequestRefused, match="no such charge"):
        post(ledger, "void", charge=str(uuid4()))


def test_a_token_pays_once(ledger: Ledger) -> None:
    token, key = card_token(ledger), str(uuid4())
    first = post(ledger, "charge", key, token=token)
    assert (first["status"], first["method"]) == ("succeeded", "card")
    assert post(ledger, "charge", key, token=token) == first
    again = post(ledger, "charge", token=token)
    assert (again["status"], again["reason"]) == ("declined", "this card token was used already")


@pytest.mark.parametrize("behaviour", ["declined", "expired", "pending", "refund_declined"])
def test_a_token_does_what_its_card_does(ledger: Ledger, behaviour: str) -> None:
    by_card = post(ledger, "charge", token=card_token(ledger, behaviour))
    by_method = post(ledger, "charge", method=behaviour)
    assert (by_card["status"], by_card["reason"]) == (by_method["status"], by_method["reason"])
    refunds = [post(ledger, "refund", charge=one["key"], amount=900, currency="GBP") for one in (by_card, by_method)]
    assert refunds[0]["reason"] == refunds[1]["reason"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount": 901}, "the customer agreed to another payment"),
        ({"currency": "EUR"}, "the customer agreed to another payment"),
        ({"order_id": str(uuid4())}, "the customer agreed to another payment"),
        ({"method": "voucher"}, "a card token pays by card only"),
        ({"token": "tok_invented"}, "unknown card token"),
    ],
)
def test_a_token_is_for_one_order_and_amount(ledger: Ledger, changed: dict[str, Any], reason: str) -> None:
    declined = post(ledger, "charge", **{"token": card_token(ledger)} | changed)
    assert (declined["status"], declined["reason"], declined["captured"]) == ("declined", reason, 0)


def test_a_token_expires(ledger: Ledger) -> None:
    token = card_token(ledger)
    ledger.database.rows("UPDATE session SET expires_at = expires_at - 3600")
    assert post(ledger, "charge", token=token)["reason"] == "this card token has expired"


def test_old_sessions_are_deleted(ledger: Ledger) -> None:
    card_token(ledger)
    ledger.database.rows("UPDATE session SET expires_at = 0")
    card_token(ledger)
    assert len(ledger.database.rows("SELECT * FROM session")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://127.0.0.1:8001/",
        "https://127.0.0.1:8000/",
        "//127.0.0.1:8000/",
        "/orders/1",
        "javascript:alert(1)",
        "http://127.0.0.1:8000@evil.example/",
        "http://evil@127.0.0.1:8000/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:8000/\n",
        None,
    ],
)
@pytest.mark.parametrize("name", ["return_url", "cancel_url"])
def test_the_card_page_returns_to_the_shop_only(ledger: Ledger, name: str, url: str | None) -> None:
    changed: dict[str, Any] = {name: url}
    with pytest.raises(HttpError, match=f"{name} must be at the shop"):
        card_token(ledger, **changed)


def test_the_names_of_this_machine_are_one_shop() -> None:
    assert (
        origin_of("http://localhost:8000/a?b") == origin_of("http://127.0.0.1:8000") == origin_of("http://[::1]:8000")
    )


def test_a_card_page_is_for_cards(ledger: Ledger) -> None:
    with pytest.raises(HttpError, match="for the method card"):
        card_token(ledger, method="voucher")


def test_a_file_of_an_earlier_release_goes_on_working(tmp_path: Path) -> None:
    path, key = tmp_path / "gateway.sqlite3", str(uuid4())
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "CREATE TABLE payment (key TEXT PRIMARY KEY, kind TEXT NOT NULL, reference TEXT NOT NULL, order_id TEXT,"
            " charge TEXT, method TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL,"
            " reason TEXT NOT NULL, due_at REAL)"
        )
        file.execute(
            "INSERT INTO payment"
            " VALUES (?, 'charge', 'ch_1', ?, NULL, 'refund_declined', 900, 'GBP', 'succeeded', '', NULL)",
            (key, ORDER),
        )
    for _ in range(2):
        ledger = Ledger(path, pending_s=5)
        assert post(ledger, "charge", key, method="refund_declined")["captured"] == 900
        assert post(ledger, "refund", charge=key, amount=100, currency="GBP")["reason"] == "the account is closed"
        ledger.close()
