"""The commands of returns: a customer asks, the shop accepts or declines, and says what it received."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, NonEmptyText
from eventshop.core.personal_fields import Personal
from orders.domain.order_values import LineNumber, Quantity, Reference
from orders.domain.return_events import Requester

#: As `RETURN_REASON`; the command does not name the customer.
REASON = Personal(of="order_id", purpose="returns", free_text=True)
#: Whether a piece that came back can be sold again.
Condition: TypeAlias = Literal["resellable", "damaged"]


class ReturnLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one order line to return."""

    line: LineNumber
    quantity: Quantity


class ReceivedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of one order line that came back, and its condition."""

    line: LineNumber
    quantity: Quantity
    condition: Condition = "resellable"


ReturnLines: TypeAlias = Annotated[tuple[ReturnLine, ...], msgspec.Meta(max_length=1_500)]
ReceivedLines: TypeAlias = Annotated[tuple[ReceivedLine, ...], msgspec.Meta(max_length=1_500)]


class RequestReturn(Command, frozen=True):
    """Ask to return goods. `reference` identifies the return within its order."""

    order_id: UUID
    reference: Reference
    lines: ReturnLines
    reason: Annotated[NonEmptyText, REASON]
    requested_by: Requester = "customer"

    def __post_init__(self) -> None:
        check_return_lines(self.lines)


class AcceptReturn(Command, frozen=True):
    """Agree to take the goods of a return back."""

    order_id: UUID
    reference: Reference


class DeclineReturn(Command, frozen=True):
    """Refuse to take the goods of a return back."""

    order_id: UUID
    reference: Reference
    reason: Annotated[NonEmptyText, REASON]


class ReceiveReturn(Command, frozen=True):
    """Record what came back of an accepted return; several parcels may bring it."""

    order_id: UUID
    reference: Reference
    lines: ReceivedLines

    def __post_init__(self) -> None:
        check_return_lines(self.lines, [(line.line, line.condition) for line in self.lines])


class CloseReturnWindow(Command, frozen=True):
    """End the time within which the customer may ask for a return."""

    order_id: UUID


def check_return_lines(lines: Iterable[ReturnLine | ReceivedLine], keys: Iterable[object] | None = None) -> None:
    """Raise `InvalidMessage` for no lines, a line (or `key`) named twice, and a quantity below 1."""
    lines = tuple(lines)
    if not lines:
        raise InvalidMessage("a return needs at least one line")
    named = [line.line for line in lines] if keys is None else list(keys)
    if len(set(named)) != len(named):
        raise InvalidMessage("a return must name each line only once", lines=[line.line for line in lines])
    for line in lines:
        if line.quantity < 1:
            raise InvalidMessage(f"line {line.line}: quantity must be at least 1, not {line.quantity}")
