"""What the rules of a trade and of a trading account refuse."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import Command


class UnknownInstrument(InvalidMessage):
    """Nobody here trades this instrument."""

    code = "unknown-instrument"


class UnknownCalendar(InvalidMessage):
    """No calendar has this name."""

    code = "unknown-calendar"


class WrongTick(InvalidMessage):
    """A price is a multiple of the instrument's tick."""

    code = "wrong-tick"


class WrongLot(InvalidMessage):
    """A quantity is a multiple of the instrument's lot."""

    code = "wrong-lot"


class InvalidTradeState(CommandRefused):
    """This cannot be done to a trade in this state."""

    code = "invalid-trade-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} cannot be done to a trade that is {status}", command=name, status=str(status))


class Overfilled(CommandRefused):
    """More was filled than is open."""

    code = "overfilled"


class WorseThanLimit(CommandRefused):
    """A fill is worse than the trade's limit price."""

    code = "worse-than-limit"


class FillChanged(CommandRefused):
    """The venue told this fill before with another price, quantity or time; that needs a correction."""

    code = "fill-changed"


class FillBusted(CommandRefused):
    """This fill was declared void."""

    code = "fill-busted"


class UnknownFill(CommandRefused):
    """The trade has no such fill."""

    code = "unknown-fill"


class NothingFilled(CommandRefused):
    """Nothing of this trade was filled; there is nothing to settle."""

    code = "nothing-filled"


class SettlementOnHold(CommandRefused):
    """Staff have put the settlement of this trade on hold."""

    code = "settlement-on-hold"


class AccountNotOpen(CommandRefused):
    """There is no such trading account."""

    code = "account-not-open"


class AccountAlreadyOpen(CommandRefused):
    """This trading account is open already, on other terms."""

    code = "account-already-open"


class LimitExceeded(CommandRefused):
    """There is not so much left of a limit."""

    code = "limit-exceeded"


class NoPrice(CommandRefused):
    """Nothing of this instrument has been traded yet, so nobody knows what a market order costs; name a limit price."""

    code = "no-price"


class UnknownTrade(CommandRefused):
    """There is no such trade."""

    code = "unknown-trade"


class AlreadyFrozen(CommandRefused):
    """This trade has another amount frozen already."""

    code = "already-frozen"


class WrongCurrency(CommandRefused):
    """An account's limits are in one currency."""

    code = "wrong-currency"
