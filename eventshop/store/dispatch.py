"""The one road for a change: load, decide, append, with a receipt for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eventshop.core.errors import Conflict, WrongExpectedVersion
from eventshop.core.message import Command, Envelope, new_id
from eventshop.core.registry import Registry
from eventshop.core.registry import registry as program
from eventshop.store.batch import Batch, Outcome, prepared_or_refused
from eventshop.store.deciding import Job, decided, loaded, prepared
from eventshop.store.engine import engine
from eventshop.store.event_store import earlier_answer
from eventshop.store.transactions import many_writes, one_write, savepoint
from eventshop.store.writing import Raced, Receipt, answer, violations

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
    """Decide one command and append what follows, in one transaction with its receipt; two round trips.

    A lost race is decided again up to three times, then `Conflict`. The same command id and payload gives the first
    answer again, marked `replayed`; with another payload `CommandIdReused`. With `expected_version` the stream must
    be there (`WrongExpectedVersion`). Also raises what the rules refuse (`CommandRefused`), `InvalidMessage`,
    `UnknownName`, `EventTooLarge`, `WrongAggregateType`. Whatever is raised, nothing is left behind.
    """
    job = prepared(command, envelope or Envelope(command_id=new_id()), registry)
    race: Raced | None = None
    for _ in range(RETRIES + 1):
        try:
            with one_write():
                return _decide_and_append(job, expected_version, registry)
        except Raced as lost:
            race = lost
    raise Conflict(command=type(command).__name__, aggregate_id=job.aggregate_id, tries=RETRIES + 1) from race


def send_many(commands: Iterable[tuple[Command, Envelope]], *, registry: Registry = program) -> list[Outcome]:
    """Decide commands in order and append all that follows in one transaction with two multi-row inserts.

    Gives what became of each, in order. A refused command (`CommandRefused`, `InvalidMessage`, `CommandIdReused`) is
    its error in the list, leaves nothing behind and stops no other; anything else is raised and nothing is written.
    The whole batch is decided again when it loses a race, up to three times, then `Conflict`.
    """
    jobs = [prepared_or_refused(command, envelope, registry) for command, envelope in commands]
    race: Raced | None = None
    for _ in range(RETRIES + 1):
        try:
            with violations(), many_writes():
                return Batch(registry, jobs).run()
        except Raced as lost:
            race = lost
    raise Conflict(commands=len(jobs), tries=RETRIES + 1) from race


def _decide_and_append(job: Job, expected_version: int | None, registry: Registry) -> Receipt:
    seen, past = engine().history(job.aggregate_id, job.envelope.command_id)
    if seen:
        return earlier_answer(job.envelope.command_id, job.payload_hash)
    at = loaded(job.aggregate, past, registry)
    if expected_version is not None and expected_version != at.head.version:
        raise WrongExpectedVersion(
            aggregate_id=job.aggregate_id, expected_version=expected_version, version=at.head.version
        )
    _, rows, receipt = decided(job, at, registry)
    with violations(), savepoint():
        position = engine().append(rows, receipt)
    return answer(receipt._replace(position=position), replayed=False)
