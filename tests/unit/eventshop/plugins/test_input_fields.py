"""Every number and text of every registered command and of every request body has a strict validator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from eventshop.core.field_errors import InvalidFields, convert_input
from eventshop.core.message_registry import registry
from tests.support.api_endpoints import request_bodies
from tests.support.hostile_values import HOSTILE_INTEGERS, HOSTILE_JSON_NUMBERS, HOSTILE_TEXTS
from tests.support.input_fields import Path, input_fields, nest

TYPES: dict[str, type[Struct]] = {**registry.commands, **{body.__name__: body for body in request_bodies()}}


def has_error_at(struct: type[Struct], path: Path, value: Any) -> bool:
    if path[-1] == "currency" and (*path[:-1], "amount") in input_fields(struct, Decimal):
        path, value = path[:-1], {"amount": "1", "currency": value}  # it is checked when the amount is there
    try:
        convert_input(nest(path, value), struct)
    except InvalidFields as error:
        return path in {field.path[: len(path)] for field in error.field_errors}
    return False


def test_there_are_commands_and_bodies() -> None:
    assert {"CreateOrder", "SubmitTrade", "CreateUser", "NewOrder", "NewTrade", "FillReport"} <= set(TYPES)
    assert ("lines", 0, "price", "amount") in input_fields(TYPES["NewOrder"], Decimal)


@pytest.mark.parametrize("struct", TYPES.values(), ids=TYPES)
def test_no_field_accepts_a_hostile_number_or_text(struct: type[Struct]) -> None:
    accepted = [
        (path, value)
        for kind, values in (
            (Decimal, HOSTILE_JSON_NUMBERS),
            (int, (*HOSTILE_INTEGERS, 0.1, True, [], {}, 10**30)),
            (str, HOSTILE_TEXTS),
        )
        for path in input_fields(struct, kind)
        for value in values
        if not has_error_at(struct, path, value)
    ]
    assert not accepted
