"""The command dispatcher: load, decide, append; every change of an aggregate goes through it and has a receipt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter

from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage, WrongExpectedVersion
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import aggregate_cache, field_encryption, store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_batch import CommandBatch, Outcome
from eventshop.eventstore.command_execution import (
    CommandResult,
    PreparedCommand,
    accepted_hashes,
    decide_command,
    load_aggregate,
    prepare_command,
)
from eventshop.eventstore.command_metrics import CommandTimer, count_batch
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.command_tracing import CommandPair, command_spans
from eventshop.eventstore.contention import Attempt, repeat_on_conflict
from eventshop.eventstore.event_append import to_receipt, translate_violations
from eventshop.eventstore.event_store import replay_receipt
from eventshop.eventstore.stream_locks import lock_streams
from eventshop.eventstore.unit_of_work import batch_write, single_write
from eventshop.runtime import metrics, tracing
from eventshop.runtime.wake_signals import Channel, wake

__all__ = ["Outcome", "Receipt", "send", "send_many"]


def send(
    command: Command,
    *,
    envelope: Envelope | None = None,
    expected_version: int | None = None,
    registry: MessageRegistry = program,
) -> Receipt:
    """Decide one command and append its events with its receipt in one transaction; at most two round trips.

    A command that another writer has overtaken is decided again, at last under the lock of its stream, so that it is
    never refused because of other writers. A command is idempotent by its id: the same id and payload gives the first
    receipt again, marked `replayed`; another payload raises `CommandIdReused`. `expected_version` must be the version
    of the stream (`WrongExpectedVersion`). Also raises `CommandRefused`, `InvalidMessage`, `UnknownName`,
    `EventTooLarge`, `WrongAggregateType` and `StoreDiverged`. Nothing is written when an error is raised.
    """
    timer = CommandTimer(command)
    try:
        dispatch = _send_traced if tracing.is_on() else _send
        return timer.count(dispatch(command, envelope, expected_version, registry))
    except BaseException as error:
        timer.count_error(error)
        raise


def _send_traced(
    command: Command, envelope: Envelope | None, expected_version: int | None, registry: MessageRegistry
) -> Receipt:
    with command_spans([(command, envelope or Envelope(command_id=new_id()))]) as [(_, traced)]:
        return _send(command, traced, expected_version, registry)


def _send(
    command: Command, envelope: Envelope | None, expected_version: int | None, registry: MessageRegistry
) -> Receipt:
    store_epochs.refuse_if_diverged()
    prepared = prepare_command(command, envelope or Envelope(command_id=new_id()), registry)
    receipt = _append_from_cache(prepared, expected_version, registry)
    if receipt is not None:
        return receipt
    metrics.AGGREGATE_LOADS.inc()

    def append(attempt: Attempt) -> Receipt:
        current = prepared
        if attempt.number and prepared.session is not None:  # the conflict may have replaced the key of the hash
            current = prepare_command(command, prepared.envelope, registry)
        if not attempt.locked:
            with single_write():
                return _load_and_append(current, expected_version, registry)
        with batch_write():
            lock_streams([current.aggregate_id], exclusive=True)
            return _load_and_append(current, expected_version, registry)

    return repeat_on_conflict(append)


def send_many(commands: Iterable[tuple[Command, Envelope]], *, registry: MessageRegistry = program) -> list[Outcome]:
    """Decide commands in order and append all their events in one transaction with two multi-row inserts.

    Returns the outcomes in order. A refused command (`CommandRefused`, `InvalidMessage`, `CommandIdReused`) gives its
    error, writes nothing and does not affect the others; any other error is raised and nothing is written. A batch
    that another writer has overtaken is decided again, at last under the locks of all its streams.
    """
    pairs = list(commands)
    if len(pairs) == 1:
        return [_send_or_refuse(*pairs[0], registry)]  # with half the statements
    if not tracing.is_on():
        return _send_batch(pairs, registry)
    with command_spans(pairs) as traced:
        return _send_batch(traced, registry)


def _send_batch(pairs: Sequence[CommandPair], registry: MessageRegistry) -> list[Outcome]:
    store_epochs.refuse_if_diverged()
    started = perf_counter()

    def append(attempt: Attempt) -> list[Outcome]:
        with translate_violations(), batch_write():
            return CommandBatch(registry, pairs, exclusive=attempt.locked).run()

    outcomes = repeat_on_conflict(append)
    commands_sent = (command for command, _ in pairs)
    count_batch(zip(commands_sent, outcomes, strict=True), perf_counter() - started)
    return outcomes


def _send_or_refuse(command: Command, envelope: Envelope, registry: MessageRegistry) -> Outcome:
    try:
        return send(command, envelope=envelope, registry=registry)
    except (CommandRefused, InvalidMessage, CommandIdReused) as refusal:
        return refusal


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
        return replay_receipt(prepared.envelope.command_id, accepted_hashes(prepared, registry))
    loaded = load_aggregate(prepared.aggregate, prepared.aggregate_id, history, registry)
    if expected_version is not None and expected_version != loaded.head.version:
        raise WrongExpectedVersion(
            aggregate_id=prepared.aggregate_id, expected_version=expected_version, version=loaded.head.version
        )
    return _append(prepared, decide_command(prepared, loaded, registry))


def _append(prepared: PreparedCommand, result: CommandResult) -> Receipt:
    with (
        tracing.span("append", prepared.aggregate.__name__),
        translate_violations(),
        field_encryption.save_keys_and_claims(result.session, result.claims),
    ):
        position = backend().append_command(result.rows, result.receipt, result.previous_hash)
    if result.rows:
        wake(Channel.EVENTS)
    aggregate_cache.put(prepared.aggregate, prepared.aggregate_id, result.aggregate_after)
    return to_receipt(result.receipt._replace(position=position), replayed=False)
