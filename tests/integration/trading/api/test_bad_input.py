"""What makes no sense in an order or a report is refused by name, and leaves no event and no receipt behind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import pytest
from msgspec.structs import replace

from eventshop.core.decimal_math import add, divide, multiply
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.projections.projection import projection_registry
from projections.models import MarketMinute, Position, TradeBlotter
from tests.integration.trading.api.test_trades import FILL, trading_staff
from tests.support.api_clients import ApiClient, problem_of
from tests.support.read_models import catch_up
from tests.support.trade_commands import submit_trade
from tests.support.trader import open_account
from trading.application.instruments import find_listing, save_listings
from trading.domain.events import TradeCorrected
from trading.domain.instruments import parse_tick_table

pytestmark = pytest.mark.usefixtures("clean_database")

_DIGITS: Final = "1" * 29
_FUTURE: Final = "2999-01-01T00:00:00Z"


def _fee(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


_DOLLAR: Final = _fee("1", "USD")
#: Changes of a good order for `XETRA/BAND` (tick 0.02, from 10 on 0.05, from 20 on 0.1; lot 1), and the answers.
ORDERS: Final[list[tuple[str, dict[str, str], tuple[int, str]]]] = [
    ("unknown instrument", {"instrument": "XETRA/ABC"}, (422, "unknown-instrument")),
    ("inactive instrument", {"instrument": "XETRA/OLD"}, (422, "inactive-instrument")),
    ("off the first tick", {"limit_price": "9.99"}, (422, "wrong-tick")),
    ("off the tick of its band", {"limit_price": "20.05"}, (422, "wrong-tick")),
    ("off the lot", {"quantity": "0.5"}, (422, "wrong-lot")),
    ("negative price", {"limit_price": "-20.10"}, (422, "negative-price")),
    ("no price", {"limit_price": "0"}, (422, "negative-price")),
    ("quantity of 29 digits", {"quantity": _DIGITS}, (422, "invalid-body")),
    ("price of 29 digits", {"limit_price": _DIGITS}, (422, "invalid-body")),
    ("price of 29 decimals", {"limit_price": f"0.{_DIGITS}"}, (422, "invalid-body")),
    ("amount of 30 digits", {"quantity": "9" * 15, "limit_price": f"{'9' * 15}.9"}, (422, "invalid-message")),
    ("amount of 20 digits", {"quantity": "9" * 10, "limit_price": f"{'9' * 10}.9"}, (422, "invalid-message")),
]
#: What is posted beneath a trade of `XETRA/BAND` that has the fill V-1 and the void fill V-0, and the answers.
REPORTS: Final[list[tuple[str, str, dict[str, Any], tuple[int, str]]]] = [
    ("the same number, another price", "fills", {"price": "20.20"}, (409, "fill-changed")),
    ("fill off the tick of its band", "fills", {"venue_trade_id": "V-2", "price": "20.05"}, (422, "wrong-tick")),
    ("fill off the lot", "fills", {"venue_trade_id": "V-2", "quantity": "0.5"}, (422, "wrong-lot")),
    ("fill at a negative price", "fills", {"venue_trade_id": "V-2", "price": "-20.10"}, (422, "negative-price")),
    ("fill of 29 digits", "fills", {"venue_trade_id": "V-2", "quantity": _DIGITS}, (422, "invalid-body")),
    ("correction off the tick", "corrections", {"price": "20.05"}, (422, "wrong-tick")),
    ("correction of 29 digits", "corrections", {"price": _DIGITS}, (422, "invalid-body")),
    ("correction of no fill", "corrections", {"venue_trade_id": "V-9"}, (409, "unknown-fill")),
    ("correction of a void fill", "corrections", {"venue_trade_id": "V-0"}, (409, "fill-busted")),
    ("fee of 29 digits", "fills", {"venue_trade_id": "V-2", "fee": _fee(_DIGITS)}, (422, "invalid-body")),
    ("fee of 29 decimals", "fills", {"venue_trade_id": "V-2", "fee": _fee(f"0.{_DIGITS}")}, (422, "invalid-body")),
    ("fee in another currency", "fills", {"venue_trade_id": "V-2", "fee": _DOLLAR}, (422, "wrong-fee-currency")),
    ("the same number, another fee", "fills", {"fee": _fee("1")}, (409, "fill-changed")),
    ("correction to such a fee", "corrections", {"fee": _DOLLAR}, (422, "wrong-fee-currency")),
    ("fill of the future", "fills", {"venue_trade_id": "V-2", "at": _FUTURE}, (422, "fill-in-future")),
    ("correction into the future", "corrections", {"at": _FUTURE}, (422, "fill-in-future")),
    ("bust of no fill", "busts", {"venue_trade_id": "V-9"}, (409, "unknown-fill")),
]


def body_of(action: str, changes: dict[str, Any]) -> dict[str, Any]:
    fill = FILL | {"price": "20.10"} | changes
    match action:
        case "fills":
            return {"fills": [fill]}
        case "corrections":
            return {"fill": fill, "reason": "typed wrongly"}
        case _:
            return {"venue_trade_id": fill["venue_trade_id"], "reason": "erroneous print"}


def list_instruments() -> None:
    sap = find_listing("XETRA/SAP")
    fine = replace(sap.instrument, code="XETRA/FINE", tick=Decimal("1E-8"), lot=Decimal("1E-8"))
    banded = replace(sap.instrument, code="XETRA/BAND", tick_table=parse_tick_table("10:0.05 20:0.1"))
    old = replace(sap, instrument=replace(sap.instrument, code="XETRA/OLD"), active_to=date(2020, 1, 2))
    save_listings(
        [replace(sap, instrument=banded), replace(sap, instrument=fine), old], actor="staff:test", reason="for the test"
    )


def rows() -> tuple[int, int]:
    return StoredEvent.objects.count(), StoredReceipt.objects.count()


def post(desk: ApiClient, path: str, body: dict[str, Any]) -> Any:
    return desk.post(path, body, if_match="*")


def test_an_order_that_makes_no_sense_is_refused_by_name_and_leaves_nothing() -> None:
    list_instruments()
    desk = trading_staff()
    order = {
        "account_id": str(open_account(None, currency="EUR", limit="9999999999")), "instrument": "XETRA/BAND",
        "side": "BUY", "type": "LIMIT", "quantity": "1", "limit_price": "20.10",
    }  # fmt: skip
    before = rows()
    answers = [(name, problem_of(desk.post("trades", order | changes))) for name, changes, _ in ORDERS]
    assert answers == [(name, expected) for name, _, expected in ORDERS]
    assert (
        "amount must be above 0 and below 10,000,000,000" in desk.post("trades", order | ORDERS[-1][1]).json()["detail"]
    )
    assert rows() == before
    assert desk.post("trades", order).status_code == 201  # the order itself is a good one


def test_a_report_that_makes_no_sense_is_refused_by_name_and_leaves_nothing() -> None:
    list_instruments()
    desk = trading_staff()
    path = f"trades/{submit_trade('T-1', ordered='10', code='XETRA/BAND')}"
    for number in ("V-0", "V-1"):
        assert post(desk, f"{path}/fills", body_of("fills", {"venue_trade_id": number})).status_code == 201
    assert post(desk, f"{path}/busts", body_of("busts", {"venue_trade_id": "V-0"})).status_code == 201
    before = rows()
    answers = [
        (name, problem_of(post(desk, f"{path}/{action}", body_of(action, changes))))
        for name, action, changes, _ in REPORTS
    ]
    assert answers == [(name, expected) for name, _, _, expected in REPORTS]
    for action in ("fills", "corrections", "busts"):  # of an order that nobody knows
        assert problem_of(post(desk, f"trades/{uuid4()}/{action}", body_of(action, {}))) == (404, "not-found")
    assert rows() == before


def test_a_report_twice_a_correction_of_a_correction_and_a_bust_after_the_settlement_are_booked_once() -> None:
    desk = trading_staff()
    trade_id = submit_trade("T-1", ordered="4", code="XETRA/SAP")
    reports: list[tuple[str, dict[str, Any], int]] = [
        ("fills", {}, 1),
        ("fills", {}, 0),
        ("corrections", {"price": "20.12"}, 1),
        ("corrections", {"price": "20.12"}, 0),
        ("corrections", {"price": "20.14"}, 1),
        ("fills", {}, 0),  # the report that was corrected comes again
    ]
    events = [
        post(desk, f"trades/{trade_id}/{action}", body_of(action, changes)).json()["events"]
        for action, changes, _ in reports
    ]
    assert events == [expected for _, _, expected in reports]
    first, second = [one.event for one in store.get_events(trade_id) if isinstance(one.event, TradeCorrected)]
    assert (first.corrects, second.corrects, second.was.price) == (2, 3, Decimal("20.12"))
    assert post(desk, f"trades/{trade_id}/settlement", {"settled_on": "2026-02-03"}).json()["events"] == 1
    busts = [post(desk, f"trades/{trade_id}/busts", body_of("busts", {})).json()["events"] for _ in range(2)]
    assert busts == [2, 0]  # void, and flagged for review: it had settled


def test_a_value_of_thirty_six_digits_is_exact_in_every_read_model() -> None:
    list_instruments()
    most = Decimal("9999999999.99999999")
    submit_trade("T-1", *[(str(most), str(most))] * 2, ordered=str(most), code="XETRA/FINE")
    catch_up(*projection_registry.select([]))
    value = multiply(most, most)
    assert len(value.as_tuple().digits) == 36
    [trade], [position], [minute] = TradeBlotter.objects.all(), Position.objects.all(), MarketMinute.objects.all()
    assert {trade.notional, position.bought_notional, position.open_cost, minute.notional} == {add(value, value)}
    assert (minute.vwap, minute.volume) == (divide(value, most, decimals=10), add(most, most))
