"""From a command and a past to the rows that follow: shared by single commands and batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventshop.core import serialization
from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import WrongAggregateType
from eventshop.core.message_registry import Registry
from eventshop.core.messages import Command, Envelope
from eventshop.core.request_context import in_context
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.event_append import Append, Written, fingerprint, now
from eventshop.eventstore.field_encryption import Claimed, Place, Session
from eventshop.eventstore.records import SNAPSHOT, Past, ReceiptRow, Row
from eventshop.eventstore.snapshots import repository


class Job(Struct, frozen=True):
    """A command ready to be decided: checked, addressed, fingerprinted."""

    command: Command
    envelope: Envelope
    aggregate: type[Aggregate[Any, Any]]
    aggregate_id: UUID
    payload_hash: bytes
    secrets: Session | None = None


class Loaded(Struct, frozen=True):
    """An aggregate as its stream has it now."""

    state: Aggregate[Any, Any]
    head: Written


def prepared(command: Command, envelope: Envelope, registry: Registry, secrets: Session | None = None) -> Job:
    """Check a command and find its aggregate; raises `InvalidMessage` or `UnknownName`.

    `secrets` is shared by commands that are written together: they may need the same new key.
    """
    aggregate = registry.aggregate_of(type(command))
    envelope = in_context(envelope)
    payload, command = serialization.canonical(command)
    aggregate_id = aggregate.id_of(command)
    secrets = secrets.part() if secrets else None
    if fields := registry.personal(type(command)):
        secrets = secrets or field_encryption.session()
        payload = secrets.hidden(command, payload, fields, aggregate_id)
    payload_hash = fingerprint(type(command).__name__, payload)
    return Job(command, envelope, aggregate, aggregate_id, payload_hash, secrets)


def loaded(
    aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, past: Iterable[Past], registry: Registry
) -> Loaded:
    """Fold a stream, from its snapshot on if it has one; raises `WrongAggregateType` when it is another aggregate's."""
    state, last = aggregate(), None
    for last in past:
        if last.event_type.startswith(SNAPSHOT):
            at = repository.read(aggregate, aggregate_id, last)
            if at is None:  # made by another fold, or of somebody erased: as if there were none
                return loaded(aggregate, aggregate_id, whole(aggregate_id), registry)
            state = at
            continue
        if last.aggregate_type != aggregate.__name__:
            raise WrongAggregateType(stored=last.aggregate_type, asked_for=aggregate.__name__)
        place = Place(aggregate_id, last.version, last.event_type, last.schema_version)
        state = state.evolve(field_encryption.read_event(registry, last.payload, place))
    return Loaded(state, Written(last.version, bytes(last.hash)) if last else Written())


def whole(aggregate_id: UUID) -> list[Past]:
    """Every event of a stream, and no snapshot."""
    return [item for _, item in engine().histories([aggregate_id], snapshots=False)]


class Decided(Struct, frozen=True):
    """What follows from a command: the rows, the receipt without its position, and the aggregate afterwards."""

    rows: list[Row]
    receipt: ReceiptRow
    before_hash: bytes
    after: Loaded
    claimed: Sequence[Claimed] = ()
    secrets: Session | None = None


def decided(job: Job, at: Loaded, registry: Registry) -> Decided:
    """Decide; raises what the rules refuse, `InvalidMessage` or `EventTooLarge`."""
    events = at.state.decide(job.command)
    append = Append(
        job.aggregate_id,
        job.aggregate.__name__,
        at.head,
        job.envelope,
        type(job.command).__name__,
        job.payload_hash,
        now(),
        job.secrets,
    )
    draft = append.drafted(events, registry)
    rows = draft.rows
    if not rows:
        return Decided(rows, append.receipt(rows), at.head.hash, at, (), job.secrets)
    # Evolved by what a reader will see, not by what the rules happened to build.
    after = Loaded(at.state.evolve_all(draft.told), Written(rows[-1].version, rows[-1].hash))
    return Decided(rows, append.receipt(rows), at.head.hash, after, draft.claimed, draft.secrets)
