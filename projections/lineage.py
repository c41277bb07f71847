"""Lineage: which rows an event changes and whether the projections have processed it, for the trace pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import reverse

from eventshop.admin_console.registry import ChangedRow
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import to_recorded_event
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection, as_key_list, projection_registry


def affected_rows(events: Sequence[StoredEvent]) -> dict[int, list[ChangedRow]]:
    """The rows that each event changes, by store position.

    Two queries; the projections' own key functions compute the row keys.
    """
    positions = [event.position for event in events]
    if not positions:
        return {}
    checkpoints = {(row.projection, row.partition): row.store_position for row in Checkpoint.objects.all()}
    partition_of: Callable[[UUID], int] = create_event_log().partition_for
    placeholders = ", ".join(["%s"] * len(positions))
    rows_by_position: dict[int, list[ChangedRow]] = {}
    for stored in backend().select_events(f"WHERE position IN ({placeholders})", positions):
        try:
            recorded_event = to_recorded_event(stored, registry)
        except EventShopError:
            continue  # An event that cannot be decoded changes no row.
        partition = partition_of(stored.aggregate_id)
        rows_by_position[stored.position] = [
            ChangedRow(text, url, checkpoints.get((name, partition), 0) >= stored.position)
            for name, text, url in _describe_rows(recorded_event)
        ]
    return rows_by_position


def _describe_rows(recorded_event: RecordedEvent[Any]) -> Iterator[tuple[str, str, str]]:
    for projection in projection_registry.select([]):
        for handler in projection.handlers.get(type(recorded_event.event), []):
            for key in as_key_list(handler.keys(recorded_event.event, recorded_event.meta)):
                pk = str(projection.primary_key(key))
                yield projection.name, f"{projection.name} {pk}", _admin_url(projection, pk)


def _admin_url(projection: Projection[Any], pk: str) -> str:
    """The URL of the row's admin page; empty where the model is not registered."""
    if not admin.site.is_registered(projection.model):
        return ""
    meta = projection.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=(pk,))
