"""Checks before a trade is sent, against slips of the pen: the price band and the same order twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.conf import settings

from eventshop.core.decimal_math import add, divide, multiply, subtract
from eventshop.eventstore.event_store import store
from trading.application.last_price_port import last_prices
from trading.domain.account import TradingAccount
from trading.domain.commands import SubmitTrade
from trading.domain.errors import DuplicateTrade, OutsidePriceBand
from trading.domain.events import Side, TradeSubmitted


def check_price_band(order: SubmitTrade) -> None:
    """Raise `OutsidePriceBand` for a purchase far above the last prices or a sale far below, by PRICE_BAND_PERCENT.

    0 switches the check off; so does an instrument without a last price.
    """
    prices = last_prices.get()(order.instrument.code)
    if not settings.PRICE_BAND_PERCENT or order.limit_price is None or prices is None:
        return
    share = divide(Decimal(settings.PRICE_BAND_PERCENT), Decimal(100), decimals=2)
    highest = add(prices.high, multiply(abs(prices.high), share))
    lowest = subtract(prices.low, multiply(abs(prices.low), share))
    is_outside = order.limit_price > highest if order.side is Side.BUY else order.limit_price < lowest
    if is_outside:
        raise OutsidePriceBand(
            instrument=order.instrument.code, limit_price=order.limit_price, lowest=lowest, highest=highest
        )


def check_duplicate(order: SubmitTrade, now: datetime | None = None) -> None:
    """Raise `DuplicateTrade` if an open trade of the account is the same and not older than DUPLICATE_TRADE_WINDOW_S.

    0 switches the check off.
    """
    if not settings.DUPLICATE_TRADE_WINDOW_S:
        return
    since = (now or datetime.now(UTC)) - timedelta(seconds=settings.DUPLICATE_TRADE_WINDOW_S)
    account = TradingAccount().evolve_all(recorded.event for recorded in store.get_events(order.account_id))
    for trade_id, frozen in account.frozen.items():
        if trade_id == order.trade_id or frozen.instrument != order.instrument.code:
            continue
        for recorded in store.get_events(trade_id, to_version=1):
            if recorded.meta.recorded_at >= since and _is_same(order, recorded.event):
                raise DuplicateTrade(trade=recorded.event.reference, submitted_at=recorded.meta.recorded_at)


def _is_same(order: SubmitTrade, other: object) -> bool:
    return isinstance(other, TradeSubmitted) and (order.side, order.type, order.quantity, order.limit_price) == (
        other.side,
        other.type,
        other.quantity,
        other.limit_price,
    )
