"""The hash chain of each stream: after a change of one stored byte, every later hash is wrong.

The hash is SHA-256 over the previous event's hash (32 zero bytes before the first) followed by the event's columns as
text, one a line, in the order of `EventRow`: ids in hexadecimal with hyphens, numbers in decimal, times in UTC with
microseconds (`2026-01-31T12:00:00.000000+00:00`), an empty line for NULL, metadata and payload as stored. No column
can hold a line break: texts refuse control characters and JSON escapes them. The position is not included, so that a
store restored from elsewhere keeps its chains.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from eventshop.eventstore.records import EventRow

GENESIS_HASH: Final = bytes(32)

_encode_json: Final = msgspec.json.Encoder().encode
_LENGTH_WITH_FRACTION: Final = len('"2026-01-31T12:00:00.000000Z"')


def hash_event(previous: bytes, row: EventRow) -> bytes:
    """Return the hash of an event; `row.hash` and `row.position` are ignored."""
    return hash_text(previous, canonical_text(row))


def hash_text(previous: bytes, text: bytes) -> bytes:
    """Return the hash of an event with this canonical text."""
    return sha256(previous + text).digest()


def canonical_text(row: EventRow) -> bytes:
    """Return the text of an event that is hashed. `backends/postgres.py` computes the same text in SQL."""
    ids = _encode_json((row.event_id, row.aggregate_id, row.correlation_id, row.command_id)).decode()
    return (
        f"{ids[2:38]}\n{ids[41:77]}\n{row.aggregate_type}\n{row.event_type}\n{row.version}\n"
        f"{row.schema_version}\n{_format_time(row.occurred_at)}\n{_format_time(row.recorded_at)}\n{ids[80:116]}\n"
        f"{row.causation_id or ''}\n{row.saga_id or ''}\n{row.sequence_number}\n{ids[119:155]}\n{row.actor}\n"
        f"{row.metadata}\n{row.payload}"
    ).encode()


def find_first_broken(rows: Iterable[EventRow]) -> EventRow | None:
    """Return the first event with a wrong hash, or None. `rows` is one stream from its first version on."""
    previous = GENESIS_HASH
    for row in rows:
        if hash_event(previous, row) != row.hash:
            return row
        previous = row.hash
    return None


def _format_time(value: datetime) -> str:
    """Format as `2026-01-31T12:00:00.000000+00:00`; the JSON encoder, which omits a zero fraction, is much faster."""
    text = _encode_json(value if value.tzinfo is UTC else value.astimezone(UTC)).decode()
    return f"{text[1:-2] if len(text) == _LENGTH_WITH_FRACTION else text[1:-2] + '.000000'}+00:00"
