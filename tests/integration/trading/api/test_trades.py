"""The REST API of trades, trading accounts, positions and market minutes. Amounts are strings with all digits."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.event_store import store
from eventshop.projections.projection import projection_registry
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.read_models import catch_up
from tests.support.trade_commands import ACCOUNT_ID, BTC, submit_trade
from tests.support.trader import fill_trade, open_account, submit_limit_order

pytestmark = pytest.mark.usefixtures("clean_database")

VIEWS = ("view_tradeblotter", "view_tradingaccount", "view_position", "view_marketminute")


def test_trades_positions_and_minutes_are_read_by_those_who_may() -> None:
    trade_id = submit_trade("T-1", ("61837.63", "0.02001"))
    submit_trade("T-2", ordered="7")
    catch_up(*projection_registry.select([]))
    program = ApiClient(staff("boss", *VIEWS))
    filled = program.get("trades?status=FILLED").json()["results"]
    assert [row["reference"] for row in filled] == ["T-1"]
    assert Decimal(filled[0]["notional"]["amount"]) == Decimal("61837.63") * Decimal("0.02001")
    assert isinstance(filled[0]["notional"]["amount"], str)
    one = program.get(f"trades/{trade_id}")
    assert (one.json()["executed"], one["ETag"]) == (filled[0]["executed"], '"2"')
    (position,) = program.get(f"positions?account_id={ACCOUNT_ID}").json()["results"]
    assert Decimal(position["quantity"]) == Decimal("0.02001")
    (minute,) = program.get(f"market/minutes?instrument={BTC}").json()["results"]
    assert (minute["trades"], Decimal(minute["vwap"]["amount"])) == (1, Decimal("61837.63"))


def test_an_owner_reads_positions_and_trades_as_they_were() -> None:
    owner, other = shopper(), shopper("bob@example.org")
    account = open_account(owner.person)
    trade = submit_limit_order(account, "2")
    fill_trade(trade, "1")
    moment = store.get_events(trade)[-1].meta.recorded_at.isoformat().replace("+00:00", "Z")
    fill_trade(trade, "1", number="v2")
    catch_up(*projection_registry.select([]))

    def quantities(client: ApiClient, query: str) -> list[Decimal]:
        return [Decimal(row["quantity"]) for row in client.get(f"positions?{query}").json()["results"]]

    assert quantities(owner, "") == [Decimal(2)]
    assert quantities(owner, f"as_of={moment}") == quantities(owner, f"as_of={moment}&instrument={BTC}") == [Decimal(1)]
    assert quantities(owner, "as_of=2020-01-01T00:00:00Z") == quantities(other, f"as_of={moment}") == []
    [then] = owner.get(f"trades?as_of={moment}").json()["results"]
    assert Decimal(then["executed"]) == 1
    [account_then] = owner.get(f"accounts?as_of={moment}").json()["results"]
    assert account_then["reference"] == "Dollars"


@pytest.mark.parametrize("path", ["trades", "positions", "market/minutes"])
def test_nobody_else_reads_them(path: str) -> None:
    assert ApiClient(staff("clerk", "view_ordersummary")).get(path).status_code == 403
    assert ApiClient(staff("reader", *VIEWS), scopes=["orders:read"]).get(path).status_code == 403
    assert ApiClient(staff("other", *VIEWS), scopes=["trades:read"]).get(path).status_code == 200


FILL = {"venue_trade_id": "V-1", "price": "200.00", "quantity": "4", "at": "2026-01-30T12:00:00Z"}
STAFF_PERMISSIONS = (
    "fill_trade",
    "correct_trade",
    "settle_trade",
    "reject_trade",
    "cancel_trade",
    "amend_trade",
    "open_account",
    "set_limit",
)


def trading_staff() -> ApiClient:
    """A client of a staff account with all trading permissions."""
    return ApiClient(staff("desk", *VIEWS, *STAFF_PERMISSIONS, "submit_trade", "view_storedevent"))


def test_a_trade_is_filled_corrected_held_and_settled_each_on_the_version_that_was_seen() -> None:
    program = trading_staff()
    trade_id = submit_trade("T-1", ordered="10", code="XETRA/SAP")
    path = f"trades/{trade_id}"
    filled = program.post(f"{path}/fills", {"fills": [FILL]}, if_match='"1"')
    assert (filled.status_code, filled["ETag"]) == (201, '"2"'), filled.content
    assert filled["Location"].endswith(f"/api/v1/{path}")
    late = program.post(f"{path}/fills", {"fills": [{**FILL, "venue_trade_id": "V-2"}]}, if_match='"1"')
    assert problem_of(late) == (412, "wrong-expected-version")
    again = program.post(f"{path}/fills", {"fills": [FILL]}, if_match="*")
    assert (again.status_code, again.json()["events"]) == (201, 0)  # the same fill was reported before
    too_much = {**FILL, "venue_trade_id": "V-3", "quantity": "7"}
    beyond = program.post(
        f"trades/{submit_trade('T-2', ordered='6', code='XETRA/SAP')}/fills", {"fills": [too_much]}, if_match="*"
    )
    assert (beyond.status_code, beyond.json()["events"]) == (201, 2)  # booked, and flagged for review
    right = {"fill": {**FILL, "price": "199.98"}, "reason": "typed wrongly"}
    assert program.post(f"{path}/corrections", right, if_match='"2"').status_code == 201
    assert program.post(f"{path}/hold", {"reason": "late papers"}, if_match='"3"').status_code == 200
    day = {"settled_on": "2026-02-03"}
    assert program.post(f"{path}/cancellation", {"reason": "enough"}, if_match='"4"').status_code == 200
    assert problem_of(program.post(f"{path}/settlement", day, if_match='"5"')) == (409, "settlement-on-hold")
    assert program.post(f"{path}/resumption", {"reason": "here they are"}, if_match='"5"').status_code == 200
    assert program.post(f"{path}/settlement", day, if_match='"6"').status_code == 200
    void = {"venue_trade_id": "V-1", "reason": "too late"}
    assert program.post(f"{path}/busts", void, if_match="*").json()["events"] == 2  # booked, and flagged for review
    assert program.post(f"{path}/review", {"reason": "the venue said so"}, if_match="*").json()["events"] == 1
    event_types = [event["type"] for event in program.get(f"{path}/events").json()["results"]]
    assert event_types == [
        "TradeSubmitted", "TradeExecuted", "TradeCorrected", "SettlementHeld", "TradeCancelled", "SettlementResumed",
        "TradeSettled", "TradeBusted", "FillsFlagged", "TradeReviewed",
    ]  # fmt: skip


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def test_an_account_is_opened_once_and_shows_its_limits_to_its_owner() -> None:
    owner, program, other = shopper(), trading_staff(), shopper("bob@example.org")
    body = {"reference": "Ada", "currency": "EUR", "gross_limit": "10000.50", "owner_id": str(owner.person)}
    opened = program.post("accounts", body, idempotency_key="open-1")
    assert (opened.status_code, opened["ETag"]) == (201, '"1"'), opened.content
    again = program.post("accounts", body, idempotency_key="open-1")
    assert (again.json(), again["Idempotency-Replayed"]) == (opened.json(), "true")
    path = f"accounts/{opened.json()['aggregate_id']}"
    before = timezone.now().isoformat().replace("+00:00", "Z")
    limit = {"instrument": "XETRA/SAP", "limit": "2500"}
    assert problem_of(program.post(f"{path}/limits", limit)) == (428, "precondition-missing")
    assert program.post(f"{path}/limits", limit, if_match='"1"').status_code == 200
    assert problem_of(owner.post(f"{path}/limits", limit, if_match='"2"')) == (403, "not-allowed")
    shown = owner.get(path)
    assert shown["ETag"] == '"2"'
    assert shown.json() == {
        "account_id": opened.json()["aggregate_id"], "reference": "Ada", "owner_id": str(owner.person),
        "currency": "EUR", "gross_limit": eur("10000.50"), "available": eur("10000.50"), "cost_method": "AVERAGE",
        "limits": {"XETRA/SAP": eur("2500.00")}, "frozen": [], "version": 2,
    }  # fmt: skip
    assert owner.get(f"{path}?as_of={before}").json()["limits"] == {}
    assert problem_of(owner.get(f"{path}?as_of=2020-01-01T00:00:00Z")) == (404, "not-found")
    assert problem_of(owner.get(f"{path}?as_of=yesterday"))[0] == 400
    assert problem_of(other.get(path)) == (404, "not-found")
    assert problem_of(program.post(f"accounts/{new_id()}/limits", limit, if_match="*")) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"fills": []}, 422, "invalid-body", "/fills"),
        ({"fills": [{**FILL, "price": 200.5}]}, 422, "invalid-body", "/fills/0/price"),
        ({"fills": [{**FILL, "quantity": "-4"}]}, 422, "invalid-body", "/fills/0"),
        ({"fills": [{**FILL, "price": "200.001"}]}, 422, "wrong-tick", None),
        ({"fills": [FILL, FILL]}, 422, "invalid-message", None),
    ],
)
def test_a_fill_that_makes_no_sense_changes_nothing(body: object, status: int, code: str, pointer: str | None) -> None:
    trade_id = submit_trade("T-1", ordered="10", code="XETRA/SAP")
    answer = trading_staff().post(f"trades/{trade_id}/fills", body, if_match="*")
    assert problem_of(answer) == (status, code)
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert len(list(store.get_events(trade_id))) == 1


def test_a_client_trades_up_to_their_limit_and_takes_it_back() -> None:
    client, other, program = shopper(), shopper("bob@example.org"), trading_staff()
    account = {"reference": "Ada", "currency": "EUR", "gross_limit": "2500", "owner_id": str(client.person)}
    account_id = program.post("accounts", account).json()["aggregate_id"]
    order = {
        "account_id": account_id, "instrument": "XETRA/SAP", "side": "BUY", "type": "LIMIT",
        "quantity": "10", "limit_price": "200.00",
    }  # fmt: skip
    placed, again = (client.post("trades", order, idempotency_key="t-1") for _ in range(2))
    assert (placed.status_code, again.status_code) == (201, 201), placed.content
    assert again.json() == placed.json() and again["Idempotency-Replayed"] == "true"
    trade_id = placed.json()["aggregate_id"]
    assert placed["Location"].endswith(f"/api/v1/trades/{trade_id}")
    [frozen] = client.get(f"accounts/{account_id}").json()["frozen"]
    assert (frozen["trade_id"], Decimal(frozen["amount"]["amount"])) == (trade_id, Decimal(2000))
    assert problem_of(client.post("trades", order)) == (409, "limit-exceeded")
    assert problem_of(other.post("trades", order)) == (404, "not-found")
    assert problem_of(ApiClient(staff("viewer", *VIEWS)).post("trades", order)) == (403, "not-allowed")
    wrong = client.post("trades", {**order, "quantity": "0.5"})
    assert problem_of(wrong) == (422, "wrong-lot")
    assert problem_of(other.post(f"trades/{trade_id}/cancellation", {"reason": "no"}, if_match="*")) == (
        404,
        "not-found",
    )
    cancelled = client.post(f"trades/{trade_id}/cancellation", {"reason": "changed my mind"}, if_match='"1"')
    assert (cancelled.status_code, cancelled["ETag"]) == (200, '"2"'), cancelled.content
    assert client.get(f"accounts/{account_id}").json()["frozen"] == []
    [submitted, _] = client.get(f"trades/{trade_id}/events").json()["results"]
    assert submitted["data"]["limit_price"] == "200.00"
    assert client.get(f"commands/{placed.json()['command_id']}").json()["ended_by"] == "TradeCancelled"
    catch_up(*projection_registry.select([]))
    assert [row["trade_id"] for row in client.get("trades").json()["results"]] == [trade_id]
    assert client.get(f"trades/{trade_id}").json()["status"] == "CANCELLED"
    assert [row["account_id"] for row in client.get("accounts").json()["results"]] == [account_id]
    assert other.get("trades").json()["results"] == other.get("accounts").json()["results"] == []
    assert problem_of(other.get(f"trades/{trade_id}")) == (404, "not-found")


def test_the_account_says_by_which_method_it_earns() -> None:
    program = trading_staff()
    account = program.post("accounts", {"reference": "Desk 1", "currency": "USDT", "gross_limit": "10000"})
    path = account["Location"].partition("/api/v1/")[2]
    fifo = program.post(f"{path}/cost-method", {"cost_method": "FIFO"}, if_match="*")
    assert (fifo.status_code, fifo.json()["events"]) == (200, 1), fifo.content
    assert program.get(path).json()["cost_method"] == "FIFO"
    refused = program.post(f"{path}/cost-method", {"cost_method": "LIFO"}, if_match="*")
    assert refused.status_code == 422
    assert [event.meta.event_type for event in store.get_events(UUID(path.partition("/")[2]))][1:] == ["CostMethodSet"]


def test_a_trade_is_amended_by_its_owner_and_what_was_open_before_is_taken_in_by_staff() -> None:
    owner, program, other = shopper(), trading_staff(), shopper("bob@example.org")
    body = {"reference": "Ada", "currency": "EUR", "gross_limit": "10000", "owner_id": str(owner.person)}
    account = program.post("accounts", body).json()["aggregate_id"]
    order = {
        "account_id": account, "instrument": "XETRA/SAP", "side": "BUY", "type": "LIMIT", "quantity": "6",
        "limit_price": "200.00", "time_in_force": "DAY",
    }  # fmt: skip
    path = f"trades/{owner.post('trades', order).json()['aggregate_id']}/amendment"
    change = {"quantity": "8", "limit_price": "199.98", "reason": "the market moved"}
    assert owner.post(path, change, if_match='"1"').status_code == 200
    assert problem_of(owner.post(path, change | {"limit_price": "0.01"}, if_match="*")) == (422, "wrong-tick")
    assert problem_of(owner.post(path, {"reason": "none"}, if_match="*"))[0] == 422
    assert problem_of(other.post(path, change, if_match="*")) == (404, "not-found")
    before = order | {"time_in_force": "GTC", "taken_in": {"ordered": "10", "placed_at": "2026-01-30T12:00:00Z"}}
    assert problem_of(owner.post("trades", before))[0] == 403
    assert program.post("trades", before).status_code == 201
    too_much = before | {"taken_in": {"ordered": "5", "placed_at": "2026-01-30T12:00:00Z"}}
    assert problem_of(program.post("trades", too_much))[0] == 422
