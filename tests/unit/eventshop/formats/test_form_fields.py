"""Form fields accept what commands accept, and nothing that only `int()` or `Decimal()` accept."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from eventshop.core.human_text import LINES, NAME
from eventshop.formats.form_fields import StrictDecimalField, StrictIntegerField, TextField
from tests.support.hostile_values import HOSTILE_DECIMALS, HOSTILE_INTEGERS, HOSTILE_TEXTS

ROOT = Path(__file__).parents[4]


def test_numbers_are_read() -> None:
    assert StrictDecimalField().clean("12.50") == StrictDecimalField().clean(Decimal("12.50")) == Decimal("12.50")
    assert StrictIntegerField().clean("-12") == StrictIntegerField().clean(-12) == -12
    assert StrictDecimalField(required=False).clean("") is StrictIntegerField(required=False).clean("") is None


@pytest.mark.parametrize("text", HOSTILE_DECIMALS, ids=lambda text: ascii(text)[:20])
def test_a_hostile_decimal_is_a_form_error(text: str) -> None:
    with pytest.raises(ValidationError):
        StrictDecimalField().clean(text)


@pytest.mark.parametrize("text", HOSTILE_INTEGERS, ids=lambda text: ascii(text)[:20])
def test_a_hostile_integer_is_a_form_error(text: str) -> None:
    with pytest.raises(ValidationError):
        StrictIntegerField().clean(text)


def test_texts_are_cleaned() -> None:
    assert TextField(rule=NAME).clean(" Zoe\u0308 ") == "Zo\u00eb"
    assert TextField(rule=LINES).clean("1 Street\r\nYork") == "1 Street\nYork"
    assert TextField(required=False).clean("  ") == ""


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS, "", " ", "?"], ids=ascii)
def test_a_hostile_name_is_a_form_error(text: Any) -> None:
    with pytest.raises(ValidationError):
        TextField(rule=NAME).clean(text)


def test_no_form_has_a_lenient_number_field() -> None:
    sources = [
        path
        for app in ("eventshop", "orders", "users", "trading", "projections")
        for path in (ROOT / app).rglob("*.py")
    ]
    lenient = re.compile(r"forms\.(Decimal|Integer|Float)Field\(")
    found = [path.name for path in sources if lenient.search(path.read_text())]
    assert len(sources) > 300 and not [name for name in found if name != "form_fields.py"]


def test_a_text_that_events_keep_in_clear_holds_no_email_address() -> None:
    assert TextField(in_clear=True).clean("MUG @ HOME") == "MUG @ HOME"
    with pytest.raises(ValidationError, match="must not contain an e-mail address"):
        TextField(in_clear=True).clean("ada@example.org")
