"""The fingerprint of a fold changes with what the fold computes, and with nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.eventstore.snapshots.fold_fingerprint import fold_fingerprint
from eventshop.eventstore.snapshots.state_shape import state_shape
from orders.domain.order import Order
from orders.domain.stock_item import StockItem
from tests.support.raised import with_data
from tests.support.tally_aggregate import Tally
from tests.unit.eventshop.eventstore.snapshots.lamp_domain import LampDomain, lamp_domain
from trading.domain.trade import Trade
from users.domain.user import User

__all__ = ["lamp_domain"]


def fingerprint(module: Any) -> str:
    return fold_fingerprint(module.Lamp, module.lamps.upcasters_of(module.Lamp))


TURN = "        return self.light.brighter(event.by)"
KEPT = {
    "comment": ("BRIGHTEST: Final = 10", "# Ten steps.\nBRIGHTEST: Final = 10  # at most"),
    "docstring": ('"""A lamp that can be turned up."""', '"""Another text."""'),
    "new docstring": (TURN, f'        """New."""\n{TURN}'),
    "format": (
        "(self._turned(event), (self.turns or 0) + 1)",
        "(\n            self._turned(event), ((self.turns or 0) + 1),\n        )",
    ),
    "error text": ('"a lamp does not darken"', 'f"a lamp does not darken by {by}"'),
    "decide": ("        if self.is_brightest:\n            return []\n", ""),
    "unrelated function": ("def unrelated() -> int:\n    return 1", "def unrelated() -> int:\n    return 2"),
    "annotation of a function": ("def _turned(self, event: Turned) -> Light:", "def _turned(self, event: Any) -> Any:"),
    "snapshot version": (
        "    light: Light = Light()\n",
        "    snapshot_version: ClassVar[int] = 7\n    light: Light = Light()\n",
    ),
}
CHANGED = {
    "evolve": ("(self.turns or 0) + 1", "(self.turns or 0) + 2"),
    "method that evolve calls": ("self.light.brighter(event.by)", "self.light.brighter(2 * event.by)"),
    "method of a value object": ("min(BRIGHTEST, self.level + by)", "self.level + by"),
    "condition of an error": ("if by < 0:", "if by < 1:"),
    "constant": ("BRIGHTEST: Final = 10", "BRIGHTEST: Final = 11"),
    "default of a field": ("turns: int | None = None", "turns: int | None = 0"),
    "new field": ("    turns: int | None = None", "    turns: int | None = None\n    broken: bool = False"),
    "default of an event's field": ("    by: int = 1", "    by: int = 2"),
    "value of an enum": ('RED = "red"', 'RED = "crimson"'),
    "upcaster": ('fields | {"by": 1}', 'fields | {"by": 2}'),
}


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT)
def test_what_does_not_change_the_fold_keeps_the_fingerprint(lamp_domain: LampDomain, change: tuple[str, str]) -> None:
    assert fingerprint(lamp_domain.load(change)) == fingerprint(lamp_domain.load())


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_what_changes_the_fold_changes_the_fingerprint(lamp_domain: LampDomain, change: tuple[str, str]) -> None:
    assert fingerprint(lamp_domain.load(change)) != fingerprint(lamp_domain.load())


def test_a_name_that_is_reached_through_an_imported_module_is_followed(lamp_domain: LampDomain) -> None:
    uses = ("(self.turns or 0) + 1", "(self.turns or 0) + light.unrelated()")
    changed = ("def unrelated() -> int:\n    return 1", "def unrelated() -> int:\n    return 2")
    assert fingerprint(lamp_domain.load(uses)) != fingerprint(lamp_domain.load(uses, changed))


def test_a_definition_may_move_to_another_module(lamp_domain: LampDomain) -> None:
    moved = (
        ("BRIGHTEST: Final = 10\n", "from PACKAGE.limits import BRIGHTEST\n"),
        ('"""Limits."""\n', '"""Limits."""\n\nfrom typing import Final\n\nBRIGHTEST: Final = 10\n'),
    )
    assert fingerprint(lamp_domain.load(*moved)) == fingerprint(lamp_domain.load())
    changed = (moved[0], (moved[1][0], moved[1][1].replace("10", "11")))
    assert fingerprint(lamp_domain.load(*changed)) != fingerprint(lamp_domain.load())


def test_an_aggregate_inside_a_function_is_refused() -> None:
    class Inner(Tally, frozen=True):
        pass

    with pytest.raises(RegistryError, check=with_data(module=__name__)):
        fold_fingerprint(Inner)


def test_the_aggregates_of_the_shop_have_different_folds() -> None:
    aggregates = (Order, StockItem, Trade, User)
    assert len({fold_fingerprint(aggregate, registry.upcasters_of(aggregate)) for aggregate in aggregates}) == 4


def test_the_shape_of_a_state_has_nested_structs_and_enums(lamp_domain: LampDomain) -> None:
    assert state_shape(lamp_domain.load().Lamp) == {
        "Lamp": {"light": "Light", "turns": "int | None"},
        "Light": {"level": "int", "colour": "Colour"},
        "Colour": {"WHITE": "'white'", "RED": "'red'"},
    }


def test_the_shape_of_a_state_names_generic_types() -> None:
    shape = state_shape(Order)
    assert shape["Order"]["lines"] == "tuple[OrderLineState, ...]"
    assert shape["Money"] == {"amount": "Decimal", "currency": "str"}
    assert state_shape(StockItem)["StockItem"]["reserved"] == "Mapping[UUID, int]"
