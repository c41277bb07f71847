"""What a position has earned: by the average cost of what is held, and by first in, first out.

Both read the movements of a position in the order of the venue's times. A movement that opens or enlarges the position
earns nothing; one that closes it earns the cash of what is closed. A position that is flat starts anew.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, Self

from msgspec import Struct

from eventshop.core.decimal_math import ZERO, add, divide, multiply, subtract

#: Decimals of averages and results: two more than any venue quotes.
RESULT_DECIMALS: Final = 10


class CostMethod(StrEnum):
    """How the account's result is computed."""

    AVERAGE = "AVERAGE"
    FIFO = "FIFO"


class Movement(NamedTuple):
    """A change of a position: the signed quantity, and the cash that the account got (negative: paid) for it."""

    quantity: Decimal
    cash: Decimal


_NOTHING: Final = Movement(ZERO, ZERO)


class CostBasis(Struct):
    """A result so far and what is open. Computed in place: only `apply` changes it. Stored: keep the names.

    It has one size, however many movements are open: those behind the oldest one are read again when it is closed.
    """

    realised: Decimal = ZERO
    #: All that is open.
    open: Movement = _NOTHING
    #: What is left of the oldest open movement; by average cost, all that is open.
    lot: Movement = _NOTHING
    #: The number of the movement behind it.
    next: int = 0
    merge: bool = False

    @classmethod
    def of(cls, method: CostMethod) -> Self:
        return cls(merge=method is CostMethod.AVERAGE)

    @property
    def quantity(self) -> Decimal:
        return self.open.quantity

    @property
    def open_cash(self) -> Decimal:
        """The cash that what is open brought; its cost with the sign turned."""
        return self.open.cash

    def apply(self, number: int, movement: Movement, read: Callable[[int], Movement]) -> None:
        """Apply the next movement. `read` gives one of those before it by its number."""
        rest = movement
        while rest.quantity and self.open.quantity and _opposite(self.open, rest):
            if not self.lot.quantity:
                self._begin_next_lot(read)
            before = self.lot
            self.lot, earned, rest = _match(before, rest)
            self.realised = add(self.realised, earned)
            self.open = _less(self.open, _less(before, self.lot))
        if rest.quantity:
            if not self.open.quantity:
                self.lot, self.next = rest, number + 1
            elif self.merge:
                self.lot = _merged(self.lot, rest)
            self.open = _merged(self.open, rest)

    def _begin_next_lot(self, read: Callable[[int], Movement]) -> None:
        """The next movement in the direction of what is open: those in between have closed some of it."""
        while not self.lot.quantity:
            movement = read(self.next)
            self.next += 1
            if not _opposite(self.open, movement):
                self.lot = movement


def _opposite(lot: Movement, movement: Movement) -> bool:
    return (lot.quantity > 0) is not (movement.quantity > 0)


def _match(lot: Movement, movement: Movement) -> tuple[Movement, Decimal, Movement]:
    """What is left of the lot, the result of the part that both have in common, and what is left of the movement."""
    common = min(lot.quantity.copy_abs(), movement.quantity.copy_abs())
    of_lot, of_movement = _share(lot, common), _share(movement, common)
    return _less(lot, of_lot), add(of_lot.cash, of_movement.cash), _less(movement, of_movement)


def _share(whole: Movement, size: Decimal) -> Movement:
    """The part of this size; its cash is rounded, and the rest keeps what the rounding took or gave."""
    if whole.quantity.copy_abs() == size:
        return whole
    quantity = size.copy_sign(whole.quantity)
    return Movement(quantity, divide(multiply(whole.cash, quantity), whole.quantity, decimals=RESULT_DECIMALS))


def _less(whole: Movement, part: Movement) -> Movement:
    return Movement(subtract(whole.quantity, part.quantity), subtract(whole.cash, part.cash))


def _merged(lot: Movement, more: Movement) -> Movement:
    return Movement(add(lot.quantity, more.quantity), add(lot.cash, more.cash))
