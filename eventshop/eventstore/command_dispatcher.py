"""The one road for a change: load, decide, append, with a receipt for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eventshop.core.errors import Conflict, EventShopError, WrongExpectedVersion
from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import aggregate_cache, field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.command_batch import Batch, Outcome
from eventshop.eventstore.command_execution import Decided, Job, decided, loaded, prepared
from eventshop.eventstore.event_append import Raced, Receipt, answer, violations
from eventshop.eventstore.event_store import earlier_answer
from eventshop.eventstore.unit_of_work import many_writes, one_write

__all__ = ["Outcome", "Receipt", "send", "send_many"]

#: How often a command that lost a race is decided again.
RETRIES: Final = 3


def send(
    command: Command,
    *,
    envelope: Envelope | None = None,
    expected_version: int | None = None,
    registry: Registry = program,
) -> Receipt:
    """Decide one command and append what follows, in one transaction with its receipt; two round trips at most.

    A lost race is decided again up to three times, then `Conflict`. The same command id and payload gives the first
    answer again, marked `replayed`; with another payload `CommandIdReused`. With `expected_version` the stream must
    be there (`WrongExpectedVersion`). Also raises what the rules refuse (`CommandRefused`), `InvalidMessage`,
    `UnknownName`, `EventTooLarge`, `WrongAggregateType`. Whatever is raised, nothing is left behind.
    """
    job = prepared(command, envelope or Envelope(command_id=new_id()), registry)
    receipt = _from_memory(job, expected_version, registry)
    if receipt is not None:
        return receipt
    race: Raced | None = None
    for _ in range(RETRIES + 1):
        try:
            with one_write():
                return _load_and_append(job, expected_version, registry)
        except Raced as lost:
            race = lost
            if job.secrets is not None:  # the key that the command's hash was made with may be another one's now
                job = prepared(command, job.envelope, registry)
    raise Conflict(command=type(command).__name__, aggregate_id=job.aggregate_id, tries=RETRIES + 1) from race


def send_many(commands: Iterable[tuple[Command, Envelope]], *, registry: Registry = program) -> list[Outcome]:
    """Decide commands in order and append all that follows in one transaction with two multi-row inserts.

    Gives what became of each, in order. A refused command (`CommandRefused`, `InvalidMessage`, `CommandIdReused`) is
    its error in the list, leaves nothing behind and stops no other; anything else is raised and nothing is written.
    The whole batch is decided again when it loses a race, up to three times, then `Conflict`.
    """
    given = list(commands)
    race: Raced | None = None
    for _ in range(RETRIES + 1):
        try:
            with violations(), many_writes():
                return Batch(registry, given).run()
        except Raced as lost:
            race = lost
    raise Conflict(commands=len(given), tries=RETRIES + 1) from race


def _from_memory(job: Job, expected_version: int | None, registry: Registry) -> Receipt | None:
    """Decide on the aggregate as this process left it and append at once: one round trip.

    The append holds only if the stream still ends with the very event that was left there. Whatever else comes of it,
    a refusal, nothing to do, a repeated command, somebody's event in between, is worth nothing: None, load and see.
    """
    at = aggregate_cache.recall(job.aggregate, job.aggregate_id)
    if at is None or expected_version not in (None, at.head.version):
        return None
    try:
        follows = decided(job, at, registry)
        return _append(job, follows) if follows.rows else None
    except EventShopError:
        aggregate_cache.forget(job.aggregate, job.aggregate_id)
        return None


def _load_and_append(job: Job, expected_version: int | None, registry: Registry) -> Receipt:
    seen, past = engine().history(job.aggregate_id, job.envelope.command_id)
    if seen:
        return earlier_answer(job.envelope.command_id, job.payload_hash)
    at = loaded(job.aggregate, job.aggregate_id, past, registry)
    if expected_version is not None and expected_version != at.head.version:
        raise WrongExpectedVersion(
            aggregate_id=job.aggregate_id, expected_version=expected_version, version=at.head.version
        )
    return _append(job, decided(job, at, registry))


def _append(job: Job, follows: Decided) -> Receipt:
    with violations(), field_encryption.kept(follows.secrets, follows.claimed):
        position = engine().append(follows.rows, follows.receipt, follows.before_hash)
    aggregate_cache.remember(job.aggregate, job.aggregate_id, follows.after)
    return answer(follows.receipt._replace(position=position), replayed=False)
