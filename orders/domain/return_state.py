"""The order's state of its returns, and how it follows from events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from orders.domain.correction_events import ReturnReversed
from orders.domain.order_values import LineAmount
from orders.domain.return_events import ItemsReturned, ReturnAccepted, ReturnDeclined, ReturnRequested

ReturnStatus: TypeAlias = Literal["requested", "accepted", "declined"]
#: Units by line number.
LineQuantities: TypeAlias = Mapping[int, int]
ReturnEvent: TypeAlias = ReturnRequested | ReturnAccepted | ReturnDeclined | ItemsReturned | ReturnReversed


class ReturnState(Struct, frozen=True):
    """One return. One of an earlier release, or one that was observed, was never asked for: it was only received."""

    reference: str
    status: ReturnStatus
    asked: LineQuantities = {}
    received: LineQuantities = {}

    def left(self, line: int) -> int:
        """The units of a line that were asked for and have not come back."""
        if self.status == "declined":
            return 0
        return max(0, self.asked.get(line, 0) - self.received.get(line, 0))


Returns: TypeAlias = tuple[ReturnState, ...]


def find_return(returns: Returns, reference: str) -> ReturnState | None:
    return next((old for old in returns if old.reference == reference), None)


def apply_return_event(returns: Returns, event: ReturnEvent) -> Returns:
    """The returns after an event."""
    match event:
        case ReturnRequested(reference=reference, lines=lines):
            others = tuple(old for old in returns if old.reference != reference)
            return (*others, ReturnState(reference, "requested", asked=_quantities(lines)))
        case ReturnAccepted(reference=reference):
            return _change(returns, reference, lambda old: replace(old, status="accepted"))
        case ReturnDeclined(reference=reference):
            return _change(returns, reference, lambda old: replace(old, status="declined"))
        case ItemsReturned(reference=reference, lines=lines):
            if find_return(returns, reference) is None:
                returns = (*returns, ReturnState(reference, "accepted"))
            return _change(returns, reference, lambda old: replace(old, received=_quantities(lines, old.received)))
        case ReturnReversed(reference=reference, lines=lines):
            after = _change(returns, reference, lambda old: replace(old, received=_less(old.received, lines)))
            return tuple(old for old in after if old.reference != reference or old.asked or old.received)


def _quantities(lines: tuple[LineAmount, ...], before: LineQuantities | None = None) -> dict[int, int]:
    quantities = dict(before or {})
    for line in lines:
        quantities[line.line] = quantities.get(line.line, 0) + line.quantity
    return quantities


def _less(before: LineQuantities, lines: tuple[LineAmount, ...]) -> LineQuantities:
    left = {line: -quantity for line, quantity in _quantities(lines).items()}
    return {line: quantity for line, before_ in before.items() if (quantity := before_ + left.get(line, 0)) > 0}


def _change(returns: Returns, reference: str, change: Callable[[ReturnState], ReturnState]) -> Returns:
    return tuple(change(old) if old.reference == reference else old for old in returns)
