"""Which rows an event changes, and whether they have been reached, for whoever follows a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import reverse

from eventshop.admin_console.registry import Row, add_touching
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.core.messages import Recorded
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import recorded
from eventshop.messaging.event_log_factory import event_log
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection, keys_of
from projections.registry import catalogue


@add_touching
def touched(events: Sequence[StoredEvent]) -> dict[int, list[Row]]:
    """Two queries; the keys are worked out by the projections' own code."""
    positions = [event.position for event in events]
    if not positions:
        return {}
    reached = {(row.projection, row.partition): row.store_position for row in Checkpoint.objects.all()}
    partition_of: Callable[[UUID], int] = event_log().partition_of
    marks = ", ".join(["%s"] * len(positions))
    found: dict[int, list[Row]] = {}
    for stored in engine().select(f"WHERE position IN ({marks})", positions):
        try:
            happened = recorded(stored, registry)
        except EventShopError:
            continue  # an event that cannot be read changes nothing
        partition = partition_of(stored.aggregate_id)
        found[stored.position] = [
            Row(text, url, reached.get((name, partition), 0) >= stored.position) for name, text, url in _rows(happened)
        ]
    return found


def _rows(happened: Recorded[Any]) -> Iterator[tuple[str, str, str]]:
    for projection in catalogue.chosen([]):
        for handler in projection.handlers.get(type(happened.event), []):
            for key in keys_of(handler.keys(happened.event, happened.meta)):
                pk = str(projection.primary_key(key))
                yield projection.name, f"{projection.name} {pk}", _page(projection, pk)


def _page(projection: Projection[Any], pk: str) -> str:
    """The row's page in the admin, if its list is there."""
    if not admin.site.is_registered(projection.model):
        return ""
    meta = projection.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=(pk,))
