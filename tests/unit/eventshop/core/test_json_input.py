"""JSON from outside is bounded before anything walks it."""

from __future__ import annotations

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.core.json_input import MAX_DEPTH, check_json_depth, decode_json


def test_json_of_the_permitted_depth_is_decoded() -> None:
    assert decode_json(b'{"a": [1, "[[["]}') == {"a": [1, "[[["]}
    assert decode_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    wide = b"[" + b",".join([b'[{"x": "]}"}]'] * 1_000) + b"]"
    assert len(decode_json(wide)) == 1_000


@pytest.mark.parametrize(
    "raw",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 33 + b"]" * 33, b'["\\"", ' + b"[" * 40, b'[{"a":' * 20],
    ids=["arrays", "objects", "one too many", "after a quote", "mixed"],
)
def test_deeper_json_is_refused_before_it_is_decoded(raw: bytes) -> None:
    with pytest.raises(InvalidMessage, match="nested deeper than 32"):
        decode_json(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1", b'"' + b'\\"' * 200_000, b"[" * 40 + b'"' * 99_999, b"\xff", b"nan"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_json(raw)


def test_brackets_in_strings_do_not_count() -> None:
    check_json_depth(b'["' + b"[" * 1_000 + b'\\"' + b"{" * 1_000 + b'"]')


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(InvalidMessage, match="11 bytes"):
        decode_json(b'["' + b"a" * 7 + b'"]', max_bytes=10)
