"""Dead letters: events that a projection cannot fold. Later events of the same aggregate queue behind them.

The same queue holds events that only a newer release of the program can read, with those behind them. They are no dead
letters: a worker of that release folds them as soon as it runs the projection.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventshop.core.errors import ProgramTooOld
from eventshop.core.message_registry import registry
from eventshop.core.messages import Meta
from eventshop.messaging.event_log import UnreadableDelivery
from eventshop.projections import outbox
from eventshop.projections.fold import PlannedEvent
from eventshop.projections.models import DeadLetter, UnreadableRecord
from eventshop.projections.personal_columns import mask_personal_data
from eventshop.projections.targets import ProjectionTarget
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.database_clock import database_now

#: The delays before retries.
BACKOFF: Final = Backoff(timedelta(seconds=5), timedelta(hours=1))
#: Aggregates looked for at a time whose events waited for this release: nearly all of them can be folded.
WAITING_LIMIT: Final = 200
#: What differs between two errors of one cause: ids, quoted values and numbers.
_VARIABLE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


class Unfolded(NamedTuple):
    """An event that was not folded, with its error; without one it waits, or queues behind an earlier event."""

    planned: PlannedEvent
    error: Exception | None
    waits_for: str = ""  # the schema that only a newer release knows


def blocked_aggregates(name: str, aggregates: Collection[UUID]) -> dict[UUID, str]:
    """Those of these aggregates that have a queue, with what it waits for: empty behind a dead letter."""
    queues = DeadLetter.objects.filter(projection=name).values_list("aggregate_id", "waits_for").distinct()
    wanted = set(aggregates)
    return {aggregate_id: waits_for for aggregate_id, waits_for in queues if aggregate_id in wanted}


def awaited_schema(error: Exception, meta: Meta) -> str:
    """The name of the schema that an event waits for, after an error in reading it; empty if no release can mend it."""
    return f"{meta.event_type}/{meta.schema_version}"[:120] if isinstance(error, ProgramTooOld) else ""


def awaited_schemas(names: Collection[str] | None = None) -> list[str]:
    """The schemas that events of these projections (None: of all) wait for, in order; nearly always none."""
    waiting = DeadLetter.objects.exclude(waits_for="")
    if names is not None:
        waiting = waiting.filter(projection__in=names)
    return list(waiting.values_list("waits_for", flat=True).distinct().order_by("waits_for"))


def _can_read(schema: str) -> bool:
    event_type, _, version = schema.rpartition("/")
    return version.isdecimal() and registry.can_read(event_type, int(version))


def add_dead_letters(target: ProjectionTarget, unfolded: Sequence[Unfolded]) -> None:
    """Store events that were not folded, in order. Those that wait for a newer release are not published."""
    if unfolded:
        now = database_now()
        rows = [_dead_letter(target.name, item, now) for item in unfolded]
        DeadLetter.objects.bulk_create(rows)
        if target.is_published:
            outbox.add_dead_letters(row for row in rows if not row.waits_for)


def add_unreadable_records(target: ProjectionTarget, records: Sequence[UnreadableDelivery]) -> None:
    """Store records of the log that are no events of ours, byte for byte."""
    if records:
        now = database_now()
        rows = [_unreadable_record(target.name, record, now) for record in records]
        UnreadableRecord.objects.bulk_create(rows, ignore_conflicts=True)
        if target.is_published:
            outbox.add_unreadable_records(rows, records)


def due_retries(names: Collection[str], limit: int = 20) -> list[tuple[str, UUID]]:
    """The pairs of projection and aggregate whose first dead letter is due for a retry, or can be read by now."""
    pairs = DeadLetter.objects.filter(projection__in=names).values_list("projection", "aggregate_id")
    due = list(pairs.filter(next_attempt_at__lte=database_now()).order_by("next_attempt_at")[:limit])
    if readable := [schema for schema in awaited_schemas(names) if _can_read(schema)]:
        due += pairs.filter(waits_for__in=readable).distinct()[:WAITING_LIMIT]
    return due


def queue_of(name: str, aggregate_id: UUID) -> Any:
    """The dead letters of an aggregate in a projection, in order."""
    return DeadLetter.objects.filter(projection=name, aggregate_id=aggregate_id).order_by("position")


def _dead_letter(name: str, unfolded: Unfolded, now: datetime) -> DeadLetter:
    planned, error, waits_for = unfolded
    meta = planned.meta
    text = summarize_error(error, planned) if error else ""
    return DeadLetter(
        projection=name,
        aggregate_id=meta.aggregate_id,
        aggregate_type=meta.aggregate_type,
        partition=planned.partition,
        offset=planned.offset,
        sequence=planned.sequence,
        position=meta.position,
        version=meta.version,
        event_id=meta.event_id,
        event_type=meta.event_type,
        error=text,
        traceback=format_traceback(error, planned) if error else "",
        fingerprint=fingerprint_of(meta.event_type, text) if error else "",
        attempts=1 if error else 0,
        parked_at=now,
        last_attempt_at=now if error else None,
        next_attempt_at=now + BACKOFF.first if error else None,
        waits_for=waits_for,
    )


def _unreadable_record(name: str, record: UnreadableDelivery, now: datetime) -> UnreadableRecord:
    return UnreadableRecord(
        projection=name,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset - 1,
        key=record.key,
        value=record.value,
        headers=[[_storable(key), _storable((value or b"").decode("latin-1"))] for key, value in record.headers],
        error=_storable(record.error)[:500],
        fingerprint=fingerprint_of_record(record.error),
        found_at=now,
    )


def fingerprint_of(event_type: str, error: str) -> str:
    """The same text for all dead letters that fail for one cause, such as `OrderCreated: KeyError: …`."""
    return f"{event_type}: {_VARIABLE.sub('…', error)}"[:200]


def fingerprint_of_record(error: str) -> str:
    """The same text for all records that cannot be read for one cause."""
    return _VARIABLE.sub("…", _storable(error))[:200]


def summarize_error(error: Exception, planned: PlannedEvent | None = None) -> str:
    """The error as it is stored, without personal data of the event."""
    return _storable(mask_personal_data(f"{type(error).__name__}: {error}", planned))[:500]


def format_traceback(error: Exception, planned: PlannedEvent | None = None) -> str:
    """The traceback as it is stored, without personal data of the event."""
    return _storable(mask_personal_data("".join(traceback.format_exception(error)), planned))[-20_000:]


def _storable(text: str) -> str:
    """The text without characters that a database refuses: an error that cannot be stored would stop the projection."""
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
