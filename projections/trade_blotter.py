"""The trade blotter: the current state of each trade."""

from __future__ import annotations

from decimal import Decimal

from eventshop.core.decimal_math import ZERO, add, divide, subtract
from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection
from projections.models import TradeBlotter
from trading.domain.events import (
    SettlementHeld,
    SettlementResumed,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeRejected,
    TradeSettled,
    TradeSubmitted,
    notional,
    volume,
)

trade_blotter = Projection(TradeBlotter, topic="trade-blotter-projection", version=1, shared_rows=False)

Status = TradeBlotter.Status


def _trade_key(event: TradeEvent) -> object:
    return event.trade_id


@trade_blotter.on(TradeSubmitted, key=_trade_key)
def submitted(row: TradeBlotter, event: TradeSubmitted, meta: Meta) -> None:
    row.reference, row.account_id = event.reference, event.account_id
    row.instrument, row.currency = event.instrument.code, event.instrument.currency
    row.side, row.type, row.status = str(event.side), str(event.type), str(Status.OPEN)
    row.quantity, row.limit_price = event.quantity, event.limit_price
    row.submitted_at = row.updated_at = meta.occurred_at


@trade_blotter.on(TradeExecuted, key=_trade_key)
def executed(row: TradeBlotter, event: TradeExecuted, meta: Meta) -> None:
    row.fills += len(event.fills)
    _apply_fills(row, volume(event.fills), notional(event.fills), meta)


@trade_blotter.on(TradeCorrected, key=_trade_key)
def corrected(row: TradeBlotter, event: TradeCorrected, meta: Meta) -> None:
    row.corrections, row.reason = row.corrections + 1, personal_text(event.reason)
    more = subtract(event.now.quantity, event.was.quantity)
    _apply_fills(row, more, subtract(event.now.notional, event.was.notional), meta)


@trade_blotter.on(TradeBusted, key=_trade_key)
def busted(row: TradeBlotter, event: TradeBusted, meta: Meta) -> None:
    row.corrections, row.reason, row.fills = row.corrections + 1, personal_text(event.reason), row.fills - 1
    _apply_fills(row, subtract(ZERO, event.was.quantity), subtract(ZERO, event.was.notional), meta)


@trade_blotter.on(TradeRejected, key=_trade_key)
def rejected(row: TradeBlotter, event: TradeRejected, meta: Meta) -> None:
    row.status, row.reason, row.updated_at = str(Status.REJECTED), personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeCancelled, key=_trade_key)
def cancelled(row: TradeBlotter, event: TradeCancelled, meta: Meta) -> None:
    row.status, row.reason, row.updated_at = str(Status.CANCELLED), personal_text(event.reason), meta.occurred_at


@trade_blotter.on(SettlementHeld, key=_trade_key)
def held(row: TradeBlotter, event: SettlementHeld, meta: Meta) -> None:
    row.on_hold, row.reason, row.updated_at = True, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(SettlementResumed, key=_trade_key)
def resumed(row: TradeBlotter, event: SettlementResumed, meta: Meta) -> None:
    row.on_hold, row.reason, row.updated_at = False, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeSettled, key=_trade_key)
def settled(row: TradeBlotter, event: TradeSettled, meta: Meta) -> None:
    row.status, row.settled_on, row.updated_at = str(Status.SETTLED), event.settled_on, meta.occurred_at


def _apply_fills(row: TradeBlotter, quantity: Decimal, worth: Decimal, meta: Meta) -> None:
    row.executed, row.notional = add(row.executed, quantity), add(row.notional, worth)
    row.average_price = divide(row.notional, row.executed, decimals=10) if row.executed else None
    row.updated_at = meta.occurred_at
    if row.status != Status.CANCELLED:
        left = row.executed < row.quantity
        row.status = str(Status.FILLED if not left else Status.PARTLY_FILLED if row.executed else Status.OPEN)
