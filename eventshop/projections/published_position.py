"""The record on the topic `outgoing-positions`, and the position of any record that the outbox publisher wrote."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from eventshop.messaging.kafka.event_records import read_int_header

KEY: Final = b"outgoing-position"


class PublishedPosition(msgspec.Struct, frozen=True):
    """The value of the record on `outgoing-positions`: how far which outbox is published."""

    outbox: UUID
    position: int


def position_of(record: Any) -> int:
    """A record's outbox position; of a record on `outgoing-positions`, the position in its value."""
    if record.key == KEY:
        return msgspec.json.decode(record.value, type=PublishedPosition).position
    return read_int_header(record.headers, "outgoing-position")
