"""The event store: append with an expected version; read by stream, version, time or command."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from eventshop.core import serialization
from eventshop.core.errors import (
    CommandIdReused,
    InvalidMessage,
    VersionGap,
    WrongAggregateType,
    WrongExpectedVersion,
)
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Envelope, Event, RecordedEvent, new_id
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.contention import Attempt, repeat_on_conflict
from eventshop.eventstore.event_append import (
    AppendRequest,
    StreamHead,
    hash_command,
    to_receipt,
    translate_violations,
)
from eventshop.eventstore.field_encryption import EncryptionSession
from eventshop.eventstore.records import EventRow, HistoryEntry, to_recorded_event
from eventshop.eventstore.stream_locks import lock_streams
from eventshop.eventstore.unit_of_work import batch_write, single_write
from eventshop.runtime.wake_signals import Channel, wake

#: Events fetched at a time by `read_rows`.
PAGE_SIZE: Final = 1_000
_MAX_VERSION: Final = 2**31 - 1


class EventStore:
    """Streams of events. Reads return `RecordedEvent` in version order.

    `as_of` (aware) limits a read to the events before the first one recorded after that time, `to_version` to events
    up to that version: both give the beginning of the stream.
    Rows that cannot be decoded raise `ProgramTooOld` or `BrokenStream`.
    """

    def __init__(self, registry: MessageRegistry = program) -> None:
        self.registry = registry

    def append_event(
        self, aggregate_id: UUID, event: Event, *, expected_version: int, envelope: Envelope | None = None
    ) -> Receipt:
        """As `append_events`, for one event."""
        return self.append_events(aggregate_id, [event], expected_version=expected_version, envelope=envelope)

    def append_events(
        self,
        aggregate_id: UUID,
        events: Sequence[Event],
        *,
        expected_version: int,
        envelope: Envelope | None = None,
    ) -> Receipt:
        """Append events after `expected_version` (0: a new stream) and a receipt, all or nothing.

        Repeated with the same envelope and events it returns the first receipt. Raises `WrongExpectedVersion`,
        `VersionGap`, `CommandIdReused`, `WrongAggregateType`, `InvalidMessage`, `EventTooLarge`, `UnknownName`.
        """
        if not events:
            raise InvalidMessage("there are no events to append")
        aggregate_type = self.registry.aggregate_of(type(events[0])).__name__
        sent = envelope or Envelope(command_id=new_id())

        def append(attempt: Attempt) -> Receipt:
            with batch_write() if attempt.locked else single_write():
                if attempt.locked:
                    lock_streams([aggregate_id], exclusive=True)
                return self._append(aggregate_id, aggregate_type, events, expected_version, sent)

        return repeat_on_conflict(append)

    def _append(
        self,
        aggregate_id: UUID,
        aggregate_type: str,
        events: Sequence[Event],
        expected_version: int,
        envelope: Envelope,
    ) -> Receipt:
        session = (
            field_encryption.open_session() if any(map(self.registry.personal_fields_of, map(type, events))) else None
        )
        payload_hash = hash_command(
            "append", b"\n".join(self._payload_to_hash(event, aggregate_id, session) for event in events)
        )
        is_replay, history = backend().load_history(aggregate_id, envelope.command_id)
        if is_replay:
            return replay_receipt(envelope.command_id, {payload_hash})
        head = _check_head(history, aggregate_type, aggregate_id, expected_version)
        recorded_at = head.next_recorded_at()
        request = AppendRequest(
            aggregate_id, aggregate_type, head, envelope, "append", payload_hash, recorded_at, session
        )
        encoded = request.encode(events, self.registry)
        rows, receipt = encoded.rows, request.receipt_row(encoded.rows)
        with translate_violations(), field_encryption.save_keys_and_claims(session, encoded.claims):
            position = backend().append_command(rows, receipt, head.hash)
        wake(Channel.EVENTS)
        return to_receipt(receipt._replace(position=position), replayed=False)

    def get_events(
        self, aggregate_id: UUID, *, to_version: int | None = None, as_of: datetime | None = None
    ) -> list[RecordedEvent[Any]]:
        """Return the whole stream, empty if it does not exist."""
        return self.get_events_after(aggregate_id, 0, to_version=to_version, as_of=as_of)

    def get_events_after(
        self,
        aggregate_id: UUID,
        version: int,
        *,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> list[RecordedEvent[Any]]:
        """Return the events with a higher version than `version`."""
        return list(self.get_event_stream(aggregate_id, after=version, to_version=to_version, as_of=as_of))

    def get_events_between(
        self, aggregate_id: UUID, first: int, last: int, *, as_of: datetime | None = None
    ) -> list[RecordedEvent[Any]]:
        """Return the events with versions from `first` to `last`, both included."""
        return self.get_events_after(aggregate_id, first - 1, to_version=last, as_of=as_of)

    def get_event_stream(
        self,
        aggregate_id: UUID,
        *,
        after: int = 0,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[RecordedEvent[Any]]:
        """As `get_events`, but lazy: at most a thousand events are in memory at a time."""
        for row in self.read_rows(aggregate_id, after=after, to_version=to_version, as_of=as_of):
            yield to_recorded_event(row, self.registry)

    def events_of_command(self, command_id: UUID) -> list[RecordedEvent[Any]]:
        """Return the events of a command; empty if it was not accepted or changed nothing."""
        for row in backend().load_receipts([command_id]):
            return self.get_events_between(row.aggregate_id, row.version - row.events + 1, row.version)
        return []

    def _payload_to_hash(self, event: Event, aggregate_id: UUID, session: EncryptionSession | None) -> bytes:
        payload, decoded = serialization.encode_canonical(event)
        fields = self.registry.personal_fields_of(type(event))
        return session.replace_with_digests(decoded, payload, fields, aggregate_id) if session and fields else payload

    def read_rows(
        self,
        aggregate_id: UUID,
        *,
        after: int = 0,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[EventRow]:
        """Yield the raw rows of a stream, for hashing, copying and verification."""
        if as_of is not None and as_of.tzinfo is None:
            raise InvalidMessage("as_of needs a time zone", as_of=as_of)
        last = _MAX_VERSION if to_version is None else to_version
        if as_of is not None:
            last = min(last, self.version_as_of(aggregate_id, as_of))
        while True:
            page = backend().select_events(
                f"WHERE aggregate_id = %s AND version > %s AND version <= %s ORDER BY version LIMIT {PAGE_SIZE}",
                (aggregate_id, after, last),
            )
            yield from page
            if len(page) < PAGE_SIZE:
                return
            after = page[-1].version

    def version_as_of(self, aggregate_id: UUID, as_of: datetime) -> int:
        """Return the version before the first event that was recorded after a time; a large number if there is none.

        Times within a stream never go backwards, except in streams of earlier releases and of other stores.
        """
        later = backend().select_events(
            "WHERE aggregate_id = %s AND recorded_at > %s ORDER BY version LIMIT 1", (aggregate_id, as_of)
        )
        return later[0].version - 1 if later else _MAX_VERSION


def replay_receipt(command_id: UUID, payload_hashes: Collection[bytes]) -> Receipt:
    """Return the receipt of a command accepted before; raises `CommandIdReused` if its hash is none of these."""
    [row] = backend().load_receipts([command_id])
    if bytes(row.payload_hash) not in payload_hashes:
        raise CommandIdReused(command_id=command_id, first_used_for=row.command_type)
    return to_receipt(row, replayed=True)


def _check_head(
    history: Sequence[HistoryEntry], aggregate_type: str, aggregate_id: UUID, expected_version: int
) -> StreamHead:
    head = StreamHead.after(history[-1] if history else None)
    if history and history[0].aggregate_type != aggregate_type:
        raise WrongAggregateType(aggregate_id=aggregate_id, stored=history[0].aggregate_type, given=aggregate_type)
    if expected_version > head.version:
        raise VersionGap(aggregate_id=aggregate_id, expected_version=expected_version, version=head.version)
    if expected_version != head.version:
        raise WrongExpectedVersion(aggregate_id=aggregate_id, expected_version=expected_version, version=head.version)
    return head


store: Final = EventStore()
