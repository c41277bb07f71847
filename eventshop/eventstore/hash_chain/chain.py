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

from eventshop.eventstore.records import EventRow

GENESIS_HASH: Final = bytes(32)


def hash_event(previous: bytes, row: EventRow) -> bytes:
    """Return the hash of an event; `row.hash` and `row.position` are ignored."""
    return hash_text(previous, canonical_text(row))


def hash_text(previous: bytes, text: bytes) -> bytes:
    """Return the hash of an event with this canonical text."""
    return sha256(previous + text).digest()


def canonical_text(row: EventRow) -> bytes:
    """Return the text of an event that is hashed. `backends/postgres.py` computes the same text in SQL."""
    return (
        f"{row.event_id}\n{row.aggregate_id}\n{row.aggregate_type}\n{row.event_type}\n{row.version}\n"
        f"{row.schema_version}\n{_format_time(row.occurred_at)}\n{_format_time(row.recorded_at)}\n{row.correlation_id}\n"
        f"{row.causation_id or ''}\n{row.saga_id or ''}\n{row.sequence_number}\n{row.command_id}\n{row.actor}\n"
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
    return value.astimezone(UTC).isoformat(timespec="microseconds")
