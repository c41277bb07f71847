"""Encodes an aggregate's state as the text of a snapshot, encrypted if its events hold personal data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import MessageRegistry
from eventshop.eventstore import field_encryption
from eventshop.eventstore.field_encryption import FieldContext, KeyId
from eventshop.eventstore.records import SNAPSHOT_PREFIX, HistoryEntry


def encode_state(
    state: Aggregate[Any, Any],
    aggregate_id: UUID,
    history: Iterable[HistoryEntry],
    version: int,
    registry: MessageRegistry,
) -> str | None:
    """Encode the state after `history`; None if JSON cannot represent it, or if a needed key was destroyed.

    The text is encrypted with every key of a personal value in the history: after the erasure of any of these
    persons it cannot be decrypted any more.
    """
    text = msgspec.json.encode(state).decode()
    if msgspec.json.decode(text, type=type(state)) != state:
        return None
    key_ids = {name for entry in history for name in _key_ids(entry, aggregate_id, registry)}
    return field_encryption.encrypt_state(text, key_ids, aggregate_id, version) if key_ids else text


def decode_state(
    aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, entry: HistoryEntry
) -> Aggregate[Any, Any] | None:
    """Decode the state of a snapshot; None when it cannot be decoded or decrypted."""
    text: str | None = entry.payload
    if entry.payload.startswith(field_encryption.ENCRYPTED_STATE_PREFIX):
        text = field_encryption.decrypt_state(entry.payload, aggregate_id, entry.version)
    try:
        return msgspec.json.decode(text, type=aggregate) if text is not None else None
    except msgspec.DecodeError:
        return None


def _key_ids(entry: HistoryEntry, aggregate_id: UUID, registry: MessageRegistry) -> Iterable[KeyId]:
    """Return the key ids of the personal values in an event, or in all events that a snapshot replaces."""
    if entry.event_type.startswith(SNAPSHOT_PREFIX):
        return (
            field_encryption.key_ids_of_state(entry.payload)
            if entry.payload.startswith(field_encryption.ENCRYPTED_STATE_PREFIX)
            else ()
        )
    fields = registry.reader_for(entry.event_type, entry.schema_version).personal_fields
    context = FieldContext(aggregate_id, entry.version, entry.event_type, entry.schema_version)
    return field_encryption.key_ids_of_event(entry.payload, fields, context) if fields else ()
