"""The ledger of a position: what was bought and sold at each instant, in the order of the venue's times.

The fills of a position come from many trades and therefore arrive in any order; a correction may change any of them.
The ledger has one line for each instant and side, so that it is the same for every order of arrival. What follows from
it is computed once a batch (decision 179): from the newest line on when only newer ones were added, else anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from eventshop.core.decimal_math import ZERO, add, format_plain, subtract
from trading.domain.cost_basis import CostBasis, CostMethod, Movement

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

#: Microseconds since 1970, and +1 for purchases or -1 for sales. At one instant, purchases come first.
Place: TypeAlias = tuple[int, int]


class Line(NamedTuple):
    """What was bought or sold at one instant: both without a sign."""

    quantity: Decimal
    value: Decimal


class Entry(NamedTuple):
    """One change of the ledger; `before` links the changes of a batch, so that none has to be copied."""

    place: Place
    quantity: Decimal
    value: Decimal
    before: Entry | None


class Results(Struct):
    """The results of a ledger, stored beside it."""

    newest: int = -(2**63)
    average: CostBasis = msgspec.field(default_factory=lambda: CostBasis.of(CostMethod.AVERAGE))
    fifo: CostBasis = msgspec.field(default_factory=lambda: CostBasis.of(CostMethod.FIFO))

    def add(self, lines: Iterable[tuple[Place, Line]]) -> None:
        """Go on with lines that are newer than all before, in their order."""
        movements = list[Movement]()
        for (instant, sign), line in lines:
            # Without trailing zeros: the same numbers give the same text, whatever led to them.
            quantity, value = Decimal(format_plain(line.quantity)), Decimal(format_plain(line.value))
            bought = Movement(quantity, subtract(ZERO, value))  # an operator, as in -value, would round to 28 digits
            movements.append(bought if sign > 0 else Movement(subtract(ZERO, quantity), value))
            self.newest = instant
        self.average.apply(movements)
        self.fifo.apply(movements)


_decoder: Final = msgspec.json.Decoder(Results)


def place_of(at: datetime, sign: int) -> Place:
    return (at - _EPOCH) // _MICROSECOND, sign


def update_ledger(text: str, results: str, newest_entry: Entry | None) -> tuple[str, str, Results]:
    """The texts of a ledger and of its results after these changes, and the results."""
    state = _decoder.decode(results) if results else Results()
    changes = _sum_changes(newest_entry)
    is_newer = all(line.quantity > 0 and place[0] > state.newest for place, line in changes.items())
    lines = changes if is_newer else _changed(dict(_parse(text)), changes)
    ordered = sorted(lines.items(), key=lambda item: (item[0][0], -item[0][1]))
    if not is_newer:
        text, state = "", Results()
    state.add(ordered)
    text += "".join(_format(place, line) for place, line in ordered)
    return text, msgspec.json.encode(state).decode(), state


def _sum_changes(entry: Entry | None) -> dict[Place, Line]:
    sums: dict[Place, Line] = {}
    while entry is not None:
        _add(sums, entry.place, entry.quantity, entry.value)
        entry = entry.before
    return {place: line for place, line in sums.items() if line.quantity or line.value}


def _add(lines: dict[Place, Line], place: Place, quantity: Decimal, value: Decimal) -> None:
    line = lines.get(place, Line(ZERO, ZERO))
    lines[place] = Line(add(line.quantity, quantity), add(line.value, value))


def _changed(lines: dict[Place, Line], changes: dict[Place, Line]) -> dict[Place, Line]:
    for place, change in changes.items():
        _add(lines, place, change.quantity, change.value)
        if not lines[place].quantity:
            del lines[place]
    return lines


def _parse(text: str) -> Iterator[tuple[Place, Line]]:
    for line in text.splitlines():
        instant, sign, quantity, value = line.split()
        yield (int(instant), int(sign)), Line(Decimal(quantity), Decimal(value))


def _format(place: Place, line: Line) -> str:
    return f"{place[0]} {place[1]} {format_plain(line.quantity)} {format_plain(line.value)}\n"
