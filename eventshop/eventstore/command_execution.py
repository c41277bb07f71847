"""Prepare a command, load its aggregate and decide; shared by single commands and batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from eventshop.core import serialization
from eventshop.core.aggregate import Aggregate
from eventshop.core.command_cleaning import clean_command
from eventshop.core.errors import WrongAggregateType
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Envelope
from eventshop.core.request_context import add_request_metadata
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.event_append import AppendRequest, StreamHead, hash_command
from eventshop.eventstore.field_encryption import EncryptionSession, FieldContext, UniqueValueClaim
from eventshop.eventstore.records import SNAPSHOT_PREFIX, EventRow, HistoryEntry
from eventshop.eventstore.snapshots import repository
from eventshop.eventstore.stored_texts import is_stored

_decode_raw: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_raw_items: Final = msgspec.json.Decoder(list[dict[str, Raw]]).decode


class PreparedCommand(Struct, frozen=True):
    """A validated command with its aggregate and payload hash."""

    command: Command
    envelope: Envelope
    aggregate: type[Aggregate[Any, Any]]
    aggregate_id: UUID
    payload_hash: bytes
    session: EncryptionSession | None = None


class LoadedAggregate(Struct, frozen=True):
    """The current state of an aggregate and the head of its stream."""

    state: Aggregate[Any, Any]
    head: StreamHead


def prepare_command(
    command: Command, envelope: Envelope, registry: MessageRegistry, session: EncryptionSession | None = None
) -> PreparedCommand:
    """Validate a command and find its aggregate; raises `InvalidMessage` or `UnknownName`.

    The commands of a batch share a `session`, because they may need the same new key.
    """
    aggregate = registry.aggregate_of(type(command))
    envelope = add_request_metadata(envelope)
    if envelope.saga_id is None:  # a saga repeats the texts of stored events, which may be older than the rules
        command = clean_command(command, partial(is_stored, command, aggregate, envelope))
    payload, command = serialization.encode_canonical(command)
    aggregate_id = aggregate.id_of(command)
    session = session.open_child() if session else None
    if fields := registry.personal_fields_of(type(command)):
        session = session or field_encryption.open_session()
        payload = session.replace_with_digests(command, payload, fields, aggregate_id)
    payload_hash = hash_command(type(command).__name__, _leave_out_added_fields(command, payload))
    return PreparedCommand(command, envelope, aggregate, aggregate_id, payload_hash, session)


def accepted_hashes(prepared: PreparedCommand, registry: MessageRegistry) -> set[bytes]:
    """The hashes that identify this command: of this release, and of one that stored more of its texts in clear."""
    command, fields = prepared.command, registry.personal_fields_of(type(prepared.command))
    if all(field.since == 1 for field in fields):
        return {prepared.payload_hash}
    payload = serialization.encode_canonical(command)[0]
    if encrypted_then := [field for field in fields if field.since == 1 and getattr(command, field.name)]:
        session = field_encryption.open_session()
        payload = session.replace_with_digests(command, payload, encrypted_then, prepared.aggregate_id)
    return {prepared.payload_hash, hash_command(type(command).__name__, _leave_out_added_fields(command, payload))}


def _leave_out_added_fields(command: Command, payload: bytes) -> bytes:
    """The payload as the release before `added_fields` wrote it, if they have their defaults."""
    if not command.added_fields:
        return payload
    values = _decode_raw(payload)
    nested: dict[str, list[str]] = {}
    for path in command.added_fields:
        name, _, inner = path.partition(".")
        if inner:
            nested.setdefault(name, []).append(inner)
        else:
            _leave_out_default(command, name, values)
    for name, inner_names in nested.items():
        value = getattr(command, name)
        is_one = isinstance(value, Struct)
        items = [_decode_raw(values[name])] if is_one else _decode_raw_items(values[name])
        for item, item_values in zip([value] if is_one else value, items, strict=True):
            for inner in inner_names:
                _leave_out_default(item, inner, item_values)
        values[name] = Raw(msgspec.json.encode(items[0] if is_one else items))
    return msgspec.json.encode(values)


def _leave_out_default(struct: Struct, name: str, values: dict[str, Raw]) -> None:
    if getattr(struct, name) == _defaults(type(struct))[name]:
        values.pop(name, None)


@cache
def _defaults(struct: type[Struct]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(struct)}


def load_aggregate(
    aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, history: Iterable[HistoryEntry], registry: MessageRegistry
) -> LoadedAggregate:
    """Fold a history, which may begin with a snapshot; raises `WrongAggregateType` for another aggregate's stream."""
    state, last = aggregate(), None
    for last in history:
        if last.event_type.startswith(SNAPSHOT_PREFIX):
            snapshot_state = repository.read_snapshot(aggregate, aggregate_id, last)
            if snapshot_state is None:  # another snapshot version, or a person was erased: ignore the snapshot
                return load_aggregate(aggregate, aggregate_id, read_full_history(aggregate_id), registry)
            state = snapshot_state
            continue
        if last.aggregate_type != aggregate.__name__:
            raise WrongAggregateType(stored=last.aggregate_type, asked_for=aggregate.__name__)
        context = FieldContext(aggregate_id, last.version, last.event_type, last.schema_version)
        state = state.evolve(field_encryption.read_event(registry, last.payload, context))
    return LoadedAggregate(state, StreamHead.after(last))


def read_full_history(aggregate_id: UUID) -> list[HistoryEntry]:
    """Load every event of a stream, without its snapshot."""
    return [item for _, item in backend().load_histories([aggregate_id], snapshots=False)]


class CommandResult(Struct, frozen=True):
    """The result of a decision: the rows, the receipt without its position, and the aggregate afterwards."""

    rows: list[EventRow]
    receipt: ReceiptRow
    previous_hash: bytes
    aggregate_after: LoadedAggregate
    claims: Sequence[UniqueValueClaim] = ()
    session: EncryptionSession | None = None


def decide_command(prepared: PreparedCommand, loaded: LoadedAggregate, registry: MessageRegistry) -> CommandResult:
    """Decide a command on a loaded aggregate; raises `CommandRefused`, `InvalidMessage` or `EventTooLarge`."""
    events = loaded.state.decide(prepared.command)
    request = AppendRequest(
        prepared.aggregate_id,
        prepared.aggregate.__name__,
        loaded.head,
        prepared.envelope,
        type(prepared.command).__name__,
        prepared.payload_hash,
        loaded.head.next_recorded_at(),
        prepared.session,
    )
    encoded = request.encode(events, registry)
    rows = encoded.rows
    if not rows:
        return CommandResult(rows, request.receipt_row(rows), loaded.head.hash, loaded, (), prepared.session)
    # Evolve by the decoded events, as every later reader will, not by the events that `decide` built.
    aggregate_after = LoadedAggregate(loaded.state.evolve_all(encoded.events), StreamHead.after(rows[-1]))
    return CommandResult(
        rows, request.receipt_row(rows), loaded.head.hash, aggregate_after, encoded.claims, encoded.session
    )
