"""Errors of the trading domain. The first line of each docstring is the default message."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import Command


class UnknownInstrument(InvalidMessage):
    """This instrument is not traded here. Staff add one in the console, or with `manage.py import_instruments FILE`."""

    code = "unknown-instrument"


class InactiveInstrument(InvalidMessage):
    """This instrument cannot be traded on this day. Staff change the days in the console or by an import."""

    code = "inactive-instrument"


class InstrumentChanged(CommandRefused):
    """Somebody else has changed this instrument meanwhile; look at it again."""

    code = "instrument-changed"


class NegativePrice(InvalidMessage):
    """A price of this instrument must be above 0."""

    code = "negative-price"


class UnknownCalendar(InvalidMessage):
    """There is no business-day calendar of this name."""

    code = "unknown-calendar"


class WrongTick(InvalidMessage):
    """The price must be a multiple of the instrument's tick at this price."""

    code = "wrong-tick"


class WrongLot(InvalidMessage):
    """The quantity must be a multiple of the instrument's lot."""

    code = "wrong-lot"


class InvalidTradeState(CommandRefused):
    """The command is not allowed in the current state of the trade."""

    code = "invalid-trade-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} is not allowed for a trade in state {status}", command=name, status=str(status))


class FillInFuture(InvalidMessage):
    """The time of a fill has not come yet."""

    code = "fill-in-future"


class WrongFeeCurrency(InvalidMessage):
    """A fee is in the currency of the trade's values; whoever reports another one converts it."""

    code = "wrong-fee-currency"


class WorseThanLimit(CommandRefused):
    """The price of a fill is worse than the limit price of the trade."""

    code = "worse-than-limit"


class NotAmendable(CommandRefused):
    """A market order has no limit price to amend, and an order is not amended to what is filled already; cancel it."""

    code = "not-amendable"


class RequestPending(CommandRefused):
    """The venue has not answered the request before; wait for its answer."""

    code = "request-pending"


class FillChanged(CommandRefused):
    """This fill was reported before with another price, quantity or time; send a correction instead."""

    code = "fill-changed"


class FillBusted(CommandRefused):
    """This fill was declared void."""

    code = "fill-busted"


class UnknownFill(CommandRefused):
    """The trade has no such fill."""

    code = "unknown-fill"


class NothingFilled(CommandRefused):
    """This trade has no fill, so there is nothing to settle."""

    code = "nothing-filled"


class SettlementOnHold(CommandRefused):
    """The settlement of this trade is on hold; release the hold first."""

    code = "settlement-on-hold"


class AccountNotOpen(CommandRefused):
    """There is no such trading account."""

    code = "account-not-open"


class AccountAlreadyOpen(CommandRefused):
    """This trading account is already open with other terms."""

    code = "account-already-open"


class LimitExceeded(CommandRefused):
    """The order exceeds what is left of a limit."""

    code = "limit-exceeded"


class NoPrice(CommandRefused):
    """This instrument has no last price yet, so the amount of a market order is unknown; use a limit price."""

    code = "no-price"


class UnknownTrade(CommandRefused):
    """There is no such trade."""

    code = "unknown-trade"


class AlreadyFrozen(CommandRefused):
    """This trade has already frozen another amount."""

    code = "already-frozen"


class MissingRate(CommandRefused):
    """There is no exchange rate from the currency of the instrument to that of the account; staff have to add one."""

    code = "missing-rate"


class StaleRate(CommandRefused):
    """The newest exchange rate is too old; staff have to add one."""

    code = "stale-rate"


class OutsidePriceBand(CommandRefused):
    """The limit price is too far from the last price, on the side on which it would cost; is it a slip of the pen?"""

    code = "outside-price-band"


class DuplicateTrade(CommandRefused):
    """The same order was submitted a moment ago and is still open; say that it is meant twice, or leave it."""

    code = "duplicate-trade"


class WrongCurrency(CommandRefused):
    """The currency of the trade differs from the currency of the account."""

    code = "wrong-currency"
