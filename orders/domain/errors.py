"""What the rules of an order and of a stock item refuse."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, EventShopError
from eventshop.core.messages import Command


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


class NotEnoughStock(CommandRefused):
    """There are not so many pieces on hand."""

    code = "not-enough-stock"


class AlreadyReserved(CommandRefused):
    """This order has pieces of this product set aside already, another number of them."""

    code = "already-reserved"


class NotReserved(CommandRefused):
    """So many pieces are not set aside for this order."""

    code = "not-reserved"


class PriceChanged(CommandRefused):
    """A product costs another price now than the order says."""

    code = "price-changed"


class NotOnSale(CommandRefused):
    """There is no such product on sale."""

    code = "not-on-sale"


class UnexpectedRefusal(EventShopError):
    """A step that follows from what was done before was refused; somebody has to look."""

    code = "unexpected-refusal"


class RefundDeclined(EventShopError):
    """The gateway does not give the money back; somebody has to look."""

    code = "refund-declined"
