"""What operators do about records of the log that are no events of ours: read them again, or acknowledge them.

No projection misses an event for such a record: the events that lack on the log are read from the event table. Every
projection that came across the record has a row of it; what is done about one of them is done about all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import CharField, Count, Exists, F, Min, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.messaging.models import AcknowledgedRecord, KnownTopic
from eventshop.operations.operator_log import record_action
from eventshop.projections.dead_letters import fingerprint_of_record
from eventshop.projections.models import UnreadableRecord
from eventshop.runtime.database_clock import database_now

#: Records that one action on a cause deals with.
MAX_RECORDS: Final = 500
_PLACE: Final = Concat("topic", Value("/"), Cast("partition", CharField()), Value("@"), Cast("offset", CharField()))


class Verdict(NamedTuple):
    """What a record is to this release."""

    is_readable: bool
    text: str


class Cause(NamedTuple):
    """Records that cannot be read for one cause. `first`: the primary key of the first row."""

    fingerprint: str
    records: int
    projections: int
    since: datetime
    first: int


class _Record(NamedTuple):
    """A stored record in the form in which a consumer delivers it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def open_records() -> QuerySet[UnreadableRecord]:
    """The rows that nobody has acknowledged."""
    acknowledged = AcknowledgedRecord.objects.filter(
        topic=OuterRef("topic"), partition=OuterRef("partition"), offset=OuterRef("offset")
    )
    return UnreadableRecord.objects.exclude(Exists(acknowledged))


def causes(limit: int) -> list[Cause]:
    """What nobody has acknowledged, by cause, the most frequent first."""
    rows: Any = (
        open_records()
        .values("fingerprint")
        .annotate(
            places=Count(_PLACE, distinct=True),
            projections=Count("projection", distinct=True),
            since=Min("found_at"),
            first=Min("pk"),
        )
        .order_by("-places", "since")
    )
    return [
        Cause(row["fingerprint"], row["places"], row["projections"], row["since"], row["first"]) for row in rows[:limit]
    ]


def read_again(row: UnreadableRecord) -> Verdict:
    """What the record is to this release; changes nothing."""
    from eventshop.messaging.kafka.delivered_records import read_contents

    [content] = read_contents([_record_of(row)])
    if isinstance(content, Exception):
        return Verdict(False, str(content))
    if content.row is None:
        return Verdict(True, f"the tombstone of the event at position {content.position}")
    return Verdict(True, f"{content.row.event_type} at position {content.position}")


def retry(row: UnreadableRecord, *, actor: str) -> Verdict:
    """Read the record again: one that is an event is no longer listed; otherwise the attempt is counted."""
    verdict, rows = read_again(row), rows_of(row)
    with transaction.atomic():
        if verdict.is_readable:
            rows.delete()
        else:
            rows.update(
                error=verdict.text[:500],
                fingerprint=fingerprint_of_record(verdict.text),
                attempts=F("attempts") + 1,
                last_attempt_at=database_now(),
            )
        result = f"it is {verdict.text}" if verdict.is_readable else f"cannot be read: {verdict.text}"
        record_action(actor=actor, action="retry unreadable record", target=str(row), result=result[:500])
    return verdict


def skip(row: UnreadableRecord, *, actor: str, reason: str) -> AcknowledgedRecord:
    """Acknowledge the record: it is known, and neither health nor `verify_log` speaks of it any more.

    Raises `InvalidMessage` without a reason, and `ProjectionError` when it is acknowledged already, or when nothing is
    known of its topic.
    """
    from eventshop.messaging.reconciliation.topic_items import digest_of

    if not (reason := reason.strip()):
        raise InvalidMessage("give a reason for skipping this record")
    topic = KnownTopic.objects.filter(name=row.topic).first()
    if topic is None:
        raise ProjectionError(f"the topic {row.topic} is not known: run create_topics --check")
    with transaction.atomic():
        acknowledged, is_new = AcknowledgedRecord.objects.get_or_create(
            topic_id=topic.topic_id,
            partition=row.partition,
            offset=row.offset,
            defaults={
                "topic": row.topic,
                "digest": digest_of(_record_of(row)),
                "error": row.error,
                "reason": reason[:500],
                "operator": actor[:200],
            },
        )
        if not is_new:
            raise ProjectionError(f"{row} is acknowledged already")
        record_action(actor=actor, action="skip unreadable record", target=str(row), reason=reason)
    return acknowledged


def retry_cause(fingerprint: str, *, actor: str) -> tuple[int, int]:
    """Retry the records of a cause, up to `MAX_RECORDS`: how many are events by now, and how many are not."""
    verdicts = [retry(row, actor=actor) for row in records_of_cause(fingerprint)]
    readable = sum(verdict.is_readable for verdict in verdicts)
    return readable, len(verdicts) - readable


def skip_cause(fingerprint: str, *, actor: str, reason: str) -> int:
    """Acknowledge the records of a cause, up to `MAX_RECORDS`; all or none. Returns how many."""
    with transaction.atomic():
        return len([skip(row, actor=actor, reason=reason) for row in records_of_cause(fingerprint)])


def records_of_cause(fingerprint: str) -> Iterable[UnreadableRecord]:
    """One row of each open record of a cause, up to `MAX_RECORDS`. Raises `ProjectionError` if there is none."""
    rows = open_records().filter(fingerprint=fingerprint).order_by("pk")[: MAX_RECORDS * 20]
    by_place = {(row.topic, row.partition, row.offset): row for row in reversed(rows)}
    if not by_place:
        raise ProjectionError("no record that nobody has acknowledged has this cause")
    return list(reversed(by_place.values()))[:MAX_RECORDS]


def find_record(partition: int, offset: int) -> UnreadableRecord:
    """A row of the record at this place. Raises `ProjectionError` if there is none."""
    row = UnreadableRecord.objects.filter(partition=partition, offset=offset).order_by("pk").first()
    if row is None:
        raise ProjectionError(f"no unreadable record is known at {partition}@{offset}")
    return row


def rows_of(row: UnreadableRecord) -> QuerySet[UnreadableRecord]:
    """The rows of the same record, one for each projection that came across it."""
    return UnreadableRecord.objects.filter(topic=row.topic, partition=row.partition, offset=row.offset)


def _record_of(row: UnreadableRecord) -> _Record:
    headers = [(name, value.encode("latin-1")) for name, value in row.headers]
    key, value = (None if part is None else bytes(part) for part in (row.key, row.value))
    return _Record(row.topic, row.partition, row.offset, key, value, headers)
