"""What a position has earned: by the average cost of what is held, and by first in, first out.

Both read the movements of a position in the order of the venue's times. A movement that opens or enlarges the position
earns nothing; one that closes it earns the cash of what is closed. A position that is flat starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable
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


class CostBasis(Struct):
    """A result so far and what is open. Computed in place: only `apply` changes it. Stored: keep the names."""

    realised: Decimal = ZERO
    quantity: Decimal = ZERO
    #: Open movements, oldest first. Average cost merges them into one.
    lots: list[Movement] = []
    merge: bool = False

    @classmethod
    def of(cls, method: CostMethod) -> Self:
        return cls(merge=method is CostMethod.AVERAGE)

    @property
    def open_cash(self) -> Decimal:
        """The cash that what is open brought; its cost with the sign turned."""
        total = ZERO
        for lot in self.lots:
            total = add(total, lot.cash)
        return total

    def apply(self, movements: Iterable[Movement]) -> None:
        """Apply movements in their order."""
        closed = 0  # lots at the beginning that are closed
        for movement in movements:
            rest = movement
            while rest.quantity and closed < len(self.lots) and _opposite(self.lots[closed], rest):
                lot, part, rest = _match(self.lots[closed], rest)
                self.realised = add(self.realised, part)
                if lot.quantity:
                    self.lots[closed] = lot
                else:
                    closed += 1
            if rest.quantity:
                if self.merge and closed < len(self.lots):
                    self.lots[-1] = _merged(self.lots[-1], rest)
                else:
                    self.lots.append(rest)
            self.quantity = add(self.quantity, movement.quantity)
        del self.lots[:closed]


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
