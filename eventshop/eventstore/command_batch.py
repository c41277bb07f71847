"""One attempt at a batch: many commands decided in order, written with two multi-row inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TypeAlias
from uuid import UUID

from django.db import transaction

from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Envelope
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_execution import (
    CommandResult,
    LoadedAggregate,
    PreparedCommand,
    accepted_hashes,
    decide_command,
    load_aggregate,
    prepare_command,
)
from eventshop.eventstore.command_receipts import Receipt, ReceiptRow
from eventshop.eventstore.event_append import to_receipt
from eventshop.eventstore.field_encryption import EncryptionSession
from eventshop.eventstore.records import EventRow, HistoryEntry, traceparent_of
from eventshop.eventstore.stream_locks import lock_streams
from eventshop.runtime import tracing
from eventshop.runtime.wake_signals import Channel, wake

#: The outcome of one command: its receipt, or the error that refused it.
Outcome: TypeAlias = Receipt | EventShopError


class CommandBatch:
    """One attempt: the aggregates after each command, and the rows to be written."""

    def __init__(
        self, registry: MessageRegistry, commands: Sequence[tuple[Command, Envelope]], *, exclusive: bool
    ) -> None:
        self.registry = registry
        self.session = field_encryption.open_shared_session(registry, (command for command, _ in commands))
        jobs = [_prepare_or_refuse(command, envelope, registry, self.session) for command, envelope in commands]
        self.prepared = jobs
        valid = [job for job in jobs if isinstance(job, PreparedCommand)]
        # Also without a conflict, in shared mode: a writer that holds one exclusively must not be overtaken.
        lock_streams({job.aggregate_id for job in valid}, exclusive=exclusive)
        self.receipts = {
            row.command_id: row for row in backend().load_receipts([job.envelope.command_id for job in valid])
        }
        new = [job for job in valid if job.envelope.command_id not in self.receipts]
        self.histories = _group_by_aggregate(backend().load_histories(list({job.aggregate_id for job in new})))
        self.loaded: dict[UUID, LoadedAggregate] = {}
        self.rows: list[EventRow] = []
        self.new_receipts: dict[UUID, ReceiptRow] = {}
        self.last_row_index: dict[UUID, int] = {}  # by command id: the index in `rows` of its last event

    def run(self) -> list[Outcome]:
        outcomes = [self._decide(job) if isinstance(job, PreparedCommand) else job for job in self.prepared]
        if self.session is not None:
            self.session.save_keys()
        with tracing.span("append", causes=map(traceparent_of, self.rows), events=len(self.rows)):
            positions = backend().append_events(self.rows)
        if self.rows:
            wake(Channel.EVENTS)
        for command_id, index in self.last_row_index.items():
            self.new_receipts[command_id] = self.new_receipts[command_id]._replace(position=positions[index])
        backend().insert_receipts(list(self.new_receipts.values()))
        return [self._with_position(outcome) for outcome in outcomes]

    def _decide(self, prepared: PreparedCommand) -> Outcome:
        earlier = self.receipts.get(prepared.envelope.command_id)
        if earlier is not None:
            if bytes(earlier.payload_hash) in accepted_hashes(prepared, self.registry):
                return to_receipt(earlier, replayed=True)
            return CommandIdReused(command_id=earlier.command_id, first_used_for=earlier.command_type)
        try:
            result = decide_command(prepared, self._load(prepared), self.registry)
            self._accept_claims(result)
        except (CommandRefused, InvalidMessage) as refusal:
            return refusal
        receipt = result.receipt
        if result.rows:
            self.loaded[prepared.aggregate_id] = result.aggregate_after
            self.rows += result.rows
            self.last_row_index[receipt.command_id] = len(self.rows) - 1
        self.new_receipts[receipt.command_id] = self.receipts[receipt.command_id] = receipt
        return to_receipt(receipt, replayed=False)

    def _accept_claims(self, result: CommandResult) -> None:
        if result.session is not None:
            with transaction.atomic() if len(result.claims) > 1 else nullcontext():  # one claim is all or nothing
                result.session.accept_claims(result.claims)

    def _load(self, prepared: PreparedCommand) -> LoadedAggregate:
        aggregate = self.loaded.get(prepared.aggregate_id)
        if aggregate is None:
            aggregate = load_aggregate(
                prepared.aggregate, prepared.aggregate_id, self.histories.get(prepared.aggregate_id, ()), self.registry
            )
            self.loaded[prepared.aggregate_id] = aggregate
        return aggregate

    def _with_position(self, outcome: Outcome) -> Outcome:
        """Set the position of a new receipt, which is known only after the insert of its events."""
        if isinstance(outcome, Receipt) and outcome.command_id in self.new_receipts:
            return to_receipt(self.new_receipts[outcome.command_id], replayed=outcome.replayed)
        return outcome


def _prepare_or_refuse(
    command: Command, envelope: Envelope, registry: MessageRegistry, session: EncryptionSession | None
) -> PreparedCommand | EventShopError:
    try:
        return prepare_command(command, envelope, registry, session)
    except (CommandRefused, InvalidMessage) as refusal:
        return refusal


def _group_by_aggregate(entries: Iterable[tuple[UUID, HistoryEntry]]) -> dict[UUID, list[HistoryEntry]]:
    histories: dict[UUID, list[HistoryEntry]] = {}
    for aggregate_id, entry in entries:
        histories.setdefault(aggregate_id, []).append(entry)
    return histories
