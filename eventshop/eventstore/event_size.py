"""The size of an event: one bound over everything that is stored of it, so that it always fits a Kafka record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from eventshop.core.errors import EventTooLarge, InvalidMessage, MetadataTooLarge

#: The largest event in bytes: the text that its hash covers, which is its payload as stored (encrypted), its metadata
#: and all other columns. A quarter of Kafka's default limit for a batch; a record is at most a few kilobytes larger.
MAX_EVENT_BYTES: Final = 256 * 1024
#: The largest metadata of a command in bytes, as JSON.
MAX_METADATA_BYTES: Final = 16 * 1024


def check_event_size(event_type: str, text: bytes) -> None:
    """Raise `EventTooLarge` for an event whose hashed text is larger than `MAX_EVENT_BYTES`."""
    if len(text) > MAX_EVENT_BYTES:
        raise EventTooLarge(event=event_type, bytes=len(text), limit=MAX_EVENT_BYTES)


def encode_metadata(metadata: Mapping[str, str]) -> str:
    """Return the metadata of a command as JSON; raises `MetadataTooLarge`, or `InvalidMessage` if it is not flat.

    Flat: texts by name, with nothing nested in them.
    """
    if not metadata:
        return "{}"
    for name, value in metadata.items():
        if type(name) is not str or type(value) is not str:
            raise InvalidMessage("metadata must be texts by name", name=repr(name)[:50], type=type(value).__name__)
    try:
        encoded = msgspec.json.encode(metadata)
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise InvalidMessage(f"metadata must be Unicode text: {error.reason}") from error
    if len(encoded) > MAX_METADATA_BYTES:
        raise MetadataTooLarge(bytes=len(encoded), limit=MAX_METADATA_BYTES)
    return encoded.decode()
