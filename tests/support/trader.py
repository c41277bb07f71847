"""Trading accounts, limit orders and fills of a customer, for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.test import Client

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from trading.application.submit_trade import NewTrade, submit_trade
from trading.domain.commands import ExecuteTrade, OpenAccount
from trading.domain.events import Fill, OrderType, Side

BTC = "BINANCE_SPOT/BTCUSDT"


def open_account(
    owner: UUID | None, reference: str = "Dollars", *, limit: str = "1000", currency: str = "USDT"
) -> UUID:
    account_id = derive_id("test-account", str(owner), reference)
    send(OpenAccount(account_id, reference, owner, currency, Decimal(limit)))
    return account_id


def submit_limit_order(account_id: UUID, quantity: str = "2", price: str = "100.00", **terms: Any) -> UUID:
    new_trade = NewTrade(
        account_id, BTC, terms.get("side", Side.BUY), OrderType.LIMIT, Decimal(quantity), Decimal(price)
    )
    return submit_trade(new_trade, actor="ada", command_id=new_id()).aggregate_id


def fill_trade(trade_id: UUID, quantity: str, price: str = "100.00", number: str = "v1") -> None:
    at = store.get_events(trade_id)[0].meta.recorded_at
    execution = ExecuteTrade(trade_id, (Fill(number, Decimal(price), Decimal(quantity), at),))
    send(execution, envelope=Envelope(new_id(), actor="venue"))


def form_id_of(client: Client, path: str) -> str:
    """The `form_id` of the form on a page."""
    return str(client.get(path).context["form"]["form_id"].value())
