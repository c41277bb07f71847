"""Which rows of a cut invoice the store has, when the invoice repeats some of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from orders.importers.online_retail.cut_invoices import RowKey, find_stored_places


def rows(text: str) -> list[RowKey]:
    return [(letter,) for letter in text]


def missing(file: str, *parts: str) -> str:
    places = find_stored_places(rows(file), [rows(part) for part in parts])
    return "".join(letter for place, letter in enumerate(file) if place not in places)


def test_a_repeat_behind_the_cut_is_another_row_and_one_in_an_overlap_is_the_same() -> None:
    assert missing("cxd", "axb") == "cxd"
    assert missing("bcxd", "axb") == "cxd"
    assert missing("axb", "bcxd") == "ax"
    assert missing("xbcx", "axb") == "cx"


def test_parts_inside_of_the_file_and_around_it_are_found() -> None:
    assert missing("axbxcxd", "xbx", "d") == "acx"
    assert missing("xb", "axbxc") == ""
    assert missing("axbcxd", "ax", "d", "bc") == "x"


def test_the_rows_of_no_part_are_all_missing() -> None:
    assert missing("axb") == missing("axb", "cxd") == "axb"


@given(repeats=st.lists(st.sampled_from(["", "x", "y", "xy"]), min_size=2, max_size=9), data=st.data())
def test_pieces_in_any_order_with_any_overlap_give_the_invoice(repeats: Sequence[str], data: st.DataObject) -> None:
    """Each cut is between two rows that occur once: others cannot be told from an overlap."""
    blocks = [chr(1_000 + 2 * number) + repeat + chr(1_001 + 2 * number) for number, repeat in enumerate(repeats)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(blocks) - 1), max_size=4)))
    bounds = zip([0, *cuts], [*cuts, len(blocks)], strict=True)
    pieces = ["".join(blocks[max(0, start - data.draw(st.integers(0, 2))) : end]) for start, end in bounds]
    stored: list[list[RowKey]] = []
    for piece in data.draw(st.permutations(pieces)):
        keys = rows(piece)
        places = find_stored_places(keys, stored)
        added = [place for place in range(len(keys)) if place not in places]
        for _, run in groupby(enumerate(added), key=lambda pair: pair[1] - pair[0]):
            stored.append([keys[place] for _, place in run])
    assert Counter(key for part in stored for key in part) == Counter(rows("".join(blocks)))
