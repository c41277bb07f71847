"""Search for events by an id of any kind, a position, a business reference or a time; every look-up uses an index."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from eventshop.admin_console.registry import find_streams
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.eventstore.temporal_queries import CLOCK_SLACK, position_at

#: Streams that one business reference can denote.
MAX_STREAMS: Final = 50


def find_events(events: QuerySet[StoredEvent], text: str) -> QuerySet[StoredEvent]:
    """The events that an id, a position or a business reference denotes."""
    text = text.strip()
    identity = parse_uuid(text)
    if identity is not None:
        return _by_id(events, identity)
    condition = Q(aggregate_id__in=find_streams(text)[:MAX_STREAMS])
    if text.isascii() and text.isdecimal() and len(text) < 19:
        condition |= Q(position=int(text))  # a number can be an order number and a position
    return events.filter(condition)


def _by_id(events: QuerySet[StoredEvent], identity: UUID) -> QuerySet[StoredEvent]:
    for field in ("event_id", "aggregate_id", "correlation_id"):
        matching = StoredEvent.objects.filter(**{field: identity})
        if matching.order_by().exists():
            return events.filter(**{field: identity})
    receipt = StoredReceipt.objects.filter(command_id=identity).first()
    return events_of_receipt(events, receipt) if receipt else events.none()


def events_of_receipt(events: QuerySet[StoredEvent], receipt: StoredReceipt) -> QuerySet[StoredEvent]:
    """The events that a command appended."""
    return events.filter(
        aggregate_id=receipt.aggregate_id,
        version__gt=receipt.version - receipt.events,
        version__lte=receipt.version,
    )


def filter_by_recording_time(
    events: QuerySet[StoredEvent], first: datetime | None, end: datetime | None
) -> QuerySet[StoredEvent]:
    """The events recorded from `first` on and before `end`."""
    if first is not None:
        events = events.filter(position__gte=position_at(first, slack=CLOCK_SLACK), recorded_at__gte=first)
    if end is not None:
        events = events.filter(position__lt=position_at(end, slack=-CLOCK_SLACK), recorded_at__lt=end)
    return events


def parse_uuid(text: str) -> UUID | None:
    """The UUID in a text, or None."""
    try:  # `UUID()` also accepts braces, underscores and the digits of other scripts
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return None
