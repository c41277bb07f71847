"""The page of one event: its payload, the state change, and links to related events, commands and rows."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import (
    EMPTY_VALUE,
    copy_button,
    datetime_html,
    field_label,
    format_value,
    indent_json,
)
from eventshop.admin_console.registry import Link, find_row_pages
from eventshop.admin_console.state_diff import describe_change
from eventshop.core.request_context import note_access
from eventshop.eventstore.models import StoredEvent, StoredReceipt

_TIME_COLUMNS: Final = ("occurred_at", "recorded_at")
_SHOWN_ELSEWHERE: Final = ("payload", "metadata", "hash")
_COLUMN_MEANINGS: Final = {
    "event_id": "The event's id, a UUIDv7: it sorts by the time of creation.",
    "aggregate_type": "The type of the stream's aggregate.",
    "event_type": "The stored name of the event; it never changes.",
    "schema_version": "The schema version of the payload.",
    "actor": "Who sent the command.",
}


class Column(NamedTuple):
    """One column of the event with its meaning."""

    name: str
    value: str | SafeString
    meaning: str


def event_context(event: StoredEvent) -> dict[str, Any]:
    """The template context: a fixed number of indexed queries and one fold of the stream."""
    note_access(stream=event.aggregate_id, first=event.version, last=event.version)
    receipt = StoredReceipt.objects.filter(command_id=event.command_id).first()
    return {
        "event": event,
        "title": event.event_type,
        "subtitle": f"{event.aggregate_type} {event.aggregate_id}, version {event.version}",
        "payload": _payload_fields(event.payload),
        "payload_json": indent_json(event.payload),
        "metadata_json": indent_json(event.metadata),
        "hash": bytes(event.hash).hex(),
        "columns": describe_columns(event),
        "state_change": describe_change(event.aggregate_type, event.aggregate_id, event.version),
        "recorded": datetime_html(event.recorded_at),
        "occurred": datetime_html(event.occurred_at),
        "receipt": receipt,
        "cause": _find_cause(event),
        "neighbours": _find_neighbours(event),
        "row_pages": find_row_pages(event.aggregate_type, event.aggregate_id),
    }


def describe_columns(event: StoredEvent) -> list[Column]:
    """Every column that the page does not show elsewhere, with its meaning."""
    shown = (field for field in StoredEvent._meta.concrete_fields if field.name not in _SHOWN_ELSEWHERE)
    return [
        Column(
            field.name,
            _format_column(field.name, getattr(event, field.name)),
            _COLUMN_MEANINGS.get(field.name) or str(field.help_text),
        )
        for field in shown
    ]


def _format_column(name: str, value: Any) -> str | SafeString:
    return datetime_html(value) if name in _TIME_COLUMNS else EMPTY_VALUE if value is None else str(value)


def _payload_fields(text: str) -> list[tuple[str, str | SafeString]]:
    try:
        fields = json.loads(text)
    except ValueError:
        return []
    return (
        [(field_label(name), format_value(value)) for name, value in fields.items()] if isinstance(fields, dict) else []
    )


def _find_cause(event: StoredEvent) -> Link | None:
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


def _find_neighbours(event: StoredEvent) -> list[tuple[str, str]]:
    """Previous and next event, in the stream and in the store: text and address, which is empty if there is none."""
    stream = StoredEvent.objects.filter(aggregate_id=event.aggregate_id)
    queries = (
        ("Previous in stream", stream.filter(version=event.version - 1)),
        ("Next in stream", stream.filter(version=event.version + 1)),
        ("Previous in store", StoredEvent.objects.filter(position__lt=event.position).order_by("-position")),
        ("Next in store", StoredEvent.objects.filter(position__gt=event.position).order_by("position")),
    )
    positions_by_text = ((text, rows.values_list("position", flat=True)[:1]) for text, rows in queries)
    return [(text, next((event_url(position) for position in positions), "")) for text, positions in positions_by_text]


def event_url(position: int) -> str:
    """The address of an event's page."""
    return reverse("admin:store_storedevent_change", args=(position,))


def stream_link(aggregate_id: UUID) -> SafeString:
    """A link to a stream's page: the end of its id, and a button that copies the whole."""
    url = reverse("admin:ops_stream_change", args=(aggregate_id,))
    text = f"…{str(aggregate_id)[-8:]}"
    return format_html('<a class="es-link" href="{}">{}</a> {}', url, text, copy_button(aggregate_id))


def position_link(position: int) -> SafeString:
    """A link to an event's page: its position."""
    return format_html('<a class="es-link" href="{}">{}</a>', event_url(position), f"{position:,}")
