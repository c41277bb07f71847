"""Staff settle, hold, correct, reject and cancel trades: each is a command, with a reason, by those who may."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from projections.models import Position
from tests.support.staff import boss, catch_up, clerk, messages_of
from tests.support.trade_commands import BTC, DESK, deal
from tests.support.trader import account, trade
from trading.domain.account import TradingAccount
from trading.domain.events import Side
from trading.domain.trade import Status, Trade

pytestmark = pytest.mark.usefixtures("clean_database")


def page(trade_id: UUID, action: str = "change") -> str:
    return reverse(f"admin:projections_tradeblotter_{action}", args=(trade_id,))


def fields(answer: Any) -> dict[str, str]:
    """What a browser would send back: the values the dialog was opened with."""
    return {field.name: str(field.value()) for field in answer.context["form"] if field.value() is not None}


def press(client: Client, trade_id: UUID, action: str, **values: str) -> Any:
    form = fields(client.get(page(trade_id, action)))
    return client.post(page(trade_id, action), form | {"reason": "asked by the client"} | values)


def status(trade_id: UUID) -> Status:
    return Trade().evolve_all(it.event for it in store.get_events(trade_id)).status


FILLED = ("T-1", ("100.00", "2"))
ACTIONS: list[tuple[str, str, dict[str, str], str]] = [
    ("settle", "settle_trade", {}, "TradeSettled"),
    ("hold", "settle_trade", {}, "SettlementHeld"),
    ("correct", "correct_trade", {"fill": "T-1-0", "price": "99.99", "quantity": "1"}, "TradeCorrected"),
    ("bust", "correct_trade", {"fill": "T-1-0"}, "TradeBusted"),
]


@pytest.mark.parametrize(("action", "permission", "values", "event"), ACTIONS, ids=[it[0] for it in ACTIONS])
def test_a_button_sends_its_command_with_who_and_why(
    action: str, permission: str, values: dict[str, str], event: str
) -> None:
    trade_id = deal(*FILLED)
    client = clerk("view_tradeblotter", permission)
    answer = press(client, trade_id, action, **values)
    assert answer.headers["Location"] == page(trade_id)
    last = StoredEvent.objects.latest("position")
    assert (last.event_type, last.actor) == (event, "clerk")
    metadata = json.loads(last.metadata)
    assert metadata["channel"] == "admin"
    assert "asked by the client" in (last.payload, metadata.get("reason", ""))[action == "settle"]


def test_a_hold_is_released() -> None:
    trade_id, client = deal(*FILLED), boss()
    press(client, trade_id, "hold")
    assert "put the settlement of this trade on hold" in messages_of(press(client, trade_id, "settle"))[-1]
    assert status(trade_id) is Status.FILLED
    press(client, trade_id, "release")
    press(client, trade_id, "settle")
    assert status(trade_id) is Status.SETTLED


def test_an_open_trade_is_rejected_or_cancelled_and_its_amount_is_free() -> None:
    account_id = account(None)
    first, second = trade(account_id), trade(account_id)
    press(boss(), first, "reject")
    press(boss(), second, "cancel")
    assert (status(first), status(second)) == (Status.REJECTED, Status.CANCELLED)
    held = TradingAccount().evolve_all(it.event for it in store.get_events(account_id)).frozen
    assert set(held) == {first}  # which settlement releases; a cancellation is free at once


def test_a_dialog_says_at_once_what_the_rules_would_refuse() -> None:
    trade_id = deal(*FILLED)
    text = boss().get(page(trade_id, "reject")).content.decode()
    assert "RejectTrade cannot be done to a trade that is FILLED" in text and "<form method" not in text
    assert "was already released" in boss().get(page(trade_id, "release")).content.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"price": "100.001"}, "multiple of the instrument&#x27;s tick"),
        ({"price": "x"}, "Enter a number"),
        ({"reason": ""}, "This field is required"),
        ({"fill": "nothing"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_in_the_dialog_and_changes_nothing(values: dict[str, str], words: str) -> None:
    trade_id = deal(*FILLED)
    given = {"fill": "T-1-0", "price": "99.99", "quantity": "1"} | values
    answer = press(boss(), trade_id, "correct", **given)
    assert answer.status_code == 200 and words in answer.content.decode()
    assert StoredEvent.objects.latest("position").event_type == "TradeExecuted"


def test_a_dialog_sent_twice_is_one_command() -> None:
    trade_id, client = deal(*FILLED), boss()
    form = fields(client.get(page(trade_id, "hold"))) | {"reason": "papers missing"}
    for _ in range(2):
        client.post(page(trade_id, "hold"), form)
    assert [it.meta.event_type for it in store.get_events(trade_id)].count("SettlementHeld") == 1
    answer = client.post(page(trade_id, "hold"), form | {"reason": "another"})
    assert "sent before with other values" in messages_of(answer)[-1]


@pytest.mark.parametrize("action", ["settle", "hold", "release", "correct", "bust", "reject", "cancel"])
def test_nobody_else_may(action: str) -> None:
    trade_id = deal(*FILLED)
    before = StoredReceipt.objects.count()
    form = {"reason": "x", "command_id": str(trade_id), "fill": "T-1-0", "price": "1", "quantity": "1"}
    assert Client().post(page(trade_id, action), form).status_code == 302
    assert clerk("view_tradeblotter").post(page(trade_id, action), form).status_code == 403
    assert StoredReceipt.objects.count() == before
    assert boss().post(page(DESK, action), form).status_code == 404


def test_the_page_of_a_position_shows_what_was_held_after_each_trade() -> None:
    deal("T-1", ("100.00", "2"))
    deal("T-2", ("101.00", "0.5"), side=Side.SELL)
    deal("T-3", ordered="7")
    catch_up()
    row = Position.objects.get(account_id=DESK, instrument=BTC)
    client = boss()
    found = client.get("/admin/projections/position/")
    [link] = {
        it
        for it in found.content.decode().split('"')
        if it.startswith("/admin/projections/position/") and "change" in it
    }
    context = client.get(link).context
    held = {trade.reference: Decimal(text) for trade, _, _, text in context["moves"]}
    assert held in ({"T-1": Decimal(2), "T-2": Decimal("1.5")}, {"T-1": Decimal("1.5"), "T-2": Decimal("-0.5")})
    assert json.loads(context["chart"])["datasets"][0]["data"][-1] == float(row.quantity)
