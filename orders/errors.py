"""What the rules of an order refuse."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused
from eventshop.core.message import Command


class InvalidOrderState(CommandRefused):
    """This cannot be done to an order in this state."""

    code = "invalid-order-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} cannot be done to an order that is {status}", command=name, status=str(status))


class WrongAmount(CommandRefused):
    """A payment must be exactly what is due."""

    code = "wrong-amount"


class NothingToShip(CommandRefused):
    """Every piece of this order has come back; there is nothing to ship."""

    code = "nothing-to-ship"


class NothingToReturn(CommandRefused):
    """Every piece of this order has come back already."""

    code = "nothing-to-return"


class UnknownLine(CommandRefused):
    """The order has no such line."""

    code = "unknown-line"


class TooManyReturned(CommandRefused):
    """More pieces of a line come back than the customer still has."""

    code = "too-many-returned"
