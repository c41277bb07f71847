"""From events to rows and receipts, and from a violated constraint to the error that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec
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
from eventshop.core.message_registry import Registry
from eventshop.core.messages import Envelope, Event, new_id
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.field_encryption import Claimed, Place, Session
from eventshop.eventstore.hash_chain.chain import START, link
from eventshop.eventstore.records import ReceiptRow, Row


class Receipt(Struct, frozen=True):
    """What an accepted command answered. `replayed`: it had been accepted before, this is the first answer again."""

    command_id: UUID
    command_type: str
    aggregate_id: UUID
    aggregate_type: str
    version: int  # of the stream, afterwards
    events: int  # how many it led to; 0: it was already so
    position: int  # of the last of them; 0: none
    replayed: bool = False


class Raced(Conflict):
    """Another writer was faster; load again and decide again."""


class Written(Struct, frozen=True):
    """The head of a stream that is being written: what the next event is chained to."""

    version: int = 0
    hash: bytes = START


def fingerprint(command_type: str, payload: bytes) -> bytes:
    """What makes two commands the same command."""
    return sha256(command_type.encode() + b"\n" + payload).digest()


def now() -> datetime:
    return datetime.now(UTC)


class Drafted(NamedTuple):
    """Events as rows, and what goes with them: as a reader will see them, and what must be stored with them."""

    rows: list[Row]
    told: list[Event]
    claimed: list[Claimed]
    secrets: Session | None


class Append(Struct, frozen=True):
    """One command's append: to which stream, after which head, by which command, recorded when."""

    aggregate_id: UUID
    aggregate_type: str
    head: Written
    envelope: Envelope
    command_type: str
    payload_hash: bytes
    recorded_at: datetime
    secrets: Session | None = None

    def rows(self, events: Sequence[Event], registry: Registry) -> list[Row]:
        """As `drafted`, the rows alone."""
        return self.drafted(events, registry).rows

    def drafted(self, events: Sequence[Event], registry: Registry) -> Drafted:
        """The events as rows, sealed and hashed; raises `InvalidMessage`, `EventTooLarge` or `UnknownName`."""
        context, previous = checked(self.envelope), self.head.hash
        secrets, rows, told, claimed = self.secrets, list[Row](), list[Event](), list[Claimed]()
        for place, event in enumerate(events, start=1):
            name, version = registry.name_of(type(event)), self.head.version + place
            payload, seen = serialization.encoded_event(event)
            if fields := registry.personal(type(event)):
                secrets = secrets or field_encryption.session()
                at = Place(self.aggregate_id, version, name, event.schema_version)
                payload = secrets.sealed(seen, payload, fields, at)
                claimed += field_encryption.claims_of(seen, fields, self.aggregate_id)
            row = self._row(name, event.schema_version, place, context, payload.decode())
            previous = link(previous, row)
            rows.append(row._replace(hash=previous))
            told.append(seen)
        return Drafted(rows, told, claimed, secrets)

    def _row(self, event_type: str, schema_version: int, place: int, context: str, payload: str) -> Row:
        envelope = self.envelope
        return Row(
            new_id(),
            self.aggregate_id,
            self.aggregate_type,
            event_type,
            self.head.version + place,
            schema_version,
            envelope.occurred_at or self.recorded_at,
            self.recorded_at,
            envelope.correlation_id or envelope.command_id,
            envelope.causation_id,
            envelope.saga_id,
            envelope.sequence_number + place,
            envelope.command_id,
            envelope.actor,
            context,
            payload,
            b"",
        )

    def receipt(self, rows: Sequence[Row]) -> ReceiptRow:
        """The receipt, its position still to be filled in."""
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


def answer(row: ReceiptRow, *, replayed: bool) -> Receipt:
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


def checked(envelope: Envelope) -> str:
    """The envelope's metadata as stored; raises `InvalidMessage` for a naive time or an unfit actor."""
    if envelope.occurred_at is not None and envelope.occurred_at.tzinfo is None:
        raise InvalidMessage("occurred_at needs a time zone", occurred_at=envelope.occurred_at)
    if not envelope.actor or len(envelope.actor) > 200 or not envelope.actor.isprintable():
        raise InvalidMessage("an actor is 1 to 200 printable characters", actor=repr(envelope.actor[:50]))
    if not envelope.metadata:
        return "{}"
    return msgspec.json.encode(envelope.metadata).decode()


@contextmanager
def violations() -> Iterator[None]:
    """Translate the violation of a constraint of ours, and of no other, into its error."""
    try:
        yield
    except DatabaseError as error:
        translated = _VIOLATIONS.get(engine().violated(error))
        if translated is None:
            raise
        raise translated(str(error).partition("\n")[0]) from error


_VIOLATIONS: dict[str, type[StoreError]] = {
    "event_version_once": Raced,
    "event_follows": Raced,
    "receipt_pkey": Raced,
    "event_id_once": DuplicateEvent,
    "event_no_gap": VersionGap,
    "event_append_only": AppendOnly,
}
