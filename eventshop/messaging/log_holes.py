"""Fills holes of the log: events that Kafka does not have, or no longer, are read from the event table.

A hole may be a few events that were lost, or the whole beginning of a partition (retention, `delete_records`). Its
events are delivered page by page with the offset before the hole, so that a reader that stops within it resumes there;
their numbers tell them apart.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import DeliveredEvent, LogOffset
from eventshop.messaging.kafka.event_records import partition_for

log = logging.getLogger(__name__)


class Hole(NamedTuple):
    """Events of one partition that are missing after `begin`, before the position `before`."""

    begin: LogOffset
    before: int
    sequence: int  # the number of the last one, or 0 if unknown


class _Filling(NamedTuple):
    hole: Hole
    filled: LogOffset  # up to the last event delivered
    scanned: int  # the position up to which the table has been read for this hole


class LogHoles:
    """The open holes of one reader, by partition. The table is read once for all of them."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._open: dict[int, _Filling] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def open(self, partition: int, hole: Hole) -> None:
        self._open[partition] = _Filling(hole, hole.begin, hole.begin.position)

    def discard(self, partition: int) -> None:
        self._open.pop(partition, None)

    def read(self, limit: int) -> tuple[list[DeliveredEvent], dict[int, LogOffset]]:
        """Return at most `limit` missing events, and where the readers of filled partitions are now."""
        delivered: list[DeliveredEvent] = []
        filled: dict[int, LogOffset] = {}
        while self._open and not delivered:
            rows = self._select(limit)
            for row in rows:
                if (event := self._deliver(row)) is not None:
                    delivered.append(event)
            filled |= self._close_before(rows[-1].position + 1 if len(rows) == limit else None)
        return delivered, filled

    def _select(self, limit: int) -> list[EventRow]:
        begin = min(filling.scanned for filling in self._open.values())
        end = max(filling.hole.before for filling in self._open.values())
        return backend().select_events(
            "WHERE position > %s AND position < %s ORDER BY position LIMIT %s", (begin, end, limit)
        )

    def _deliver(self, row: EventRow) -> DeliveredEvent | None:
        partition = partition_for(row.aggregate_id)
        filling = self._open.get(partition)
        if filling is None or not filling.scanned < row.position < filling.hole.before:
            return None
        event = DeliveredEvent(filling.filled.offset, row, partition, filling.filled.sequence + 1)
        self._open[partition] = filling._replace(filled=filling.filled.after(event), scanned=row.position)
        return event

    def _close_before(self, position: int | None) -> dict[int, LogOffset]:
        """Close the holes that end before a position, or all; return where their readers are now."""
        closed: dict[int, LogOffset] = {}
        for partition, filling in list(self._open.items()):
            if position is not None and position < filling.hole.before:
                self._open[partition] = filling._replace(scanned=max(filling.scanned, position - 1))
                continue
            del self._open[partition]
            hole, filled = filling.hole, filling.filled
            closed[partition] = filled._replace(sequence=max(filled.sequence, hole.sequence))
            log.error(
                "%s/%s: the events after number %s, before position %s, are not on Kafka; %s of them were read from "
                "the event table",
                self.topic,
                partition,
                hole.begin.sequence,
                hole.before,
                filled.sequence - hole.begin.sequence,
            )
        return closed
