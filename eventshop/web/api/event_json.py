"""Events as JSON, as the feed, streams and webhooks show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from eventshop.core.message_registry import registry
from eventshop.eventstore.records import EventRow, to_recorded_event


def serialize_events(rows: Iterable[EventRow], *, personal: bool) -> list[dict[str, Any]]:
    return [_serialize_event(row, personal) for row in rows]


def _serialize_event(row: EventRow, personal: bool) -> dict[str, Any]:
    event = to_recorded_event(row, registry).event
    data = msgspec.to_builtins(event)
    if not personal:
        data |= {field.name: None for field in registry.personal_fields_of(type(event))}
    return {
        "event_id": row.event_id,
        "type": row.event_type,
        "schema_version": row.schema_version,
        "aggregate_id": row.aggregate_id,
        "aggregate_type": row.aggregate_type,
        "version": row.version,
        "position": row.position,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "correlation_id": row.correlation_id,
        "causation_id": row.causation_id,
        "command_id": row.command_id,
        "data": data,
    }
