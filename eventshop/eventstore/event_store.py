"""The event store: append with an expected version, read by stream, version, time or command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Envelope, Event, Recorded, new_id
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.event_append import Append, Raced, Receipt, Written, answer, fingerprint, now, violations
from eventshop.eventstore.field_encryption import Session
from eventshop.eventstore.records import Past, Row, recorded
from eventshop.eventstore.unit_of_work import one_write

#: Events fetched at a time by a lazy read.
PAGE: Final = 1_000
_END: Final = 2**31 - 1


class EventStore:
    """Streams of events. Everything read comes back as `Recorded`, in version order.

    `as_of` (aware) keeps what had been recorded up to that moment, `to_version` what had happened up to that version.
    Unreadable rows raise `UnknownName` or `BrokenStream`.
    """

    def __init__(self, registry: Registry = program) -> None:
        self.registry = registry

    def append_event(
        self, aggregate_id: UUID, event: Event, *, expected_version: int, envelope: Envelope | None = None
    ) -> Receipt:
        """As `append_events`, for one."""
        return self.append_events(aggregate_id, [event], expected_version=expected_version, envelope=envelope)

    def append_events(
        self,
        aggregate_id: UUID,
        events: Sequence[Event],
        *,
        expected_version: int,
        envelope: Envelope | None = None,
    ) -> Receipt:
        """Append events after `expected_version` (0: a new stream), all or none, with a receipt.

        The same envelope and events again give the first receipt again. Raises `WrongExpectedVersion`,
        `VersionGap`, `CommandIdReused`, `WrongAggregateType`, `InvalidMessage`, `EventTooLarge`, `UnknownName`.
        """
        if not events:
            raise InvalidMessage("nothing to append")
        envelope = envelope or Envelope(command_id=new_id())
        aggregate_type = self.registry.aggregate_of(type(events[0])).__name__
        secrets = field_encryption.session() if any(map(self.registry.personal, map(type, events))) else None
        payload_hash = fingerprint("append", b"\n".join(self._hidden(event, aggregate_id, secrets) for event in events))
        with one_write():
            seen, past = engine().history(aggregate_id, envelope.command_id)
            if seen:
                return earlier_answer(envelope.command_id, payload_hash)
            append = Append(
                aggregate_id,
                aggregate_type,
                _head(past, aggregate_type, aggregate_id, expected_version),
                envelope,
                "append",
                payload_hash,
                now(),
                secrets,
            )
            draft = append.drafted(events, self.registry)
            rows, receipt = draft.rows, append.receipt(draft.rows)
            try:
                with violations(), field_encryption.kept(secrets, draft.claimed):
                    position = engine().append(rows, receipt, append.head.hash)
            except Raced as race:
                raise WrongExpectedVersion(aggregate=aggregate_id, expected_version=expected_version) from race
        return answer(receipt._replace(position=position), replayed=False)

    def get_events(
        self, aggregate_id: UUID, *, to_version: int | None = None, as_of: datetime | None = None
    ) -> list[Recorded[Any]]:
        """The whole stream, empty if there is none."""
        return self.get_events_after(aggregate_id, 0, to_version=to_version, as_of=as_of)

    def get_events_after(
        self,
        aggregate_id: UUID,
        version: int,
        *,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> list[Recorded[Any]]:
        """The events with a higher version than `version`."""
        return list(self.get_event_stream(aggregate_id, after=version, to_version=to_version, as_of=as_of))

    def get_events_between(
        self, aggregate_id: UUID, first: int, last: int, *, as_of: datetime | None = None
    ) -> list[Recorded[Any]]:
        """The events with versions from `first` to `last`, both included."""
        return self.get_events_after(aggregate_id, first - 1, to_version=last, as_of=as_of)

    def get_event_stream(
        self,
        aggregate_id: UUID,
        *,
        after: int = 0,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[Recorded[Any]]:
        """As `get_events`, lazily: a thousand events are in memory at a time, however long the stream."""
        for row in self.rows(aggregate_id, after=after, to_version=to_version, as_of=as_of):
            yield recorded(row, self.registry)

    def events_of_command(self, command_id: UUID) -> list[Recorded[Any]]:
        """What a command led to; empty if it was never accepted, or was already so."""
        for row in engine().receipts([command_id]):
            return self.get_events_between(row.aggregate_id, row.version - row.events + 1, row.version)
        return []

    def _hidden(self, event: Event, aggregate_id: UUID, secrets: Session | None) -> bytes:
        payload, told = serialization.encoded_event(event)
        fields = self.registry.personal(type(event))
        return secrets.hidden(told, payload, fields, aggregate_id) if secrets and fields else payload

    def rows(
        self,
        aggregate_id: UUID,
        *,
        after: int = 0,
        to_version: int | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[Row]:
        """The rows behind `get_event_stream`: what is hashed, copied and verified."""
        if as_of is not None and as_of.tzinfo is None:
            raise InvalidMessage("as_of needs a time zone", as_of=as_of)
        condition = "" if as_of is None else " AND recorded_at <= %s"
        moment = () if as_of is None else (as_of,)
        last = _END if to_version is None else to_version
        while True:
            page = engine().select(
                f"WHERE aggregate_id = %s AND version > %s AND version <= %s{condition} ORDER BY version LIMIT {PAGE}",
                (aggregate_id, after, last, *moment),
            )
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].version


def earlier_answer(command_id: UUID, payload_hash: bytes) -> Receipt:
    """The receipt of a command that was accepted before; raises `CommandIdReused` if that was another command."""
    [row] = engine().receipts([command_id])
    if bytes(row.payload_hash) != payload_hash:
        raise CommandIdReused(command_id=command_id, first_used_for=row.command_type)
    return answer(row, replayed=True)


def _head(past: Sequence[Past], aggregate_type: str, aggregate_id: UUID, expected_version: int) -> Written:
    head = Written(past[-1].version, bytes(past[-1].hash)) if past else Written()
    if past and past[0].aggregate_type != aggregate_type:
        raise WrongAggregateType(aggregate_id=aggregate_id, stored=past[0].aggregate_type, given=aggregate_type)
    if expected_version > head.version:
        raise VersionGap(aggregate_id=aggregate_id, expected_version=expected_version, version=head.version)
    if expected_version != head.version:
        raise WrongExpectedVersion(aggregate_id=aggregate_id, expected_version=expected_version, version=head.version)
    return head


store: Final = EventStore()
