"""The command dispatcher: load, decide, append; every change of an aggregate goes through it and has a receipt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eventshop.core.errors import Conflict, EventShopError, WrongExpectedVersion
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import aggregate_cache, field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_batch import CommandBatch, Outcome
from eventshop.eventstore.command_execution import (
    CommandResult,
    PreparedCommand,
    decide_command,
    load_aggregate,
    prepare_command,
)
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_append import ConcurrencyConflict, to_receipt, translate_violations
from eventshop.eventstore.event_store import replay_receipt
from eventshop.eventstore.unit_of_work import batch_write, single_write

__all__ = ["Outcome", "Receipt", "send", "send_many"]

#: How often a command is decided again after a concurrency conflict.
MAX_RETRIES: Final = 3


def send(
    command: Command,
    *,
    envelope: Envelope | None = None,
    expected_version: int | None = None,
    registry: MessageRegistry = program,
) -> Receipt:
    """Decide one command and append its events with its receipt in one transaction; at most two round trips.

    After a concurrency conflict the command is decided again, up to three times, then `Conflict`. A command is
    idempotent by its id: the same id and payload gives the first receipt again, marked `replayed`; another payload
    raises `CommandIdReused`. `expected_version` must be the version of the stream (`WrongExpectedVersion`). Also
    raises `CommandRefused`, `InvalidMessage`, `UnknownName`, `EventTooLarge` and `WrongAggregateType`. Nothing is
    written when an error is raised.
    """
    prepared = prepare_command(command, envelope or Envelope(command_id=new_id()), registry)
    receipt = _append_from_cache(prepared, expected_version, registry)
    if receipt is not None:
        return receipt
    conflict: ConcurrencyConflict | None = None
    for _ in range(MAX_RETRIES + 1):
        try:
            with single_write():
                return _load_and_append(prepared, expected_version, registry)
        except ConcurrencyConflict as error:
            conflict = error
            if prepared.session is not None:  # the conflict may have replaced the key of the payload hash
                prepared = prepare_command(command, prepared.envelope, registry)
    raise Conflict(
        command=type(command).__name__, aggregate_id=prepared.aggregate_id, tries=MAX_RETRIES + 1
    ) from conflict


def send_many(commands: Iterable[tuple[Command, Envelope]], *, registry: MessageRegistry = program) -> list[Outcome]:
    """Decide commands in order and append all their events in one transaction with two multi-row inserts.

    Returns the outcomes in order. A refused command (`CommandRefused`, `InvalidMessage`, `CommandIdReused`) gives its
    error, writes nothing and does not affect the others; any other error is raised and nothing is written. After a
    concurrency conflict the whole batch is decided again, up to three times, then `Conflict`.
    """
    pairs = list(commands)
    conflict: ConcurrencyConflict | None = None
    for _ in range(MAX_RETRIES + 1):
        try:
            with translate_violations(), batch_write():
                return CommandBatch(registry, pairs).run()
        except ConcurrencyConflict as error:
            conflict = error
    raise Conflict(commands=len(pairs), tries=MAX_RETRIES + 1) from conflict


def _append_from_cache(
    prepared: PreparedCommand, expected_version: int | None, registry: MessageRegistry
) -> Receipt | None:
    """Decide on the cached aggregate and append: one round trip.

    The append succeeds only if the stream still ends with the event that the cached state ends with. Every other
    outcome may come from a stale state (a refusal, no change, a repeated command, a concurrent event): return None,
    and the caller loads the aggregate.
    """
    cached = aggregate_cache.get(prepared.aggregate, prepared.aggregate_id)
    if cached is None or expected_version not in (None, cached.head.version):
        return None
    try:
        result = decide_command(prepared, cached, registry)
        return _append(prepared, result) if result.rows else None
    except EventShopError:
        aggregate_cache.evict(prepared.aggregate, prepared.aggregate_id)
        return None


def _load_and_append(prepared: PreparedCommand, expected_version: int | None, registry: MessageRegistry) -> Receipt:
    is_replay, history = backend().load_history(prepared.aggregate_id, prepared.envelope.command_id)
    if is_replay:
        return replay_receipt(prepared.envelope.command_id, prepared.payload_hash)
    loaded = load_aggregate(prepared.aggregate, prepared.aggregate_id, history, registry)
    if expected_version is not None and expected_version != loaded.head.version:
        raise WrongExpectedVersion(
            aggregate_id=prepared.aggregate_id, expected_version=expected_version, version=loaded.head.version
        )
    return _append(prepared, decide_command(prepared, loaded, registry))


def _append(prepared: PreparedCommand, result: CommandResult) -> Receipt:
    with translate_violations(), field_encryption.save_keys_and_claims(result.session, result.claims):
        position = backend().append_command(result.rows, result.receipt, result.previous_hash)
    aggregate_cache.put(prepared.aggregate, prepared.aggregate_id, result.aggregate_after)
    return to_receipt(result.receipt._replace(position=position), replayed=False)
