"""Statements of a trading account: the same as if an error had never been, and as it was known before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.urls import reverse
from msgspec.structs import replace

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from projections.models import Position
from projections.statement import DayTotal, Statement, account_statement
from tests.support.customers import sign_in_customer
from tests.support.staff import update_read_models
from tests.support.tagged_pdf import read_tags
from tests.support.trade_commands import submit_trade
from tests.support.trader import BTC, open_account
from trading.domain.commands import BustTrade, CorrectTrade, ExecuteTrade
from trading.domain.events import Fee, Fill, Side

pytestmark = pytest.mark.usefixtures("clean_database")
FEE = Fee(Decimal("0.25"), "USDT")
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def fill(number: str, day: date, price: str, quantity: str = "1") -> Fill:
    return Fill(number, Decimal(price), Decimal(quantity), datetime.combine(day, datetime.min.time(), UTC))


def report(trade_id: UUID, *fills: Fill) -> None:
    send(ExecuteTrade(trade_id, fills), envelope=Envelope(new_id(), actor="venue"))


def history(account: UUID, *, erred: bool) -> tuple[Statement, Statement, datetime]:
    """Two days of an account; with errors that are put right, the moment before that."""
    name = "erred" if erred else "never"
    bought = submit_trade(f"{name}-B", ordered="3", account=account)
    sold = submit_trade(f"{name}-S", ordered="3", account=account, side=Side.SELL)
    report(bought, replace(fill(f"{name}1", MONDAY, "100"), fee=FEE))
    report(sold, replace(fill(f"{name}2", TUESDAY, "150" if erred else "110"), fee=Fee(Decimal("0.5"), "USDT")))
    if erred:
        report(bought, replace(fill(f"{name}3", MONDAY, "90"), fee=Fee(Decimal(9), "USDT")))
    before = datetime.now(UTC)
    if erred:
        send(CorrectTrade(sold, fill(f"{name}2", TUESDAY, "110"), "typed wrongly"))
        send(BustTrade(bought, f"{name}3", "erroneous print"))
    update_read_models()
    now = datetime.now(UTC) + timedelta(seconds=1)
    return account_statement(account, MONDAY, now), account_statement(account, TUESDAY, now), before


def test_an_error_that_was_put_right_leaves_no_trace_and_what_was_known_before_stays() -> None:
    accounts = [open_account(None, name, limit="9999") for name in ("Erred", "Never")]
    erred, never = history(accounts[0], erred=True), history(accounts[1], erred=False)
    for with_errors, without in zip(erred[:2], never[:2], strict=True):
        assert with_errors.positions == without.positions
        assert [item.value for item in with_errors.trades] == [item.value for item in without.trades]
    [monday], [tuesday] = erred[0].positions, erred[1].positions
    assert (monday.quantity, monday.open_cost, monday.realised_today) == (Decimal(1), Decimal(100), Decimal(0))
    assert (tuesday.quantity, tuesday.realised_today, tuesday.realised) == (Decimal(0), Decimal(10), Decimal(10))
    assert (monday.fees_today, tuesday.fees_today, tuesday.fees) == (FEE.amount, Decimal("0.5"), Decimal("0.75"))
    assert erred[1].totals == {"USDT": DayTotal(Decimal(10), Decimal("0.5"))}
    row = Position.objects.get(account_id=accounts[0])
    assert (row.quantity, row.realised, row.fees) == (tuesday.quantity, tuesday.realised, tuesday.fees)
    assert row.net_realised == row.fifo_net_realised == tuesday.net == Decimal("9.25")
    [known] = account_statement(accounts[0], TUESDAY, erred[2]).positions
    assert (known.quantity, known.realised_today, known.fees) == (Decimal(1), Decimal(55), Decimal("9.75"))


def test_the_owner_reads_it_as_a_page_and_as_csv_and_nobody_else() -> None:
    (client, person), (other, _) = sign_in_customer(), sign_in_customer("bob@example.org")
    account = open_account(person, limit="9999")
    history(account, erred=False)
    path = reverse("projections:statement", args=[account])
    page = client.get(path, {"day": "2026-03-03"})
    assert (page.status_code, BTC in page.content.decode()) == (200, True)
    lines = client.get(path, {"day": "2026-03-03", "format": "csv"}).content.decode().splitlines()
    assert lines[1] == f"trade,2026-03-03T00:00:00+00:00,{BTC},SELL,1,110,110,USDT,,never2,0.5,"
    assert lines[2] == f"position,2026-03-03,{BTC},,0,,0,USDT,10,,0.5,9.5"
    assert lines[3] == "total,2026-03-03,,,,,,USDT,10,,0.5,9.5"
    tags = read_tags(client.get(path, {"day": "2026-03-03", "format": "pdf"}).content)
    trades, positions, totals = tags.find("/Table")
    assert trades.below[1].texts[1:] == [
        BTC,
        "sell",
        "1",
        "110.00 USDT",
        "110.00 USDT",
        "0.50 USDT",
    ]
    assert positions.below[1].texts[-2:] == ["10.00 USDT", "9.25 USDT"]
    assert totals.below[1].texts[1:] == ["10.00 USDT", "0.50 USDT", "9.50 USDT"]
    for wrong in (
        {"day": "x"},
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"day": "2026-03-03", "known_at": "yesterday"},
    ):
        assert client.get(path, wrong).status_code == 422
    assert other.get(path).status_code == 404
