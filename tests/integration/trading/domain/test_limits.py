"""Limits hold under concurrent commands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from django.db import connection

from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from tests.unit.trading.domain.examples import ACCOUNT
from trading.domain.account import TradingAccount
from trading.domain.commands import FreezeAmount, OpenAccount, SetLimit
from trading.domain.events import AccountEvent, AmountFrozen, FreezeRefused

SAP = "XETRA/SAP"
THREADS = 8


def trade_id_for(number: int) -> UUID:
    return UUID(int=number + 1)


def freeze(number: int) -> None:
    command = FreezeAmount(ACCOUNT, trade_id_for(number), SAP, "EUR", Decimal(100))
    try:
        send(command, envelope=Envelope(command_id=trade_id_for(1000 + number)))
    finally:
        connection.close()


@pytest.mark.usefixtures("clean_database")
def test_eight_trades_at_once_share_what_one_limit_has_and_no_more() -> None:
    send(OpenAccount(ACCOUNT, "Desk 1", None, "EUR", Decimal(10_000)))
    send(SetLimit(ACCOUNT, SAP, Decimal(350)))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(freeze, range(THREADS)))
    events = cast(list[AccountEvent], [item.event for item in store.get_events(ACCOUNT)])
    frozen = [event.trade_id for event in events if isinstance(event, AmountFrozen)]
    refused = [event.trade_id for event in events if isinstance(event, FreezeRefused)]
    assert len(frozen) == 3
    assert {*frozen, *refused} == {trade_id_for(number) for number in range(THREADS)}
    assert TradingAccount().evolve_all(events).amount_in_use(SAP) == Decimal(300)
