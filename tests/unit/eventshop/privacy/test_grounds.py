"""Whoever hands personal data out asks for its ground first: found by reading the program's modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import orders.sagas.fulfilment_effects
import trading.sagas.venue_effects
from eventshop.core.saga import Effect
from orders.sagas.fulfilment_effects import HandOverParcel, TakePayment
from tools.apps import ROOT

#: Functions that give data to somebody outside, and those that ask for the ground of it.
GIVES = {"build_message", "prepare_mail", "send_mail", "send_email"}
ASKS = {"use_personal_data", "use_data_of_many", "require_ground"}
#: Who gives without asking, and why.
NEED_NOT = {
    "eventshop/web/letters/mail.py": "builds what its callers, who asked, give",
    "eventshop/operations/attention/notices.py": "to the operators whom a setting names",
    "users/pages/auth_views.py": "to the address that a visitor has just typed",
    "users/pages/profile_views.py": "to the address that a customer has just typed",
}


def called_names(source: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}


def modules_that_give() -> Iterator[tuple[str, set[str]]]:
    for app in ("eventshop", "orders", "projections", "trading", "users"):
        for file in sorted((ROOT / app).rglob("*.py")):
            names = called_names(file.read_text())
            if names & GIVES:
                yield str(file.relative_to(ROOT)), names


def test_whatever_hands_personal_data_out_asks_for_its_ground() -> None:
    giving = dict(modules_that_give())
    assert {path for path, names in giving.items() if not names & ASKS} == NEED_NOT.keys()


def test_the_effects_of_sagas_about_a_person_are_those_whose_handlers_ask() -> None:
    """`orders.application.data_uses` asks for both; tests/integration/users/test_data_uses.py has it refuse them."""
    modules = (orders.sagas.fulfilment_effects, trading.sagas.venue_effects)
    effects = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    about_people = {
        kind
        for kind in effects
        if issubclass(kind, Effect) and {"customer_id", "owner_id"} & set(kind.__struct_fields__)
    }
    assert about_people == {TakePayment, HandOverParcel}
