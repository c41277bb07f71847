"""One event: what happened, what it changed, and everything it hangs together with."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import NOTHING, label, pretty, readable, when
from eventshop.admin_console.registry import Link, row_pages
from eventshop.admin_console.state_diff import change_at
from eventshop.eventstore.models import StoredEvent, StoredReceipt

_TIMES: Final = ("occurred_at", "recorded_at")
_SHOWN_ELSEWHERE: Final = ("payload", "metadata", "hash")


class Column(NamedTuple):
    """One column of the event, and what it means."""

    name: str
    value: str | SafeString
    meaning: str


def context(event: StoredEvent) -> dict[str, Any]:
    """What the page shows; a fixed number of indexed queries and one fold."""
    receipt = StoredReceipt.objects.filter(command_id=event.command_id).first()
    return {
        "event": event,
        "title": event.event_type,
        "subtitle": f"{event.aggregate_type} {event.aggregate_id}, version {event.version}",
        "payload": _payload(event.payload),
        "payload_json": pretty(event.payload),
        "metadata_json": pretty(event.metadata),
        "hash": bytes(event.hash).hex(),
        "columns": columns(event),
        "state_change": change_at(event.aggregate_type, event.aggregate_id, event.version),
        "recorded": when(event.recorded_at),
        "occurred": when(event.occurred_at),
        "receipt": receipt,
        "cause": _cause(event),
        "neighbours": _neighbours(event),
        "row_pages": row_pages(event.aggregate_type, event.aggregate_id),
    }


def columns(event: StoredEvent) -> list[Column]:
    """Every column that is not shown in full elsewhere, with its meaning."""
    shown = (field for field in StoredEvent._meta.concrete_fields if field.name not in _SHOWN_ELSEWHERE)
    return [
        Column(
            field.name,
            _value(field.name, getattr(event, field.name)),
            _MEANINGS.get(field.name) or str(field.help_text),
        )
        for field in shown
    ]


_MEANINGS: Final = {
    "event_id": "The event's own id; sorts by the time it was made.",
    "aggregate_type": "What kind of thing the stream is about.",
    "event_type": "The stored name of what happened; it never changes.",
    "schema_version": "Which shape of this event type the payload has.",
    "actor": "Who sent the command.",
}


def _value(name: str, value: Any) -> str | SafeString:
    return when(value) if name in _TIMES else NOTHING if value is None else str(value)


def _payload(text: str) -> list[tuple[str, str | SafeString]]:
    try:
        fields = json.loads(text)
    except ValueError:
        return []
    return [(label(name), readable(value)) for name, value in fields.items()] if isinstance(fields, dict) else []


def _cause(event: StoredEvent) -> Link | None:
    """The event or the command that directly caused this one's command."""
    if event.causation_id is None:
        return None
    cause = StoredEvent.objects.filter(event_id=event.causation_id).only("position", "event_type").first()
    if cause is not None:
        return Link(f"{cause.event_type} at position {cause.position:,}", event_url(cause.position))
    command = StoredReceipt.objects.filter(command_id=event.causation_id).first()
    if command is not None:
        return Link(command.command_type, reverse("admin:store_storedreceipt_change", args=(command.pk,)))
    return Link(f"{event.causation_id} (not in this store)", "")


def _neighbours(event: StoredEvent) -> list[tuple[str, str]]:
    """Previous and next, in the stream and in the store; an empty address where there is none."""
    stream = StoredEvent.objects.filter(aggregate_id=event.aggregate_id)
    asked = (
        ("Previous in stream", stream.filter(version=event.version - 1)),
        ("Next in stream", stream.filter(version=event.version + 1)),
        ("Previous in store", StoredEvent.objects.filter(position__lt=event.position).order_by("-position")),
        ("Next in store", StoredEvent.objects.filter(position__gt=event.position).order_by("position")),
    )
    found = ((text, rows.values_list("position", flat=True)[:1]) for text, rows in asked)
    return [(text, next((event_url(position) for position in positions), "")) for text, positions in found]


def event_url(position: int) -> str:
    return reverse("admin:store_storedevent_change", args=(position,))
