"""The health of the store as a whole, for `/readyz` and the console: whether event table, Kafka and readers agree.

The relay compares the event table with Kafka and records what it finds. Whether a reader has read events that the table
does not have is looked up here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from django.db.models import Max

from eventshop.eventstore.models import StoreEpoch
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.health_checks import ComponentHealth
from eventshop.projections.models import Checkpoint
from eventshop.sagas.models import PartitionLease, SagaLivePoint

Divergence = StoreEpoch.Divergence

OK: Final = "ok"
CHECKPOINT_AHEAD: Final = "checkpoint-ahead"
#: The command that resolves each state, after everything was stopped. docs/recovery.md tells the rest.
RESOLVING_COMMANDS: Final = {
    Divergence.DATABASE_BEHIND.value: "restore_events_from_kafka",
    Divergence.WRONG_EPOCH.value: "restore_events_from_kafka",
    Divergence.KAFKA_BEHIND.value: "create_topics --forget-all, then republish_events",
    Divergence.TOPIC_ANEW.value: "create_topics --forget TOPIC, then republish_events",
    Divergence.FORKED.value: "resolve_fork",
    CHECKPOINT_AHEAD: "restore_events_from_kafka, or restore a backup if Kafka lacks the events, too",
}


class StoreState(NamedTuple):
    """How event table, Kafka and readers agree: `ok`, or one of the codes of `RESOLVING_COMMANDS`."""

    code: str
    reason: str = ""

    @property
    def command(self) -> str:
        return RESOLVING_COMMANDS.get(self.code, "")

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}. To resolve it: {self.command}" if self.reason else self.code


def find_store_state() -> StoreState:
    """The state that the relay has recorded, or else whether a reader is ahead of the table. Five small queries."""
    epoch = StoreEpoch.objects.order_by("number").last()
    if epoch is not None and epoch.divergence:
        return StoreState(epoch.divergence, epoch.divergence_reason)
    newest = newest_position()
    if ahead := [f"{name} (at {position})" for name, position in _positions_of_readers() if position > newest]:
        reason = f"the event table ends at position {newest}, and these have read more: {', '.join(ahead)}"
        return StoreState(CHECKPOINT_AHEAD, reason)
    return StoreState(OK)


def _positions_of_readers() -> list[tuple[str, int]]:
    by_projection = Checkpoint.objects.values_list("projection").annotate(Max("store_position"))
    router = PartitionLease.objects.filter(name="database").values_list("offset", flat=True).first() or 0
    if SagaLivePoint.objects.filter(restoring=True).exists():
        router = 0  # its past is being restored
    return [*sorted(by_projection), ("sagas", router)]


def check_divergence() -> ComponentHealth:
    """Whether event table, Kafka and readers agree; if not, the state's code, the reason and the command."""
    state = find_store_state()
    return ComponentHealth("divergence", state.code == OK, str(state))
