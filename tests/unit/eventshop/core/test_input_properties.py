"""Whatever comes from outside: the validators accept it or raise `InvalidMessage`, and what they accept is stable."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from typing import Any
from unicodedata import category, is_normalized

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from eventshop.core.decimal_text import DECIMAL_PATTERN, MAX_DIGITS, check_decimal, parse_decimal
from eventshop.core.errors import InvalidMessage
from eventshop.core.field_errors import InvalidFields, convert_input
from eventshop.core.human_text import ANY_TEXT, LINES, NAME, VISIBLE_TEXT, TextRule, clean_text
from eventshop.core.message_registry import registry
from tests.support.hostile_values import HOSTILE_JSON_NUMBERS, HOSTILE_TEXTS
from tests.support.input_fields import input_fields, replace_at

RULES = st.sampled_from([ANY_TEXT, VISIBLE_TEXT, NAME, LINES, TextRule(verbatim=True)])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(HOSTILE_TEXTS)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.sampled_from(HOSTILE_JSON_NUMBERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(st.characters(exclude_categories=())), RULES)
def test_a_clean_text_is_clean(text: str, rule: TextRule) -> None:
    try:
        cleaned = clean_text(text, rule)
    except InvalidMessage:
        return
    assert clean_text(cleaned, rule) == cleaned
    assert not {category(character) for character in cleaned.replace("\n", "")} & {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert rule.verbatim or (is_normalized("NFC", cleaned) and cleaned == cleaned.strip())


@given(st.text(st.sampled_from("0123456789.-+eE_ \u0661")) | st.decimals(allow_nan=True).map(str))
def test_a_decimal_is_read_exactly_or_refused(text: str) -> None:
    try:
        value = parse_decimal(text)
    except InvalidMessage:
        digits = re.fullmatch(r"-?([0-9]+)(?:\.([0-9]+))?", text)
        assert digits is None or max(len(part or "") for part in digits.groups()) > MAX_DIGITS
        return
    check_decimal(value)
    assert value == Decimal(text) and re.search(DECIMAL_PATTERN, text)


@pytest.mark.parametrize("command", registry.commands.values(), ids=registry.commands)
@settings(max_examples=30)
@given(JSON, st.data())
def test_no_json_breaks_the_conversion_to_a_command(command: type[Struct], value: Any, data: st.DataObject) -> None:
    paths = [path for kind in (str, int, Decimal) for path in input_fields(command, kind)]
    raw = replace_at({}, data.draw(st.sampled_from([(), *paths])), value)
    with suppress(InvalidFields):
        convert_input(raw, command)
