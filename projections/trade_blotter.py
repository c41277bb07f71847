"""The trade blotter: the current state of each trade."""

from __future__ import annotations

from decimal import Decimal

from eventshop.core.decimal_math import ZERO, add, divide, subtract
from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection
from projections.models import TradeBlotter
from trading.domain import fills as domain
from trading.domain.contract_value import money_currency
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    CancelRejected,
    CancelRequested,
    FillsFlagged,
    SettlementHeld,
    SettlementResumed,
    TradeAmended,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeExpired,
    TradeRejected,
    TradeReviewed,
    TradeSettled,
    TradeSubmitted,
    notional,
    volume,
)
from trading.domain.fees import fee_amount, fees_of

trade_blotter = Projection(TradeBlotter, topic="trade-blotter-projection", version=3, shared_rows=False)

Status = TradeBlotter.Status


def _trade_key(event: TradeEvent) -> object:
    return event.trade_id


@trade_blotter.on(TradeSubmitted, key=_trade_key)
def submitted(row: TradeBlotter, event: TradeSubmitted, meta: Meta) -> None:
    row.reference, row.account_id = event.reference, event.account_id
    row.instrument, row.currency = event.instrument.code, event.instrument.currency
    row.fee_currency = money_currency(event.instrument)
    row.side, row.type, row.status = str(event.side), str(event.type), str(Status.OPEN)
    row.quantity, row.limit_price = event.quantity, event.limit_price
    row.submitted_at = row.updated_at = meta.occurred_at


@trade_blotter.on(TradeExecuted, key=_trade_key)
def executed(row: TradeBlotter, event: TradeExecuted, meta: Meta) -> None:
    row.fills, row.fees = row.fills + len(event.fills), add(row.fees, fees_of(event.fills))
    _apply_fills(row, volume(event.fills), notional(event.fills), meta)


@trade_blotter.on(TradeCorrected, key=_trade_key)
def corrected(row: TradeBlotter, event: TradeCorrected, meta: Meta) -> None:
    row.corrections, row.reason = row.corrections + 1, personal_text(event.reason)
    row.fees = add(subtract(row.fees, fee_amount(event.was)), fee_amount(event.now))
    more = subtract(event.now.quantity, event.was.quantity)
    _apply_fills(row, more, subtract(event.now.notional, event.was.notional), meta)


@trade_blotter.on(TradeBusted, key=_trade_key)
def busted(row: TradeBlotter, event: TradeBusted, meta: Meta) -> None:
    row.corrections, row.reason, row.fills = row.corrections + 1, personal_text(event.reason), row.fills - 1
    row.fees = subtract(row.fees, fee_amount(event.was))
    _apply_fills(row, subtract(ZERO, event.was.quantity), subtract(ZERO, event.was.notional), meta)


@trade_blotter.on(FillsFlagged, key=_trade_key)
def flagged(row: TradeBlotter, event: FillsFlagged, meta: Meta) -> None:
    row.needs_review, row.updated_at = True, meta.occurred_at


@trade_blotter.on(TradeReviewed, key=_trade_key)
def reviewed(row: TradeBlotter, event: TradeReviewed, meta: Meta) -> None:
    row.needs_review, row.reason, row.updated_at = False, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeRejected, key=_trade_key)
def rejected(row: TradeBlotter, event: TradeRejected, meta: Meta) -> None:
    _close(row, Status.REJECTED)
    row.status, row.reason, row.updated_at = str(Status.REJECTED), personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeCancelled, key=_trade_key)
def cancelled(row: TradeBlotter, event: TradeCancelled, meta: Meta) -> None:
    _close(row, Status.CANCELLED)
    row.status, row.reason, row.updated_at = str(Status.CANCELLED), personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeAmended, key=_trade_key)
def amended(row: TradeBlotter, event: TradeAmended, meta: Meta) -> None:
    row.quantity, row.limit_price = event.quantity, event.limit_price
    row.reason, row.updated_at, row.amend_requested = personal_text(event.reason), meta.occurred_at, False
    row.status = str(domain.status_for(row.executed, row.quantity, None))


@trade_blotter.on(CancelRequested, key=_trade_key)
def cancel_requested(row: TradeBlotter, event: CancelRequested, meta: Meta) -> None:
    row.cancel_requested, row.reason, row.updated_at = True, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(CancelRejected, key=_trade_key)
def cancel_rejected(row: TradeBlotter, event: CancelRejected, meta: Meta) -> None:
    row.cancel_requested, row.reason, row.updated_at = False, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(AmendRequested, key=_trade_key)
def amend_requested(row: TradeBlotter, event: AmendRequested, meta: Meta) -> None:
    row.amend_requested, row.reason, row.updated_at = True, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(AmendRejected, key=_trade_key)
def amend_rejected(row: TradeBlotter, event: AmendRejected, meta: Meta) -> None:
    row.amend_requested, row.reason, row.updated_at = False, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeExpired, key=_trade_key)
def expired(row: TradeBlotter, event: TradeExpired, meta: Meta) -> None:
    _close(row, Status.EXPIRED)
    row.status = str(Status.EXPIRED)
    row.updated_at = meta.occurred_at


@trade_blotter.on(SettlementHeld, key=_trade_key)
def held(row: TradeBlotter, event: SettlementHeld, meta: Meta) -> None:
    row.on_hold, row.reason, row.updated_at = True, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(SettlementResumed, key=_trade_key)
def resumed(row: TradeBlotter, event: SettlementResumed, meta: Meta) -> None:
    row.on_hold, row.reason, row.updated_at = False, personal_text(event.reason), meta.occurred_at


@trade_blotter.on(TradeSettled, key=_trade_key)
def settled(row: TradeBlotter, event: TradeSettled, meta: Meta) -> None:
    row.status, row.settled_on, row.updated_at = str(Status.SETTLED), event.settled_on, meta.occurred_at
    row.closed_as = row.closed_as or str(Status.CANCELLED)


def _close(row: TradeBlotter, status: TradeBlotter.Status) -> None:
    row.closed_as, row.cancel_requested, row.amend_requested = str(status), False, False


def _apply_fills(row: TradeBlotter, quantity: Decimal, worth: Decimal, meta: Meta) -> None:
    row.executed, row.notional = add(row.executed, quantity), add(row.notional, worth)
    row.average_price = divide(row.notional, row.executed, decimals=10) if row.executed else None
    row.updated_at = meta.occurred_at
    closed = domain.Status(row.closed_as) if row.closed_as else None
    row.status = str(domain.status_for(row.executed, row.quantity, closed))
    row.settled_on = None  # what had settled settles again
