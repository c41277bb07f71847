"""Finds the rows of a cut invoice that the store has: the file has some consecutive rows of it, as stored parts have.

Contents alone cannot tell, because an invoice may repeat a row: an exact repeat behind the cut is another row, one that
two overlapping files have is the same. Where a part and the file overlap, all their rows agree, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

#: What a row says of its units.
RowKey: TypeAlias = tuple[object, ...]


class _Overlap(NamedTuple):
    """A place at which all rows of a part agree with those of the file, as far as both go."""

    length: int
    start: int  # in the file
    part: int


def find_stored_places(keys: Sequence[RowKey], parts: Sequence[Sequence[RowKey]]) -> set[int]:
    """The places in `keys`, the consecutive rows of a file, of the rows that are in one of the stored parts.

    The longest overlaps count. Rows at the end of a part that agree with the first ones of the file are the same rows:
    they cannot be told from exact repeats right behind a cut.
    """
    found, placed = set[int](), set[int]()
    overlaps = [overlap for number, part in enumerate(parts) for overlap in _overlaps(keys, part, number)]
    for length, start, part in sorted(overlaps, key=lambda overlap: -overlap.length):
        places = range(start, start + length)
        if part not in placed and found.isdisjoint(places):
            placed.add(part)
            found.update(places)
    return found


def _overlaps(keys: Sequence[RowKey], part: Sequence[RowKey], number: int) -> Iterator[_Overlap]:
    for offset in range(1 - len(part), len(keys)):
        start, end = max(0, offset), min(len(keys), offset + len(part))
        if all(keys[place] == part[place - offset] for place in range(start, end)):
            yield _Overlap(end - start, start, number)
