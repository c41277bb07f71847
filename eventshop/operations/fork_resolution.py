"""Resolves a fork: the event table is kept, and what only Kafka has is set aside.

The table decides, so its events stay. Those whose positions Kafka has given to others get new positions, higher than
all of both sides: no position ever has two contents. The topic is made anew and gets the whole table. Each step can be
repeated: after a kill, the next run continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from django.apps import apps
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from eventshop.eventstore import import_events, store_epochs
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.store_epoch_records import begin_epoch_after, read_published_epoch
from eventshop.messaging.models import ForkedEvent, KnownTopic, StoreFork
from eventshop.messaging.reconciliation.fork import Fork, read_differences
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from eventshop.messaging.reconciliation.topic_items import TopicEvent
from eventshop.projections import checkpoints, rebuild
from eventshop.projections.models import Checkpoint, KeptRows, Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.targets import REBUILD_SUFFIX
from eventshop.runtime.fault_injection import crash_point

#: Columns outside of the event store that hold positions of the event table.
POSITION_COLUMNS: Final = (
    ("process.InboxMessage", "position"),
    ("process.SagaStep", "position"),
    ("process.SagaLivePoint", "live_from"),
    ("process.SagaLivePoint", "routed_to"),
    ("web.WebhookDelivery", "position"),
    ("web.WebhookEndpoint", "cursor"),
    ("projection_engine.EffectCursor", "position"),
    ("projection_engine.EffectCursor", "live_from"),
    ("projection_engine.ProjectedEffect", "position"),
)
#: Columns of an event that have columns of their own in the record.
_COPIED: Final = tuple(field.name for field in ForkedEvent._meta.fields if field.name in EventRow._fields)
_PAGE_SIZE: Final = 1_000


def find_unfinished() -> StoreFork | None:
    """The fork whose resolution has changed something and is not complete."""
    return StoreFork.objects.filter(resolved_at=None).exclude(renumbered_by=None).last()


def set_aside(
    fork: Fork, *, operator: str, reason: str, report_progress: Callable[[int], None] = lambda events: None
) -> StoreFork:
    """Record the events that only Kafka has. Nothing else is changed."""
    found = {"common_position": fork.common_position, "topic_position": fork.topic_position}
    record, _ = StoreFork.objects.update_or_create(
        topic_id=fork.topic_id, defaults={"topic": fork.topic, "operator": operator, "reason": reason, **found}
    )
    events = 0
    with OrderedTopicReader(fork.topic, after=fork.common_position) as reader:
        theirs = (item for _, item in read_differences(reader) if item)
        while page := list(islice(theirs, _PAGE_SIZE)):
            ForkedEvent.objects.bulk_create((_to_model(record, item) for item in page), ignore_conflicts=True)
            events += len(page)
            report_progress(events)
    return record


def keep_table(record: StoreFork, fork: Fork) -> list[str]:
    """Begin an epoch and renumber what the table has alone, in one transaction; return the projections to rebuild."""
    published = read_published_epoch()
    by = max(fork.table_position, fork.topic_position) - fork.common_position
    with transaction.atomic():
        reason = f"fork after position {fork.common_position} resolved: {record.reason}"
        begin_epoch_after(published, reason, restored_to_position=fork.common_position)
        import_events.renumber_events(after=fork.common_position, by=by)
        import_events.reserve_positions(fork.table_position + by)
        _renumber_columns(after=fork.common_position, by=by)
        names = _take_back_checkpoints(fork)
        unfinished = Rebuild.objects.filter(projection__in=names, state__in=Rebuild.OPEN)
        unfinished.update(started_at=None)  # they begin again, those that are paused when they go on
        unfinished.exclude(state=Rebuild.State.PAUSED).update(state=Rebuild.State.REQUESTED)
        KeptRows.end_all()
        for name in names:
            rebuild.request_rebuild(name, requested_by="resolve_fork", reason=f"a fork: {record.reason}"[:500])
        StoreFork.objects.filter(pk=record.pk).update(renumbered_by=by)
    crash_point("fork.after-renumbering")
    return names


def replace_topic(record: StoreFork) -> None:
    """Delete the topic that has other events, and create it again, empty."""
    topics.delete_topic(record.topic, record.topic_id)
    crash_point("fork.after-deletion")
    if KnownTopic.objects.filter(name=record.topic, topic_id=record.topic_id).exists():
        with transaction.atomic():
            topics.forget_topic(record.topic)
            checkpoints.reset_offsets()
    topics.ensure_topics(topics.topic_specs(projection.topic for projection in projection_registry.select([])))
    crash_point("fork.after-creation")


def finish(record: StoreFork) -> None:
    """Record that table and topic are one again."""
    StoreFork.objects.filter(pk=record.pk).update(resolved_at=Now())
    store_epochs.clear_divergence()


def export_lines(events: Iterable[ForkedEvent]) -> Iterable[str]:
    """One JSON object for each event: all its columns, and under `receipt` that of its command."""
    return (f"{event.record}\n" for event in events)


def _to_model(record: StoreFork, item: TopicEvent) -> ForkedEvent:
    row = item.row
    content = _columns(row) | {"receipt": _columns(item.receipt) if item.receipt else None}
    return ForkedEvent(
        fork=record,
        **{name: getattr(row, name) for name in _COPIED},
        record=msgspec.json.encode(content).decode(),
    )


def _columns(row: EventRow | Any) -> dict[str, Any]:
    values: Sequence[Any] = row
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in zip(row._fields, values, strict=True)
    }


def _take_back_checkpoints(fork: Fork) -> list[str]:
    """Take checkpoints beyond the last common event back to it; return the projections that must be rebuilt."""
    beyond = Checkpoint.objects.filter(store_position__gt=fork.common_position)
    names = sorted({name.removesuffix(REBUILD_SUFFIX) for name in beyond.values_list("projection", flat=True)})
    for partition, sequence in fork.sequences.items():
        beyond.filter(partition=partition).update(sequence=sequence, store_position=fork.common_position)
    return names


def _renumber_columns(*, after: int, by: int) -> None:
    """The event router goes on where it was, and so does whatever else refers to an event that was renumbered."""
    for label, column in POSITION_COLUMNS:
        apps.get_model(label)._default_manager.filter(**{f"{column}__gt": after}).update(**{column: F(column) + by})
    router = apps.get_model("process.PartitionLease")._default_manager.filter(name="database", offset__gt=after)
    router.update(offset=F("offset") + by, position=F("offset") + by)
