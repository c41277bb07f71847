"""The errors that orders, stock items and their fulfilment raise."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, EventShopError
from eventshop.core.messages import Command


class InvalidOrderState(CommandRefused):
    """The order's state does not allow this command."""

    code = "invalid-order-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} is not allowed for an order that is {status}", command=name, status=str(status))


class WrongAmount(CommandRefused):
    """The amount is not one that this order can be paid with."""

    code = "wrong-amount"


class PaymentInProgress(CommandRefused):
    """Another payment of this order is under way; its outcome must be known first."""

    code = "payment-in-progress"


class TooManyPayments(CommandRefused):
    """This order was to be paid too often; order again, or ask the shop."""

    code = "too-many-payments"


class PaymentNotRequested(CommandRefused):
    """No payment of this order was requested by this method and still waits for its outcome."""

    code = "payment-not-requested"


class UnknownRefund(CommandRefused):
    """No refund of this order with this id was requested and still waits for its outcome."""

    code = "unknown-refund"


class ExternalIdTaken(CommandRefused):
    """Another order already has this external id."""

    code = "external-id-taken"


class NothingToShip(CommandRefused):
    """Every item of this order was returned; there is nothing to ship."""

    code = "nothing-to-ship"


class NothingToReturn(CommandRefused):
    """Every item of this order was already returned."""

    code = "nothing-to-return"


class UnknownReturn(CommandRefused):
    """The order has no return with this reference that waits for this."""

    code = "unknown-return"


class ReturnReferenceTaken(CommandRefused):
    """The order already has another return with this reference."""

    code = "return-reference-taken"


class TooLateToReturn(CommandRefused):
    """The time within which goods of this order could be returned is over."""

    code = "return-window-closed"


class FactRecordedDifferently(CommandRefused):
    """A fact with this reference was recorded already, and it says something else."""

    code = "fact-recorded-differently"


class UnknownLine(CommandRefused):
    """The order has no such line."""

    code = "unknown-line"


class TooManyReturned(CommandRefused):
    """The return names more units of a line than the customer still has."""

    code = "too-many-returned"


class NotEnoughStock(CommandRefused):
    """There are not enough units on hand."""

    code = "not-enough-stock"


class AlreadyReserved(CommandRefused):
    """A different quantity of this product is already reserved for this order."""

    code = "already-reserved"


class NotReserved(CommandRefused):
    """Fewer units than that are reserved for this order."""

    code = "not-reserved"


class PriceChanged(CommandRefused):
    """The product's current price differs from the price in the order."""

    code = "price-changed"


class NotOnSale(CommandRefused):
    """There is no product with this code on sale."""

    code = "not-on-sale"


class UnexpectedRefusal(EventShopError):
    """A step of the saga was refused although earlier steps allow it; a person must investigate."""

    code = "unexpected-refusal"


class RefundDeclined(EventShopError):
    """The payment gateway declined the refund; a person must investigate."""

    code = "refund-declined"
