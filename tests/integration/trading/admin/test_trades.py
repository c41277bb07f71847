"""Staff actions on trades in the admin: commands with a reason and permission checks."""

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
from tests.support.pages import find, texts
from tests.support.staff import actor_of, boss, clerk, message_tags, update_read_models
from tests.support.trade_commands import ACCOUNT_ID, BTC, submit_trade
from tests.support.trader import open_account, submit_limit_order
from trading.domain.account import TradingAccount
from trading.domain.events import Side
from trading.domain.trade import Status, Trade

pytestmark = pytest.mark.usefixtures("clean_database")


def page_url(trade_id: UUID, action: str = "change") -> str:
    return reverse(f"admin:projections_tradeblotter_{action}", args=(trade_id,))


def initial_values(answer: Any) -> dict[str, str]:
    """The initial form values of a dialog, as a browser would send them back."""
    return {field.name: str(field.value()) for field in answer.context["form"] if field.value() is not None}


def submit_dialog(client: Client, trade_id: UUID, action: str, **values: str) -> Any:
    form = initial_values(client.get(page_url(trade_id, action)))
    return client.post(page_url(trade_id, action), form | {"reason": "asked by the client"} | values)


def status_of(trade_id: UUID) -> Status:
    return Trade().evolve_all(event.event for event in store.get_events(trade_id)).status


FILLED = ("T-1", ("100.00", "2"))
ACTIONS: list[tuple[str, str, dict[str, str], str]] = [
    ("settle", "settle_trade", {}, "TradeSettled"),
    ("hold", "settle_trade", {}, "SettlementHeld"),
    ("correct", "correct_trade", {"fill": "T-1-0", "price": "99.99", "quantity": "1"}, "TradeCorrected"),
    ("bust", "correct_trade", {"fill": "T-1-0"}, "TradeBusted"),
]


@pytest.mark.parametrize(("action", "permission", "values", "event"), ACTIONS, ids=[action[0] for action in ACTIONS])
def test_a_button_sends_its_command_with_who_and_why(
    action: str, permission: str, values: dict[str, str], event: str
) -> None:
    trade_id = submit_trade(*FILLED)
    client = clerk("view_tradeblotter", permission)
    answer = submit_dialog(client, trade_id, action, **values)
    assert answer.headers["Location"] == page_url(trade_id)
    last = StoredEvent.objects.latest("position")
    assert (last.event_type, last.actor) == (event, actor_of("clerk"))
    metadata = json.loads(last.metadata)
    assert metadata["channel"] == "admin"
    reason = getattr(store.get_events(trade_id)[-1].event, "reason", "") or metadata["reason"]
    assert reason == "asked by the client"


def test_a_hold_is_released() -> None:
    trade_id, client = submit_trade(*FILLED), boss()
    submit_dialog(client, trade_id, "hold")
    assert message_tags(submit_dialog(client, trade_id, "settle"))[-1] == "settlement-on-hold error"
    assert status_of(trade_id) is Status.FILLED
    submit_dialog(client, trade_id, "release")
    submit_dialog(client, trade_id, "settle")
    assert status_of(trade_id) is Status.SETTLED


def test_an_open_trade_is_rejected_or_cancelled_and_its_amount_is_free() -> None:
    account_id = open_account(None)
    first, second = submit_limit_order(account_id), submit_limit_order(account_id)
    submit_dialog(boss(), first, "reject")
    submit_dialog(boss(), second, "cancel")
    assert (status_of(first), status_of(second)) == (Status.REJECTED, Status.CANCELLED)
    frozen = TradingAccount().evolve_all(event.event for event in store.get_events(account_id)).frozen
    assert set(frozen) == {first}  # the settlement saga releases it; a cancellation releases it at once


def test_a_dialog_says_at_once_what_the_rules_would_refuse() -> None:
    trade_id = submit_trade(*FILLED)
    rejection, release = (boss().get(page_url(trade_id, action)) for action in ("reject", "release"))
    [refusal] = texts(rejection, "refusal")
    assert "RejectTrade" in refusal and "FILLED" in refusal
    assert release.context["refusal"] == release.context["form"].unchanged_message("Trade T-1")
    assert not find(rejection, "command-form") and not find(release, "command-form")


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"price": "100.001"}, "__all__", "wrong-tick"),
        ({"price": "x"}, "price", "invalid"),
        ({"reason": ""}, "reason", "required"),
        ({"fill": "nothing"}, "fill", "invalid_choice"),
    ],
)
def test_what_is_wrong_is_said_in_the_dialog_and_changes_nothing(values: dict[str, str], field: str, code: str) -> None:
    trade_id = submit_trade(*FILLED)
    given = {"fill": "T-1-0", "price": "99.99", "quantity": "1"} | values
    answer = submit_dialog(boss(), trade_id, "correct", **given)
    form = answer.context["form"]
    assert answer.status_code == 200 and form.has_error(field, code)
    assert form.errors[field][0] in [item.text for item in find(answer) if item.tag == "li"]
    assert StoredEvent.objects.latest("position").event_type == "TradeExecuted"


def test_a_dialog_sent_twice_is_one_command() -> None:
    trade_id, client = submit_trade(*FILLED), boss()
    form = initial_values(client.get(page_url(trade_id, "hold"))) | {"reason": "papers missing"}
    for _ in range(2):
        client.post(page_url(trade_id, "hold"), form)
    assert [event.meta.event_type for event in store.get_events(trade_id)].count("SettlementHeld") == 1
    answer = client.post(page_url(trade_id, "hold"), form | {"reason": "another"})
    assert message_tags(answer)[-1] == "command-id-reused error"


@pytest.mark.parametrize("action", ["settle", "hold", "release", "correct", "bust", "reject", "cancel"])
def test_nobody_else_may(action: str) -> None:
    trade_id = submit_trade(*FILLED)
    before = StoredReceipt.objects.count()
    form = {"reason": "x", "command_id": str(trade_id), "fill": "T-1-0", "price": "1", "quantity": "1"}
    assert Client().post(page_url(trade_id, action), form).status_code == 302
    assert clerk("view_tradeblotter").post(page_url(trade_id, action), form).status_code == 403
    assert StoredReceipt.objects.count() == before
    assert boss().post(page_url(ACCOUNT_ID, action), form).status_code == 404


def test_the_page_of_a_position_shows_what_was_held_after_each_trade() -> None:
    submit_trade("T-1", ("100.00", "2"))
    submit_trade("T-2", ("101.00", "0.5"), side=Side.SELL)
    submit_trade("T-3", ordered="7")
    update_read_models()
    row = Position.objects.get(account_id=ACCOUNT_ID, instrument=BTC)
    client = boss()
    hrefs = {element.attributes.get("href", "") for element in find(client.get("/admin/projections/position/"))}
    [link] = {href for href in hrefs if href.startswith("/admin/projections/position/") and "change" in href}
    context = client.get(link).context
    positions = {trade.reference: Decimal(text) for trade, _, _, text in context["movements"]}
    assert positions in ({"T-1": Decimal(2), "T-2": Decimal("1.5")}, {"T-1": Decimal("1.5"), "T-2": Decimal("-0.5")})
    assert json.loads(context["chart"])["datasets"][0]["data"][-1] == float(row.quantity)
    seen = clerk("view_position").get(link)
    assert seen.context["movements"] == [] and "T-1" not in seen.content.decode()  # trades have a right of their own
