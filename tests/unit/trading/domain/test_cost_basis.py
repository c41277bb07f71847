"""Results by average cost and by first in, first out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.cost_basis import CostBasis, CostMethod, Movement

AVERAGE, FIFO = CostMethod.AVERAGE, CostMethod.FIFO
MOVEMENTS = st.lists(
    st.builds(
        lambda quantity, price: trade(quantity, price),
        st.integers(-9, 9).filter(bool),
        st.decimals(min_value=-5, max_value=200, places=2),
    ),
    max_size=12,
)


def trade(quantity: int | str, price: int | str | Decimal) -> Movement:
    """A purchase, or with a negative quantity a sale, at a price."""
    return Movement(Decimal(quantity), -Decimal(quantity) * Decimal(price))


def basis_of(method: CostMethod, *movements: Movement) -> CostBasis:
    basis = CostBasis.of(method)
    apply_all(basis, movements)
    return basis


def apply_all(basis: CostBasis, movements: Sequence[Movement], *, start: int = 0) -> None:
    for number, movement in enumerate(movements[start:], start):
        basis.apply(number, movement, movements.__getitem__)


@pytest.mark.parametrize(
    ("movements", "average", "fifo"),
    [
        # buy 10 at 100, sell 10 at 110, buy 10 at 200: the last purchase earns nothing and costs 200
        ([trade(10, 100), trade(-10, 110), trade(10, 200)], ("100", "2000"), ("100", "2000")),
        # two purchases, one of them closed: by average 150 each, or the older one at 100
        ([trade(10, 100), trade(10, 200), trade(-10, 250)], ("1000", "1500"), ("1500", "2000")),
        # through zero: 5 are closed, 5 are sold short
        ([trade(5, 100), trade(-10, 120)], ("100", "-600"), ("100", "-600")),
        # short, enlarged at a better price, closed in part
        ([trade(-5, 100), trade(-5, 110), trade(5, 90)], ("75", "-525"), ("50", "-550")),
        # at a negative price
        ([trade(2, -10), trade(-2, 5)], ("30", "0"), ("30", "0")),
    ],
)
def test_results_and_the_cost_of_what_is_open(
    movements: list[Movement], average: tuple[str, str], fifo: tuple[str, str]
) -> None:
    for method, (realised, cost) in ((AVERAGE, average), (FIFO, fifo)):
        basis = basis_of(method, *movements)
        assert (basis.realised, -basis.open_cash) == (Decimal(realised), Decimal(cost)), method


@settings(max_examples=60)
@given(MOVEMENTS)
def test_cash_is_either_earned_or_open_and_an_opening_trade_earns_nothing(movements: list[Movement]) -> None:
    for method in CostMethod:
        basis = CostBasis.of(method)
        for number, movement in enumerate(movements):
            before, opens = basis.realised, basis.quantity * movement.quantity >= 0
            basis.apply(number, movement, movements.__getitem__)
            assert not opens or basis.realised == before
        assert basis.realised + basis.open_cash == sum((movement.cash for movement in movements), Decimal(0))
        assert basis.quantity == sum((movement.quantity for movement in movements), Decimal(0))


@settings(max_examples=60)
@given(MOVEMENTS, st.integers(0, 12))
def test_a_flat_position_earned_the_same_by_both_methods(movements: list[Movement], cut: int) -> None:
    held = sum((movement.quantity for movement in movements), Decimal(0))
    flat = [*movements, *([Movement(-held, Decimal(7))] if held else [])]
    assert basis_of(AVERAGE, *flat).realised == basis_of(FIFO, *flat).realised
    at_once, in_parts = basis_of(FIFO, *movements), basis_of(FIFO, *movements[:cut])
    apply_all(in_parts, movements, start=cut)
    assert in_parts == at_once
