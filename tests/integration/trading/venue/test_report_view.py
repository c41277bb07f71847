"""Reports of the venue: signed, about a trade that we have, each booked once; what is wrong is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import Settings
from standardwebhooks import Webhook

from eventshop.eventstore.event_store import store
from tests.support.gateway_process import SECRET
from tests.support.trade_commands import submit_trade
from trading.domain.trade import Trade

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.VENUE_SECRET = SECRET


def report(body: object, *, notice_id: str = "", secret: str = SECRET) -> tuple[int, str]:
    """Post a report; gives the status and the code of the problem."""
    text = body if isinstance(body, str) else json.dumps(body)
    notice_id, now = notice_id or f"msg_{uuid4().hex}", datetime.now(UTC)
    headers = {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(notice_id, now, text),
    }
    answer = Client().post("/trading/reports", text, "application/json", headers=headers)
    return answer.status_code, answer.json()["code"] if answer.content else ""


def fill(trade_id: UUID, number: str = "V-1", price: str = "100.00", quantity: str = "1") -> dict[str, Any]:
    fill = {"venue_trade_id": number, "price": price, "quantity": quantity, "at": "2026-01-30T12:00:00Z"}
    return {"type": "filled", "order": str(trade_id), "fills": [fill]}


def executed(trade_id: UUID) -> int:
    return int(Trade().evolve_all(recorded.event for recorded in store.get_events(trade_id)).executed)


def test_a_report_is_booked_once_under_whichever_id_it_comes() -> None:
    trade_id = submit_trade("T-1", ordered="2")
    for notice_id in ("msg_1", "msg_1", "msg_2"):
        assert report(fill(trade_id), notice_id=notice_id) == (204, "")
    assert executed(trade_id) == 1


def test_an_id_stands_for_one_report() -> None:
    trade_id = submit_trade("T-1", ordered="2")
    assert report(fill(trade_id), notice_id="msg_1") == (204, "")
    assert report(fill(trade_id, "V-2"), notice_id="msg_1") == (422, "command-id-reused")
    assert executed(trade_id) == 1


def test_what_is_wrong_is_refused_by_name_and_leaves_nothing() -> None:
    trade_id = submit_trade("T-1", ordered="2")
    order = str(trade_id)
    assert report(fill(trade_id), secret="whsec_" + "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=") == (401, "wrong-signature")
    assert report("{") == (400, "not-json")
    assert report({"type": "sold", "order": order}) == (400, "not-json")
    assert report(fill(uuid4())) == (404, "unknown-trade")
    assert report(fill(trade_id, price="100.001")) == (422, "wrong-tick")
    assert report(fill(trade_id, price="-100.00")) == (422, "negative-price")
    assert report(fill(trade_id, quantity="0.000001")) == (422, "wrong-lot")
    assert report(fill(trade_id, quantity="1" * 29)) == (400, "not-json")
    assert report({"type": "busted", "order": order, "venue_trade_id": "V-9", "reason": "?"}) == (409, "unknown-fill")
    assert executed(trade_id) == 0 and len(store.get_events(trade_id)) == 1


def test_without_a_secret_nobody_can_report(settings: Settings) -> None:
    settings.VENUE_SECRET = ""
    assert report("{}") == (404, "no-venue")
