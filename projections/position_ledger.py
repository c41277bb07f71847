"""The ledger of a position: what was bought and sold at each instant, in the order of the venue's times.

The fills of a position come from many trades and therefore arrive in any order; a correction may change any of them.
The ledger has one line for each instant and side, so that it is the same for every order of arrival. Its lines are
kept in pages beside the row, each with the results before it: a new fill rewrites the last page, an older one that
comes late or is corrected those from its own page on (decision 263).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from eventshop.core.decimal_math import ZERO, add, format_plain, subtract
from eventshop.projections.row_details import RowDetails
from trading.domain.cost_basis import CostBasis, CostMethod, Movement

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Lines of a page. Many make a new fill rewrite more, few make a correction of an old one write more rows.
PAGE: Final = 64

#: Microseconds since 1970, and -1 for purchases or 1 for sales: at one instant, purchases come first.
Place: TypeAlias = tuple[int, int]


class Line(NamedTuple):
    """What was bought or sold at one place: both without a sign."""

    quantity: Decimal
    value: Decimal


class Entry(NamedTuple):
    """One change of the ledger; `before` links the changes of a batch, so that none has to be copied."""

    place: Place
    quantity: Decimal
    value: Decimal
    before: Entry | None


class Results(Struct):
    """The results after a number of lines. Stored: keep the names."""

    lines: int = 0
    newest: int = -(2**63)
    average: CostBasis = msgspec.field(default_factory=lambda: CostBasis.of(CostMethod.AVERAGE))
    fifo: CostBasis = msgspec.field(default_factory=lambda: CostBasis.of(CostMethod.FIFO))

    def copy(self) -> Results:
        return Results(self.lines, self.newest, copy(self.average), copy(self.fifo))


class Page(Struct):
    """Some lines in their order, and the results before the first of them. Stored: keep the names."""

    before: Results
    lines: list[tuple[Place, Line]] = []


_results_decoder: Final = msgspec.json.Decoder(Results)
_page_decoder: Final = msgspec.json.Decoder(Page)


def place_of(at: datetime, *, is_purchase: bool) -> Place:
    return (at - _EPOCH) // _MICROSECOND, -1 if is_purchase else 1


def decode_results(text: str) -> Results:
    return _results_decoder.decode(text) if text else Results()


def encode_results(results: Results) -> str:
    return msgspec.json.encode(results).decode()


def last_pages(results: Results) -> list[str]:
    """The keys of the pages that a newer line changes."""
    return [str(results.lines // PAGE)]


class PositionLedger:
    """The pages of a ledger, as far as they are needed, and its results."""

    def __init__(self, results: Results, details: RowDetails) -> None:
        self.results = results
        self._details = details
        self._pages: dict[int, Page] = {}
        self._changed: set[int] = set()

    def update(self, newest_entry: Entry | None) -> Results:
        """Change lines; returns the results after all of them."""
        changes = _sum_changes(newest_entry)
        if not changes:
            return self.results
        if all(line.quantity > 0 and place[0] > self.results.newest for place, line in changes.items()):
            self._append(sorted(changes.items()))
        else:
            self._rewrite(changes)
        for number in sorted(self._changed):
            page = self._pages.get(number)
            self._details.put(str(number), msgspec.json.encode(page).decode() if page else None)
        self._changed.clear()
        return self.results

    def _rewrite(self, changes: dict[Place, Line]) -> None:
        """Compute anew from the page of the oldest change on."""
        first, last = self._page_of(min(changes)), self._last_page()
        self._read(range(first, last + 1))
        pages = [self._pages.pop(number) for number in range(first, last + 1)]
        self._changed.update(range(first, last + 1))
        self.results = pages[0].before if pages else Results()
        self._append(sorted(_changed({place: line for page in pages for place, line in page.lines}, changes).items()))

    def _append(self, lines: Iterable[tuple[Place, Line]]) -> None:
        results = self.results
        for place, line in lines:
            number, line_of_page = divmod(results.lines, PAGE)
            if line_of_page == 0:
                self._pages[number] = Page(results.copy())
            # Without trailing zeros: the same numbers give the same text, whatever led to them.
            plain = Line(Decimal(format_plain(line.quantity)), Decimal(format_plain(line.value)))
            self._page(number).lines.append((place, plain))
            self._changed.add(number)
            movement = _movement(place, plain)
            results.average.apply(results.lines, movement, self._movement_at)
            results.fifo.apply(results.lines, movement, self._movement_at)
            results.lines, results.newest = results.lines + 1, place[0]

    def _page_of(self, place: Place) -> int:
        """The page that a place belongs to, or one before it; in growing steps, as these pages are read anyhow."""
        number, step = self._last_page(), 1
        while number > 0 and self._page(number).lines[0][0] > place:
            number, step = max(number - step, 0), 2 * step
        return max(number, 0)

    def _last_page(self) -> int:
        """-1 without a line."""
        return (self.results.lines - 1) // PAGE

    def _movement_at(self, number: int) -> Movement:
        return _movement(*self._page(number // PAGE).lines[number % PAGE])

    def _page(self, number: int) -> Page:
        self._read([number])
        return self._pages[number]

    def _read(self, numbers: Iterable[int]) -> None:
        if missing := [str(number) for number in numbers if number not in self._pages]:
            for key, text in self._details.get(missing).items():
                self._pages[int(key)] = _page_decoder.decode(text)


def _movement(place: Place, line: Line) -> Movement:
    minus_quantity, minus_value = subtract(ZERO, line.quantity), subtract(ZERO, line.value)  # `-value` would round
    return Movement(line.quantity, minus_value) if place[1] < 0 else Movement(minus_quantity, line.value)


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
