"""Texts that people write: what nobody can see, or what reorders others, is refused; the rest is trimmed and NFC."""

from __future__ import annotations

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import TextRule, clean_text, refuse_email_address

NAME = TextRule(visible=True, word=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada\u00a0", "Ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("Nuñez\u00a0Ölçü 3", "Nuñez\u00a0Ölçü 3"),
        ("李\U000e0100小龍", "李\U000e0100小龍"),  # a variation selector chooses the shape of a Chinese character
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs the zero-width non-joiner
        ("Ada 👩\u200d🚀🏳\ufe0f\u200d🌈", "Ada 👩\u200d🚀🏳\ufe0f\u200d🌈"),
        ("Ada \U0001fae9", "Ada \U0001fae9"),  # an emoji that is younger than this Python
    ],
)
def test_a_name_is_kept_in_one_form(text: str, kept: str) -> None:
    assert clean_text(text, NAME) == kept == clean_text(kept, NAME)


@pytest.mark.parametrize(
    "character",
    [
        *("\x00", "\x07", "\t", "\n", "\x7f", "\x85", "\u2028", "\u2029"),
        *("\u200b", "\u200e", "\u200f", "\u2060", "\ufeff", "\u00ad", "\U000e0041"),
        *("\u202a", "\u202e", "\u2066", "\u2069", "\u061c"),
        *("\u3164", "\u115f", "\uffa0", "\u034f"),
        *("\ud800", "\udfff", "\ue000", "\U00100000", "\ufdd0", "\uffff", "\u0378"),
        *("\u200c", "\u200d"),  # between two spaces
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_refused_by_its_number(character: str) -> None:
    with pytest.raises(InvalidMessage, match=f"U\\+{ord(character):04X} "):
        clean_text(f"Ada {character} King", NAME)


@pytest.mark.parametrize("text", ["", " ", "\u3000", "\u2800", "\u0301", "\ufe0f"], ids=ascii)
def test_a_text_must_be_visible_where_it_must_not_be_empty(text: str) -> None:
    with pytest.raises(InvalidMessage, match="visible character"):
        clean_text(text, TextRule(visible=True))


def test_a_reason_may_be_a_question_mark_but_a_name_needs_a_letter_or_digit() -> None:
    assert clean_text("?", TextRule(visible=True)) == "?"
    assert clean_text("", TextRule(word=True)) == ""
    with pytest.raises(InvalidMessage, match="letter or digit"):
        clean_text("?!", NAME)


def test_line_feeds_are_for_texts_of_several_lines() -> None:
    assert clean_text("1 Street\nYork\n", TextRule(several_lines=True)) == "1 Street\nYork"
    with pytest.raises(InvalidMessage, match=r"U\+000D"):
        clean_text("1 Street\r\nYork", TextRule(several_lines=True))


def test_a_verbatim_text_keeps_its_spaces_and_form() -> None:
    assert clean_text(" SET 2 TEA  TOWELS ", TextRule(verbatim=True)) == " SET 2 TEA  TOWELS "
    assert clean_text("e\u0301", TextRule(verbatim=True)) == "e\u0301"
    with pytest.raises(InvalidMessage, match=r"U\+202E"):
        clean_text("\u202etea", TextRule(verbatim=True))


@pytest.mark.parametrize(
    "text", ["ada@example.org", "T-1 of ada.king+shop@mail.example.co.uk.", "<ada@example.org>", "ø@bücher.example"]
)
def test_an_email_address_within_a_text_in_clear_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage, match="must not contain an e-mail address"):
        refuse_email_address(text)


@pytest.mark.parametrize("text", ["MUG @ HOME", "5@10.50", "BTC@venue", "@desk.one", "a@b", "a@1.2.3", "ada@.org", ""])
def test_other_texts_with_this_sign_are_no_email_address(text: str) -> None:
    refuse_email_address(text)
