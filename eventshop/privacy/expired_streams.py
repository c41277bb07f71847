"""Streams of one type whose newest event was recorded before a time: for who holds data by stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Max

from eventshop.eventstore.models import StoredEvent

PAGE_SIZE: Final = 200


class ExpiredStream(NamedTuple):
    """A stream: its first event's payload, and when its newest one was recorded."""

    stream: UUID
    first_payload: str
    ended_at: datetime


def expired_streams(aggregate_type: str, before: datetime) -> Iterator[list[ExpiredStream]]:
    """Pages of the streams that ended before a time, the oldest first. One statement where the store is younger.

    What counts is when events were recorded: an import counts from the import.
    """
    after = 0
    while True:
        firsts = StoredEvent.objects.filter(aggregate_type=aggregate_type, version=1, position__gt=after)
        page = list(
            firsts.order_by("position").values_list("position", "aggregate_id", "payload", "recorded_at")[:PAGE_SIZE]
        )
        begun = [(stream, payload) for _, stream, payload, recorded_at in page if recorded_at < before]
        if not begun:
            return
        ends = newest_events([stream for stream, _ in begun])
        yield [ExpiredStream(stream, payload, ends[stream]) for stream, payload in begun if ends[stream] < before]
        after = page[-1][0]


def newest_events(streams: list[UUID]) -> dict[UUID, datetime]:
    """When the newest event of each stream was recorded."""
    events = StoredEvent.objects.filter(aggregate_id__in=streams).order_by().values("aggregate_id")
    return dict(events.annotate(newest=Max("recorded_at")).values_list("aggregate_id", "newest"))
