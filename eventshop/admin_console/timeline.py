"""Events as rows of a timeline, each with a short summary of its payload."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.utils.safestring import SafeString

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html, field_label, format_value
from eventshop.eventstore.models import StoredEvent

#: Fields that a summary omits because they identify the stream.
_OMITTED_FIELDS: Final = ("order_id",)
_MAX_FIELDS: Final = 4
_MAX_TEXT_LENGTH: Final = 60


class TimelineRow(NamedTuple):
    """One event of a timeline."""

    event: StoredEvent
    url: str
    time: str | SafeString
    summary: str


def timeline_rows(events: Iterable[StoredEvent]) -> list[TimelineRow]:
    """One row per event, in the order given."""
    return [
        TimelineRow(
            event, event_url(event.position), datetime_html(event.occurred_at), summarise_payload(event.payload)
        )
        for event in events
    ]


def summarise_payload(payload: str) -> str:
    """The first few scalar fields of a payload: `Reference 536365, Total 139.12 GBP, 7 lines`."""
    try:
        fields = json.loads(payload)
    except ValueError:
        return ""
    texts = (_summarise_field(name, value) for name, value in fields.items() if name not in _OMITTED_FIELDS)
    return ", ".join([text for text in texts if text][:_MAX_FIELDS])


def _summarise_field(name: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        return f"{len(value)} {name if len(value) != 1 else name.removesuffix('s')}"
    text = str(format_value(value))
    return "" if "<" in text else f"{field_label(name)} {text[:_MAX_TEXT_LENGTH]}"
