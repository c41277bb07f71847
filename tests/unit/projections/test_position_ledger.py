"""The ledger of a position over many pages: the same for any order of arrival, and what a plain queue of lots gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventshop.projections.row_details import DetailStore
from projections.position_ledger import (
    PAGE,
    Entry,
    PositionLedger,
    Results,
    decode_results,
    encode_results,
    last_pages,
    place_of,
)
from tests.unit.trading.domain.examples import NOON

#: A change: second of the day, whether bought, quantity and price; a negative quantity takes back.
Change = tuple[int, bool, int, int]


def random_changes(chance: Random, count: int) -> list[Change]:
    return [
        (chance.randint(0, 40_000), chance.random() < 0.5, chance.randint(1, 9), chance.randint(90, 110))
        for _ in range(count)
    ]


def apply_batch(store: DetailStore, text: str, batch: Sequence[Change]) -> str:
    newest: Entry | None = None
    for second, bought, quantity, price in batch:
        place = place_of(NOON + timedelta(seconds=second), is_purchase=bought)
        newest = Entry(place, Decimal(quantity), Decimal(quantity * price), newest)
    return encode_results(PositionLedger(decode_results(text), store.of("p")).update(newest))


def ledger_of(changes: Sequence[Change], cuts: Sequence[int]) -> tuple[str, dict[str, str]]:
    """The results and the pages after these changes in batches."""
    store, text = DetailStore(), ""
    for start, end in zip([0, *cuts], [*cuts, len(changes)], strict=True):
        text = apply_batch(store, text, changes[start:end])
    return text, store.of("p").get_all()


def plain_fifo(changes: Sequence[Change]) -> Decimal:
    """What was earned, first in first out, with a queue of single pieces."""
    sums: dict[tuple[int, bool], list[int]] = {}
    for second, bought, quantity, price in changes:
        pair = sums.setdefault((second, not bought), [0, 0])
        pair[0], pair[1] = pair[0] + quantity, pair[1] + quantity * price
    earned, queue = Decimal(0), deque[tuple[int, Decimal]]()
    for (_, sold), (quantity, value) in sorted(sums.items()):
        sign = -1 if sold else 1
        for _ in range(quantity):
            each = Decimal(value) / quantity
            if queue and queue[0][0] != sign:
                direction, before = queue.popleft()
                earned += (each - before) * direction
            else:
                queue.append((sign, each))
    return earned


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_and_any_batches_give_the_same_pages(chance: Random) -> None:
    changes = random_changes(chance, chance.randint(PAGE, 4 * PAGE))
    wrong = chance.sample(changes, 10)
    right = [change for change in changes if change not in wrong]
    put_right = [
        (second, bought, -quantity, price)
        for second, bought, quantity, price in changes
        if (second, bought, quantity, price) in wrong
    ]
    expected = ledger_of(sorted(right), [])
    shuffled = chance.sample(changes, len(changes)) + put_right
    cuts = sorted(chance.sample(range(len(shuffled)), 12))
    assert ledger_of(shuffled, cuts) == expected
    results = decode_results(expected[0])
    assert abs(results.fifo.realised - plain_fifo(right)) < Decimal("0.0001")
    assert results.lines == sum(len(page["lines"]) for page in map(msgspec.json.decode, expected[1].values()))


def test_a_new_fill_reads_and_writes_the_last_page_alone() -> None:
    store = DetailStore()
    steady = [(second, second % 3 > 0, 1, 100 + second % 7) for second in range(10 * PAGE)]
    text = apply_batch(store, "", steady)
    pages = store.of("p").get_all()
    assert last_pages(decode_results(text)) == ["10"]
    assert max(map(len, [text, *pages.values()])) < 100 * PAGE
    with_one_page = DetailStore()
    for key in ("9", "10"):
        with_one_page.put("p", key, pages.get(key))
    after = apply_batch(with_one_page, text, [(10 * PAGE, True, 1, 100)])
    assert decode_results(after).lines == 10 * PAGE + 1
    assert {**pages, **with_one_page.of("p").get_all()} == ledger_of([*steady, (10 * PAGE, True, 1, 100)], [])[1]


def test_what_is_only_bought_keeps_one_size() -> None:
    bought = [(second, True, 1, 100 + second) for second in range(5 * PAGE)]
    text, _ = ledger_of(bought, [])
    assert len(text) < 1_000
    sold, _ = ledger_of([*bought, (5 * PAGE, False, 2 * PAGE, 1000)], [])
    assert decode_results(sold).fifo.realised == sum(1000 - 100 - second for second in range(2 * PAGE))


@pytest.mark.parametrize("bought", [True, False])
def test_a_ledger_that_is_emptied_leaves_no_page(bought: bool) -> None:
    fills = [(second, bought, 1, 100) for second in range(2 * PAGE)]
    text, pages = ledger_of([*fills, *((second, bought, -1, 100) for second, *_ in fills)], [2 * PAGE])
    assert (decode_results(text), pages) == (Results(), {})


def test_a_place_is_the_instant_in_any_zone() -> None:
    elsewhere = timezone(timedelta(hours=5))
    assert place_of(datetime.fromisoformat("2026-01-30T17:00:00+05:00"), is_purchase=True) == place_of(
        datetime(2026, 1, 30, 17, tzinfo=elsewhere), is_purchase=True
    )
