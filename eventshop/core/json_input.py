"""JSON from outside, bounded in size and depth before anything walks it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from eventshop.core.errors import InvalidMessage

#: The largest body that is read where its reader sets no smaller limit.
MAX_BYTES: Final = 1024 * 1024
#: The deepest nesting of arrays and objects that any body of ours needs is 6.
MAX_DEPTH: Final = 32

#: A string, which may be unterminated (so that scanning is linear in the size), or a bracket.
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def decode_json(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Decode JSON; raises `InvalidMessage` for what is no JSON, too large, or nested deeper than `MAX_DEPTH`."""
    if len(raw) > max_bytes:
        raise InvalidMessage(f"has {len(raw):,} bytes; at most {max_bytes:,} are read")
    check_json_depth(raw)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidMessage(f"is not valid JSON: {error}") from error


def check_json_depth(raw: bytes) -> None:
    """Raise `InvalidMessage` for JSON that is nested deeper than `MAX_DEPTH`."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(raw):
        token = raw[match.start()]
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidMessage(f"is nested deeper than {MAX_DEPTH} levels")
        elif token in b"]}":
            depth -= 1
