"""The compiled writer writes what fastavro writes, for every type a schema may have; what does not fit is refused."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.messaging.serialization.avro_writer import NotCompiled, compile_writer
from eventshop.messaging.serialization.schema_registry import load_published_schemas
from tests.unit.eventshop.messaging.event_strategies import CHARACTERS

MONEY = {"type": "record", "name": "Money", "fields": [{"name": "amount", "type": "string"}]}
EVERYTHING: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "number", "type": "long"},
        {"name": "flag", "type": "boolean"},
        {"name": "maybe", "type": ["null", {"type": "string", "eventshop": "date"}]},
        {"name": "prices", "type": {"type": "array", "items": MONEY}},
        {"name": "table", "type": {"type": "array", "items": {"type": "array", "items": "long"}}},
        {"name": "notes", "type": {"type": "map", "values": ["null", "Money"]}},
        {"name": "total", "type": "Money"},
    ],
}
TEXTS = st.text(CHARACTERS)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
MONEYS = st.fixed_dictionaries({"amount": TEXTS})
VALUES = st.fixed_dictionaries(
    {
        "text": TEXTS | st.just("x" * 5_000),
        "number": NUMBERS,
        "flag": st.booleans(),
        "maybe": st.none() | TEXTS,
        "prices": st.lists(MONEYS),
        "table": st.lists(st.lists(NUMBERS)),
        "notes": st.dictionaries(TEXTS, st.none() | MONEYS),
        "total": MONEYS,
    }
)
VALUE = {"text": "", "number": 1, "flag": True, "maybe": None, "prices": [], "table": [], "notes": {}}
VALUE |= {"total": {"amount": "1"}}
PARSED = fastavro.parse_schema(EVERYTHING)
WRITE = compile_writer(PARSED)


def written(value: Any) -> bytes:
    out: list[bytes] = []
    WRITE(value, out)
    return b"".join(out)


@given(value=VALUES)
def test_it_writes_what_fastavro_writes(value: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, PARSED, value, strict=True)
    assert written(value) == buffer.getvalue()


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": 1},
        {"text": None},
        {"number": "1"},
        {"number": 1.0},
        {"number": True},
        {"number": 2**63},
        {"flag": 1},
        {"maybe": 3},
        {"prices": {}},
        {"prices": [{"amount": "1", "currency": "GBP"}]},
        {"prices": [{"currency": "GBP"}]},
        {"table": [["1"]]},
        {"notes": []},
        {"notes": {"a": "b"}},
        {"total": None},
        {"more": 1},
    ],
)
def test_a_value_that_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError, ValueError)):
        written({**VALUE, **wrong})
    assert written(VALUE)


def test_a_field_that_is_missing_is_refused() -> None:
    for name in VALUE:
        with pytest.raises(ValueError, match="lacks some"):
            written({key: value for key, value in VALUE.items() if key != name})


def test_a_type_that_no_event_uses_is_left_to_fastavro() -> None:
    for unknown in ("double", ["null", "long", "string"], {"type": "fixed", "name": "Hash", "size": 32}):
        with pytest.raises(NotCompiled):
            compile_writer(unknown)


def test_every_published_schema_is_compiled() -> None:
    for published in load_published_schemas():
        compile_writer(published.schema)
