"""From a command and a past to the rows that follow: shared by single commands and batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventshop.core import codec
from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import WrongAggregateType
from eventshop.core.message import Command, Envelope
from eventshop.core.registry import Registry
from eventshop.store.rows import Past, ReceiptRow, Row
from eventshop.store.writing import Append, Written, fingerprint, now


class Job(Struct, frozen=True):
    """A command ready to be decided: checked, addressed, fingerprinted."""

    command: Command
    envelope: Envelope
    aggregate: type[Aggregate[Any, Any]]
    aggregate_id: UUID
    payload_hash: bytes


class Loaded(Struct, frozen=True):
    """An aggregate as its stream has it now."""

    state: Aggregate[Any, Any]
    head: Written


def prepared(command: Command, envelope: Envelope, registry: Registry) -> Job:
    """Check a command and find its aggregate; raises `InvalidMessage` or `UnknownName`."""
    aggregate = registry.aggregate_of(type(command))
    payload, command = codec.canonical(command)
    return Job(command, envelope, aggregate, aggregate.id_of(command), fingerprint(type(command).__name__, payload))


def loaded(aggregate: type[Aggregate[Any, Any]], past: Iterable[Past], registry: Registry) -> Loaded:
    """Fold a stream; raises `WrongAggregateType` when it is another aggregate's."""
    state, last = aggregate(), None
    for last in past:
        if last.aggregate_type != aggregate.__name__:
            raise WrongAggregateType(stored=last.aggregate_type, asked_for=aggregate.__name__)
        state = state.evolve(codec.decode_event(registry.event(last.event_type), last.payload))
    return Loaded(state, Written(last.version, bytes(last.hash)) if last else Written())


class Decided(Struct, frozen=True):
    """What follows from a command: the rows, the receipt without its position, and the aggregate afterwards."""

    rows: list[Row]
    receipt: ReceiptRow
    before_hash: bytes
    after: Loaded


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
    )
    rows = append.rows(events, registry)
    if not rows:
        return Decided(rows, append.receipt(rows), at.head.hash, at)
    # Evolved by what a reader will see, not by what the rules happened to build.
    told = (codec.decode_event(type(event), row.payload) for event, row in zip(events, rows, strict=True))
    after = Loaded(at.state.evolve_all(told), Written(rows[-1].version, rows[-1].hash))
    return Decided(rows, append.receipt(rows), at.head.hash, after)
