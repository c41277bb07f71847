"""Turns new events into rows of effects: exactly one for each event and kind, however many processes run this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction

from eventshop.core.message_registry import registry
from eventshop.eventstore.models import StoredEvent, StoreEpoch
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.projections.effects.effect_projection import EffectProjection
from eventshop.projections.models import EffectCursor, ProjectedEffect
from eventshop.runtime.database_clock import database_now

#: How many events one transaction reads, and how many such pages one call.
PAGE_SIZE: Final = 500
MAX_PAGES: Final = 20
#: A cursor that passes no effect is stored only so often: on SQLite every write wakes every worker.
STORED_EVERY: Final = 2_000
#: A projection that starts on a store older than this comes late: what is in the store is its past.
LATE_AFTER: Final = timedelta(hours=1)


class EffectCollector:
    """Reads the events behind the cursor of one projection. Used by one thread at a time."""

    def __init__(self, projection: EffectProjection) -> None:
        self.projection = projection
        self._tail = TailReader()
        self._cursor: EffectCursor | None = None
        self._passed = 0

    def collect(self) -> int:
        """Create rows for the effects of new events; return how many. Raises `TailBusy`."""
        cursor = self._cursor = self._cursor or open_cursor(self.projection.name)
        self._passed = max(self._passed, cursor.position)
        count = 0
        for _ in range(MAX_PAGES):
            rows = self._tail.read(self._passed, PAGE_SIZE)
            if not rows:
                break
            created = self._collect_page(cursor, rows)
            if created is None:  # another process was faster, or the cursor was set anew
                self._cursor, self._passed = None, 0
                break
            count += created
        return count

    def _collect_page(self, cursor: EffectCursor, rows: Sequence[EventRow]) -> int | None:
        effects = [effect for row in rows for effect in self.projection.effects_of(row, cursor, registry)]
        self._passed = rows[-1].position
        if effects or self._passed - cursor.position >= STORED_EVERY:
            with transaction.atomic():
                unmoved = EffectCursor.objects.filter(pk=cursor.pk, position=cursor.position)
                if not unmoved.update(position=self._passed):
                    return None
                ProjectedEffect.objects.bulk_create(effects, ignore_conflicts=True)
            cursor.position = self._passed
        return len(effects)


def open_cursor(name: str) -> EffectCursor:
    """The cursor of a projection. It goes live with the store, or later at the newest event; a restore mutes it again.

    Effects that are due after it went live are collected from the past, too, such as a reminder.
    """
    cursor = EffectCursor.objects.filter(pk=name).first()
    if cursor is None:
        first = StoredEvent.objects.order_by("position").values_list("recorded_at", flat=True).first()
        is_late = first is not None and database_now() - first > LATE_AFTER
        cursor, _ = EffectCursor.objects.get_or_create(
            name=name, defaults={"live_from": newest_position() if is_late else 0, "live_at": database_now()}
        )
    epoch = StoreEpoch.objects.order_by("number").last()
    if epoch is not None and epoch.restored_to_position > max(cursor.live_from, cursor.position):
        mute(name, up_to=epoch.restored_to_position)
        cursor.refresh_from_db()
    return cursor


def mute(name: str, *, up_to: int | None = None) -> None:
    """Make everything up to a position (None: to the newest event) the past of a projection, and collect it anew.

    Only what is due later comes of it. Rows that are there stay as they are.
    """
    live_from = newest_position() if up_to is None else up_to
    EffectCursor.objects.filter(pk=name).update(position=0, live_from=live_from, live_at=database_now())
