"""Terms of fees: data with a time, copied into a trade when it is submitted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from projections.models import Position, TradeBlotter
from tests.support.staff import update_read_models
from tests.support.trader import BTC, open_account
from trading.application.fee_schedules import find_fee_terms
from trading.application.submit_trade import NewTrade, load_terms, submit_trade
from trading.domain.commands import ExecuteTrade
from trading.domain.events import FeeTerms, Fill, OrderType, Side
from trading.models import FeeSchedule

pytestmark = pytest.mark.usefixtures("clean_database")
NOW = datetime.now(UTC)


def add(rate: str, *, account: UUID | None = None, instrument: str = "", age: timedelta = timedelta(1)) -> None:
    FeeSchedule.objects.create(
        account_id=account, instrument=instrument, rate=Decimal(rate), valid_from=NOW - age, recorded_by="staff:ada"
    )


def rate_of(account: UUID, instrument: str = BTC) -> Decimal | None:
    terms = find_fee_terms(account, instrument, NOW)
    return terms.rate if terms else None


def test_the_newest_terms_of_the_account_before_those_of_the_instrument_before_those_of_all() -> None:
    ada, bob = new_id(), new_id()
    assert rate_of(ada) is None
    add("0.001", age=timedelta(3))
    add("0.002")
    add("0.009", age=-timedelta(1))  # from tomorrow on
    add("0.003", instrument=BTC)
    add("0.004", account=ada)
    assert [rate_of(bob, "XETRA/SAP"), rate_of(bob), rate_of(ada)] == [
        Decimal(text) for text in ("0.002", "0.003", "0.004")
    ]
    add("0.005", account=ada, instrument=BTC)
    assert (rate_of(ada), rate_of(ada, "XETRA/SAP")) == (Decimal("0.005"), Decimal("0.004"))


def test_a_trade_keeps_the_terms_of_its_submission() -> None:
    account = open_account(None, limit="9999")
    add("0.001")
    order = NewTrade(account, BTC, Side.BUY, OrderType.LIMIT, Decimal(2), Decimal(100))
    trade = submit_trade(order, actor="staff:ada", command_id=new_id()).aggregate_id
    add("0.5")
    assert load_terms(trade).fee_terms == FeeTerms(Decimal("0.001"))
    send(ExecuteTrade(trade, (Fill("v1", Decimal(100), Decimal(2), NOW),)))
    update_read_models()
    row, held = TradeBlotter.objects.get(), Position.objects.get()
    assert (row.fees, row.fee_currency) == (Decimal("0.2"), "USDT")
    assert (held.fees, held.realised, held.net_realised) == (Decimal("0.2"), Decimal(0), Decimal("-0.2"))


def test_terms_are_added_by_staff_and_never_changed() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = reverse("admin:trading_feeschedule_add")
    values = {"account_id": "", "instrument": "XETRA/SAP", "rate": "0.001", "per_piece": "0", "minimum": "1.5"}
    values |= {"valid_from_0": "2026-11-30", "valid_from_1": "12:00:00"}
    bad = ({"rate": "1.5"}, {"rate": "1e-3"}, {"minimum": "-1"}, {"instrument": "XETRA/NONE"}, {"account_id": "x"})
    nobody = {"account_id": str(new_id())}
    for wrong in (*bad, nobody):
        assert client.post(page, values | wrong).status_code == 200, wrong
    assert not FeeSchedule.objects.exists()
    assert client.post(page, values).status_code == 302
    [row] = FeeSchedule.objects.all()
    assert (row.to_terms(), row.recorded_by[:6]) == (FeeTerms(Decimal("0.001"), Decimal(0), Decimal("1.5")), "staff:")
    change = reverse("admin:trading_feeschedule_change", args=[row.pk])
    assert client.post(change, values | {"rate": "0.002"}).status_code == 403
    assert client.get(change).status_code == 200
