"""One try of a batch: many commands decided in order, written with two multi-row inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TypeAlias
from uuid import UUID

from django.db import transaction

from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage
from eventshop.core.message_registry import Registry
from eventshop.core.messages import Command, Envelope
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.command_execution import Decided, Job, Loaded, decided, loaded, prepared
from eventshop.eventstore.event_append import Receipt, answer
from eventshop.eventstore.field_encryption import Session
from eventshop.eventstore.records import Past, ReceiptRow, Row

#: What became of one command: its receipt, or the error it was refused with.
Outcome: TypeAlias = Receipt | EventShopError


class Batch:
    """One try: the aggregates as they move on, and the rows still to be written."""

    def __init__(self, registry: Registry, commands: Sequence[tuple[Command, Envelope]]) -> None:
        self.registry = registry
        self.secrets = field_encryption.shared(registry, (command for command, _ in commands))
        jobs = [_prepared_or_refused(command, envelope, registry, self.secrets) for command, envelope in commands]
        self.jobs = jobs
        sound = [job for job in jobs if isinstance(job, Job)]
        self.receipts = {row.command_id: row for row in engine().receipts([job.envelope.command_id for job in sound])}
        fresh = [job for job in sound if job.envelope.command_id not in self.receipts]
        self.pasts = _by_aggregate(engine().histories(list({job.aggregate_id for job in fresh})))
        self.loaded: dict[UUID, Loaded] = {}
        self.rows: list[Row] = []
        self.new: dict[UUID, ReceiptRow] = {}
        self.last_row: dict[UUID, int] = {}  # of each new receipt with events: where its last row is in `rows`

    def run(self) -> list[Outcome]:
        outcomes = [self._decide(job) if isinstance(job, Job) else job for job in self.jobs]
        if self.secrets is not None:
            self.secrets.save()
        positions = engine().append_many(self.rows)
        for command_id, index in self.last_row.items():
            self.new[command_id] = self.new[command_id]._replace(position=positions[index])
        engine().receive_many(list(self.new.values()))
        return [self._filled(outcome) for outcome in outcomes]

    def _decide(self, job: Job) -> Outcome:
        earlier = self.receipts.get(job.envelope.command_id)
        if earlier is not None:
            if bytes(earlier.payload_hash) == job.payload_hash:
                return answer(earlier, replayed=True)
            return CommandIdReused(command_id=earlier.command_id, first_used_for=earlier.command_type)
        try:
            follows = decided(job, self._load(job), self.registry)
            self._accept(follows)
        except (CommandRefused, InvalidMessage) as refusal:
            return refusal
        receipt = follows.receipt
        if follows.rows:
            self.loaded[job.aggregate_id] = follows.after
            self.rows += follows.rows
            self.last_row[receipt.command_id] = len(self.rows) - 1
        self.new[receipt.command_id] = self.receipts[receipt.command_id] = receipt
        return answer(receipt, replayed=False)

    def _accept(self, follows: Decided) -> None:
        if follows.secrets is not None:
            with transaction.atomic() if follows.claimed else nullcontext():
                follows.secrets.accept(follows.claimed)

    def _load(self, job: Job) -> Loaded:
        at = self.loaded.get(job.aggregate_id)
        if at is None:
            at = loaded(job.aggregate, job.aggregate_id, self.pasts.get(job.aggregate_id, ()), self.registry)
            self.loaded[job.aggregate_id] = at
        return at

    def _filled(self, outcome: Outcome) -> Outcome:
        """A receipt's position is known only once its events are in."""
        if isinstance(outcome, Receipt) and outcome.command_id in self.new:
            return answer(self.new[outcome.command_id], replayed=outcome.replayed)
        return outcome


def _prepared_or_refused(
    command: Command, envelope: Envelope, registry: Registry, secrets: Session | None
) -> Job | EventShopError:
    try:
        return prepared(command, envelope, registry, secrets)
    except (CommandRefused, InvalidMessage) as refusal:
        return refusal


def _by_aggregate(pasts: Iterable[tuple[UUID, Past]]) -> dict[UUID, list[Past]]:
    found: dict[UUID, list[Past]] = {}
    for aggregate_id, past in pasts:
        found.setdefault(aggregate_id, []).append(past)
    return found
