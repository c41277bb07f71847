"""Staff see trades, positions and markets, to the last digit on both databases."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.urls import reverse

from eventshop.eventstore.command_dispatcher import send
from eventshop.projections.projection import projection_registry
from projections.models import MarketMinute, Position, TradeBlotter
from tests.support.pages import find, texts
from tests.support.read_models import catch_up
from tests.support.staff import boss, clerk
from tests.support.trade_commands import ACCOUNT_ID, BTC, submit_trade
from tests.support.trader import open_account
from trading.domain.commands import HoldSettlement
from trading.domain.events import Side

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

LISTS = [reverse(f"admin:projections_{name}_changelist") for name in ("tradeblotter", "position", "marketminute")]


def execute_trades() -> None:
    submit_trade("T-1", ("61837.63", "0.02000"), ("61837.64", "1000000.00001"))
    submit_trade("T-2", ("61840.00", "0.00003"), side=Side.SELL)
    submit_trade("T-3", ordered="7")
    catch_up(*projection_registry.select([]))


def test_no_digit_is_lost_on_the_way_to_the_rows() -> None:
    execute_trades()
    trade = TradeBlotter.objects.get(reference="T-1")
    worth = Decimal("61837.63") * Decimal("0.02000") + Decimal("61837.64") * Decimal("1000000.00001")
    assert (trade.executed, trade.notional) == (Decimal("1000000.02001"), worth)
    assert trade.average_price == Decimal("61837.6399999998")
    minute = MarketMinute.objects.get(instrument=BTC)
    assert minute.notional == worth + Decimal("61840") * Decimal("0.00003")
    held = Position.objects.get(account_id=ACCOUNT_ID)
    assert held.quantity == Decimal("1000000.01998")


def test_trades_are_listed_and_found() -> None:
    execute_trades()
    page = boss().get(LISTS[0])
    assert [row.reference for row in page.context["cl"].result_list].count("T-1") == 1
    assert "1,000,000.02001" in page.content.decode()
    found = boss().get(LISTS[0], {"q": "T-2"}).context["cl"].result_list
    assert [row.reference for row in found] == ["T-2"]
    by_account = boss().get(LISTS[0], {"q": str(ACCOUNT_ID)}).context["cl"].result_list
    assert len(by_account) == 3


def test_positions_and_minutes_are_shown_with_charts() -> None:
    execute_trades()
    assert "1,000,000.01998" in boss().get(LISTS[1]).content.decode()
    page = boss().get(LISTS[2])
    (market,) = page.context["markets"]
    assert market["instrument"] == BTC
    assert json.loads(market["price"])["labels"] == ["12:00 GMT"]
    assert len(find(page, **{"class": "es-chart", "role": "img"})) == 2


@pytest.mark.parametrize("address", LISTS)
def test_each_list_is_for_those_who_may_view_it(address: str) -> None:
    execute_trades()
    assert clerk().get(address).status_code == 403
    model = address.rstrip("/").rpartition("/")[2]
    assert clerk(f"view_{model}").get(address).status_code == 200


def test_a_trades_page_tells_what_happened_and_how_far_behind_it_is() -> None:
    execute_trades()
    row = TradeBlotter.objects.get(reference="T-1")
    send(HoldSettlement(row.trade_id, "papers missing"))
    page = boss().get(reverse("admin:projections_tradeblotter_change", args=(row.pk,)))
    assert (page.context["events_behind"], page.context["live_s"]) == (1, 2)  # it follows by itself
    assert [entry.version for entry in page.context["timeline"]] == [1, 2, 3]
    assert find(page, "events-behind-1")
    assert "1,000,000.02001" in page.content.decode() and "venue" in texts(page, "TradeExecuted")[0]


def test_the_page_of_an_account_has_what_belongs_to_it_and_only_what_one_may_see() -> None:
    account = open_account(None)
    submit_trade("T-1", ("61837.63", "0.02"), account=account)
    catch_up(*projection_registry.select([]))
    address = reverse("admin:projections_tradingaccount_change", args=(account,))
    page = boss().get(address)
    assert "T-1" in texts(page, "table-newest-trades")[0] and BTC in texts(page, "table-positions")[0]
    assert (texts(page, "owner"), page.context["events_behind"]) == (["the house"], 0)
    assert page.context["timeline"][0].event_type == "AccountOpened"
    assert find(page, "stream-links")
    trade = boss().get(reverse("admin:projections_tradeblotter_change", args=(TradeBlotter.objects.get().pk,)))
    assert address in trade.content.decode() and find(trade, "stream-links")
    narrow = clerk("view_tradingaccount").get(address)
    assert (
        not find(narrow, "table-newest-trades")
        and not find(narrow, "table-positions")
        and not find(narrow, "stream-links")
    )
