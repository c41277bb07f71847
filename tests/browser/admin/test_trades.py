"""Staff at a real browser: a trade with its buttons, its dialogs, and how a position came about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from eventshop.eventstore.models import StoredEvent
from projections.models import Position, TradeBlotter, TradingAccount
from tests.support.browser import Visitor, serve
from tests.support.staff import PASSWORD, update_read_models
from tests.support.trade_commands import submit_trade
from tests.support.trader import open_account
from trading.domain.events import Side

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

#: Of the windows in which staff work.


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    """The program behind a real port, with some trades in it."""
    User.objects.create_superuser("ada", password=PASSWORD)
    open_account(None)
    submit_trade("T-1", ("61837.63", "0.02"))
    submit_trade("T-2", ("61840.00", "0.005"), side=Side.SELL)
    update_read_models()
    with serve() as address:
        yield address


@pytest.mark.phone_first
def test_trades_and_positions_are_clean_in_every_window(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    trade = TradeBlotter.objects.get(reference="T-1")
    names = ("correct", "bust")
    actions = {name: reverse(f"admin:projections_tradeblotter_{name}", args=(trade.pk,)) for name in names}
    position = reverse("admin:projections_position_change", args=(quote(Position.objects.get().pk),))
    pages = {
        "accounts": reverse("admin:projections_tradingaccount_changelist"),
        "account": reverse("admin:projections_tradingaccount_change", args=(TradingAccount.objects.get().pk,)),
        "trades": reverse("admin:projections_tradeblotter_changelist"),
        "trade": reverse("admin:projections_tradeblotter_change", args=(trade.pk,)),
        **actions,
        "position": position,
    }
    for name, path in pages.items():
        visitor.open(path, name)
    expect(visitor.page.get_by_role("img", name="Line chart of the quantity held")).to_be_visible()
    visitor.open(actions["bust"], "void")
    visitor.page.get_by_label("Reason").fill("erroneous print")
    visitor.page.get_by_role("button", name="Declare it void").click()
    visitor.expect_success("T-1")
    assert StoredEvent.objects.filter(event_type="TradeBusted", aggregate_id=trade.pk).count() == 1
