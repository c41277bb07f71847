"""Encodes events as rows and receipts, and translates violated constraints into errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from django.db import DatabaseError
from msgspec import Struct

from eventshop.core import serialization
from eventshop.core.errors import (
    AppendOnly,
    Conflict,
    DuplicateEvent,
    InvalidMessage,
    StoreError,
    VersionGap,
)
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Envelope, Event, new_id
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import Receipt, ReceiptRow
from eventshop.eventstore.event_size import check_event_size, encode_metadata
from eventshop.eventstore.field_encryption import EncryptionSession, FieldContext, UniqueValueClaim
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, canonical_text, hash_text
from eventshop.eventstore.records import BEGINNING, EventRow, HistoryEntry


class ConcurrencyConflict(Conflict):
    """Another writer appended to the stream first; load the aggregate and decide again."""


class StreamHead(Struct, frozen=True):
    """The last event of a stream, which the next event is chained to; the defaults are an empty stream."""

    version: int = 0
    hash: bytes = GENESIS_HASH
    recorded_at: datetime = BEGINNING

    @classmethod
    def after(cls, last: EventRow | HistoryEntry | None) -> StreamHead:
        """Return the head of a stream that ends with this event or snapshot; None is an empty stream."""
        return cls(last.version, bytes(last.hash), last.recorded_at) if last else cls()

    def next_recorded_at(self) -> datetime:
        """The time of recording of the next events: now, or the last event's if this server's clock is behind it."""
        return max(utc_now(), self.recorded_at)


def hash_command(command_type: str, payload: bytes) -> bytes:
    """Return the digest that identifies a command's type and content, for idempotency."""
    return sha256(command_type.encode() + b"\n" + payload).digest()


def utc_now() -> datetime:
    return datetime.now(UTC)


class EncodedEvents(NamedTuple):
    """Events as rows, the same events as a reader will decode them, and the claims and keys to store with them."""

    rows: list[EventRow]
    events: list[Event]
    claims: list[UniqueValueClaim]
    session: EncryptionSession | None


class AppendRequest(Struct, frozen=True):
    """One command's append to a stream: the head that it follows, the envelope and the time of recording."""

    aggregate_id: UUID
    aggregate_type: str
    head: StreamHead
    envelope: Envelope
    command_type: str
    payload_hash: bytes
    recorded_at: datetime
    session: EncryptionSession | None = None

    def encode_rows(self, events: Sequence[Event], registry: MessageRegistry) -> list[EventRow]:
        """As `encode`, but returns only the rows."""
        return self.encode(events, registry).rows

    def encode(self, events: Sequence[Event], registry: MessageRegistry) -> EncodedEvents:
        """Encode, encrypt and hash the events.

        Raises `InvalidMessage`, `MetadataTooLarge`, `EventTooLarge` or `UnknownName`.
        """
        metadata, previous_hash = encode_envelope_metadata(self.envelope), self.head.hash
        session = self.session
        rows: list[EventRow] = []
        decoded_events: list[Event] = []
        claims: list[UniqueValueClaim] = []
        for offset, event in enumerate(events, start=1):
            name, version = registry.name_of(type(event)), self.head.version + offset
            payload, decoded = serialization.encode_canonical(event)
            if personal_fields := registry.personal_fields_of(type(event)):
                session = session or field_encryption.open_session()
                field_context = FieldContext(self.aggregate_id, version, name, event.schema_version)
                payload = session.encrypt_fields(decoded, payload, personal_fields, field_context)
                claims += field_encryption.unique_claims_of(decoded, personal_fields, self.aggregate_id)
            if unique_values := decoded.unique_values():
                session = session or field_encryption.open_session()
                claims += [UniqueValueClaim(*value[:2], self.aggregate_id, value.error) for value in unique_values]
            row = self._event_row(name, event.schema_version, offset, metadata, payload.decode())
            text = canonical_text(row)
            check_event_size(name, text)
            previous_hash = hash_text(previous_hash, text)
            rows.append(row._replace(hash=previous_hash))
            decoded_events.append(decoded)
        return EncodedEvents(rows, decoded_events, claims, session)

    def _event_row(self, event_type: str, schema_version: int, offset: int, metadata: str, payload: str) -> EventRow:
        envelope = self.envelope
        return EventRow(
            new_id(),
            self.aggregate_id,
            self.aggregate_type,
            event_type,
            self.head.version + offset,
            schema_version,
            envelope.occurred_at or self.recorded_at,
            self.recorded_at,
            envelope.correlation_id or envelope.command_id,
            envelope.causation_id,
            envelope.saga_id,
            envelope.sequence_number + offset,
            envelope.command_id,
            envelope.actor,
            metadata,
            payload,
            b"",
        )

    def receipt_row(self, rows: Sequence[EventRow]) -> ReceiptRow:
        """Return the receipt; its position is set after the insert."""
        return ReceiptRow(
            self.envelope.command_id,
            self.command_type,
            self.payload_hash,
            self.aggregate_id,
            self.aggregate_type,
            rows[-1].version if rows else self.head.version,
            len(rows),
            0,
            self.envelope.actor,
            self.recorded_at,
        )


def to_receipt(row: ReceiptRow, *, replayed: bool) -> Receipt:
    return Receipt(
        row.command_id,
        row.command_type,
        row.aggregate_id,
        row.aggregate_type,
        row.version,
        row.events,
        row.position,
        replayed,
    )


def encode_envelope_metadata(envelope: Envelope) -> str:
    """Validate the envelope and return its metadata as JSON; raises `InvalidMessage` or `MetadataTooLarge`."""
    if envelope.occurred_at is not None and envelope.occurred_at.tzinfo is None:
        raise InvalidMessage("occurred_at needs a time zone", occurred_at=envelope.occurred_at)
    if not envelope.actor or len(envelope.actor) > 200 or not envelope.actor.isprintable():
        raise InvalidMessage("an actor must be 1 to 200 printable characters", actor=repr(envelope.actor[:50]))
    return encode_metadata(envelope.metadata)


@contextmanager
def translate_violations() -> Iterator[None]:
    """Translate the violation of a named constraint of the event store into its error; re-raise all others."""
    try:
        yield
    except DatabaseError as error:
        error_class = _ERROR_BY_CONSTRAINT.get(backend().violated_constraint(error))
        if error_class is None:
            raise
        raise error_class(str(error).partition("\n")[0]) from error


_ERROR_BY_CONSTRAINT: dict[str, type[StoreError]] = {
    "event_version_once": ConcurrencyConflict,
    "event_follows": ConcurrencyConflict,
    "receipt_pkey": ConcurrencyConflict,
    "event_id_once": DuplicateEvent,
    "event_no_gap": VersionGap,
    "event_append_only": AppendOnly,
}
