"""Events as lines of a timeline, the fact told in a few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.utils.safestring import SafeString

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import label, readable, when
from eventshop.eventstore.models import StoredEvent

#: Fields that a line does not repeat: they name the stream.
_OBVIOUS: Final = ("order_id",)
_MOST: Final = 4
_LONGEST: Final = 60


class Line(NamedTuple):
    """One event of a timeline."""

    event: StoredEvent
    url: str
    when: str | SafeString
    words: str


def lines(events: Iterable[StoredEvent]) -> list[Line]:
    return [Line(event, event_url(event.position), when(event.occurred_at), words(event.payload)) for event in events]


def words(payload: str) -> str:
    """The first few plain fields of a fact: `Reference 536365, Total 139.12 GBP, 7 lines`."""
    try:
        fields = json.loads(payload)
    except ValueError:
        return ""
    told = (_told(name, value) for name, value in fields.items() if name not in _OBVIOUS)
    return ", ".join([text for text in told if text][:_MOST])


def _told(name: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        return f"{len(value)} {name if len(value) != 1 else name.removesuffix('s')}"
    text = str(readable(value))
    return "" if "<" in text else f"{label(name)} {text[:_LONGEST]}"
