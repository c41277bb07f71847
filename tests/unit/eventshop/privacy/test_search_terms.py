"""A leftover is a unique term, or any other term together with an id of the person, in every encoding."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.privacy.erasure.search_terms import (
    SUBSTRING_MIN_LENGTH,
    MultiTermMatcher,
    SearchTerm,
    SearchTerms,
    decrypt_terms,
    encrypt_terms,
)

ADA, BOB = UUID(int=0xADA), UUID(int=0xB0B)
sought = SearchTerms([SearchTerm("ada@example.org", unique=True), SearchTerm("Zoë King-Noel"), SearchTerm("Al")], [ADA])


@pytest.mark.parametrize(
    "content",
    [
        b"Dear ADA@Example.org",
        f"{ADA} is Zo\u00eb King-Noel".encode(),
        f"{ADA.hex} is ZO\u00cb KING-NOEL".lower().encode(),
        f'{{"user_id":"{ADA}","name":"Zo\\u00eb King-Noel"}}'.encode(),
        f"{ADA} Zo\\303\\253 King-Noel".encode(),
        ADA.bytes + "Zoë King-Noel".encode(),
    ],
)
def test_a_trace_is_found_however_it_is_written(content: bytes) -> None:
    assert sought.found_in(content)


@pytest.mark.parametrize(
    "content", [b"Zo\xc3\xab King-Noel", f"{BOB} is Zoë King-Noel".encode(), str(ADA).encode(), b"Al"]
)
def test_somebody_elses_same_name_and_a_bare_id_are_none(content: bytes) -> None:
    assert not sought.found_in(content)


letters = st.sampled_from([b"a", b"d", b"1", b" ", b"\\", b"n", b"\xc3"])


def text(*, most: int, least: int = 0) -> st.SearchStrategy[bytes]:
    return st.lists(letters, min_size=least, max_size=most).map(b"".join)


@given(st.lists(text(least=3, most=10), max_size=8), text(most=60))
def test_many_words_are_looked_for_as_one_by_one(words: list[bytes], content: bytes) -> None:
    """Short words match as whole words only, also after a line end as JSON escapes it."""
    alone = rb"(?:(?<![0-9a-z])|(?<=\\[nrt]))%s(?![0-9a-z])"
    patterns = [re.escape(word) if len(word) >= SUBSTRING_MIN_LENGTH else alone % re.escape(word) for word in words]
    assert MultiTermMatcher(words).matches(content) == any(re.search(pattern, content) for pattern in patterns)


def test_words_wait_encrypted() -> None:
    box = encrypt_terms(sought.terms)
    assert decrypt_terms(box) == sought.terms
    assert b"example" not in box
    assert decrypt_terms(b"") == []
