"""Errors of bodies are in the words of JSON and the API, not in Python's."""

from __future__ import annotations

import pytest

from eventshop.web.api.request_parsing import reword_error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Expected `int` >= 1", "must be a whole number of at least 1"),
        ("Expected `str`, got `int`", "must be text, not a whole number"),
        ("Expected `str | null`, got `array`", "must be text or null, not a list"),
        ("Expected `str` of length <= 200", "must be text with a length of at most 200"),
        ("Object missing required field `sku`", "`sku` is missing"),
        ("Object contains unknown field `colour`", "`colour` is not a field of it"),
        ("a name needs a letter or digit", "a name needs a letter or digit"),
    ],
)
def test_an_error_is_described_in_the_words_of_the_api(text: str, words: str) -> None:
    assert reword_error(text) == words
