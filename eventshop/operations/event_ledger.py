"""The event ledger: per partition and projection, what was appended, fetched, folded and set aside must add up.

A tally counts the events of each partition up to a position; a periodic job moves it on. The events after it are read
as they are, so that lag and ledger are known exactly from the database, with Kafka or without. A projection that has
fetched more or fewer events than the table has up to its checkpoint has folded one twice, or missed one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.messaging.event_log import EventLog
from eventshop.operations.models import PartitionTally
from eventshop.projections.models import Checkpoint, DeadLetter
from eventshop.projections.targets import REBUILD_SUFFIX

#: Events read after the tally; and, while there is no tally yet, events read before the end of the table.
WINDOW: Final = 20_000
FIRST_WINDOW: Final = 2_000
#: Events counted in one statement, and how long one run of the job may count.
CHUNK: Final = 50_000
COUNT_LIMIT_S: Final = 120.0


class LedgerOpen(EventShopError):
    """What was appended and what was fetched and set aside do not add up."""

    code = "ledger-open"


class EventWindow(NamedTuple):
    """The events after the tally: of each partition, positions in order and when they were recorded."""

    tallies: Mapping[int, PartitionTally]
    positions: Mapping[int, list[int]]
    times: Mapping[int, list[datetime]]

    @property
    def is_counted(self) -> bool:
        """Whether there is a tally: numbers of events are exact."""
        return bool(self.tallies)

    def appended(self, partition: int, up_to: int | None = None) -> int | None:
        """The events of a partition, up to a position; None if that is before the tally, which forgets positions."""
        tally = self.tallies.get(partition)
        if not self.is_counted or (up_to is not None and tally and up_to < tally.last_position):
            return None
        newer = self.positions.get(partition, [])
        number = len(newer) if up_to is None else bisect_right(newer, up_to)
        return number + (tally.events if tally else 0)

    def first_after(self, partition: int, position: int) -> datetime | None:
        """When the first event after a position was recorded, as far as the window has it."""
        number = bisect_right(self.positions.get(partition, []), position)
        times = self.times.get(partition, [])
        return times[number] if number < len(times) else None

    def head(self, partition: int) -> int:
        """The position of the partition's last event."""
        newer = self.positions.get(partition)
        tally = self.tallies.get(partition)
        return newer[-1] if newer else tally.last_position if tally else 0


class LedgerLine(NamedTuple):
    """The ledger of one projection in one partition. `appended` is None while it cannot be known."""

    projection: str
    partition: int
    appended: int | None  # events of the table up to the checkpoint
    fetched: int  # events that the projection has taken from the log
    set_aside: int  # dead letters by the checkpoint's own count
    dead_letters: int  # rows of dead letters
    behind: int  # events after the checkpoint

    @property
    def difference(self) -> int:
        """The events that do not add up; 0: the ledger closes."""
        missed = 0 if self.appended is None else abs(self.fetched - self.appended)
        return missed + abs(self.set_aside - self.dead_letters)

    def __str__(self) -> str:
        appended = "?" if self.appended is None else f"{self.appended:,}"
        return (
            f"{self.projection}/{self.partition}: {appended} appended, {self.fetched:,} fetched, "
            f"{self.set_aside:,} set aside, {self.dead_letters:,} dead letters"
        )


def read_window(source: EventLog) -> EventWindow:
    """Read the tally and the events after it; two statements, three without a tally.

    Where more than `WINDOW` events follow the tally, it is as if there were none: the last events are read, and how
    many there are before them is unknown.
    """
    tallies = {row.partition: row for row in PartitionTally.objects.all()}
    if tallies.keys() == set(source.partitions):
        found = list(_events_after(min(row.counted_to for row in tallies.values()))[:WINDOW])
        if len(found) < WINDOW:
            return _by_partition(source, tallies, found)
    return _by_partition(source, {}, _events_after(newest_position() - FIRST_WINDOW))


def _events_after(position: int) -> QuerySet[StoredEvent, tuple[int, UUID, datetime]]:
    events = StoredEvent.objects.filter(position__gt=position).order_by("position")
    return events.values_list("position", "aggregate_id", "recorded_at")


def _by_partition(
    source: EventLog, tallies: Mapping[int, PartitionTally], events: Iterable[tuple[int, UUID, datetime]]
) -> EventWindow:
    positions, times = defaultdict[int, list[int]](list), defaultdict[int, list[datetime]](list)
    for position, aggregate_id, recorded_at in events:
        partition = source.partition_for(aggregate_id)
        positions[partition].append(position)
        times[partition].append(recorded_at)
    return EventWindow(tallies, positions, times)


def read_ledger(window: EventWindow, checkpoints: Sequence[Checkpoint]) -> list[LedgerLine]:
    """The ledger of these checkpoints; one statement more, for the dead letters."""
    counted = DeadLetter.objects.order_by().values_list("projection", "partition").annotate(Count("pk"))
    dead_letters = {(name, partition): number for name, partition, number in counted}
    return [_line(window, row, dead_letters.get((row.projection, row.partition), 0)) for row in checkpoints]


def read_open_lines(source: EventLog) -> list[LedgerLine]:
    """The lines that do not close, in two readings in a row: a batch may commit between two statements of one."""
    is_open = {(line.projection, line.partition) for line in _read_all_lines(source) if line.difference}
    again = _read_all_lines(source) if is_open else []
    return [line for line in again if line.difference and (line.projection, line.partition) in is_open]


def _read_all_lines(source: EventLog) -> list[LedgerLine]:
    # The checkpoints first: an event that is appended afterwards does not count for them.
    checkpoints = list(live_checkpoints())
    return read_ledger(read_window(source), checkpoints)


def live_checkpoints() -> QuerySet[Checkpoint]:
    """The checkpoints of projections, without those of running rebuilds."""
    return Checkpoint.objects.exclude(projection__endswith=REBUILD_SUFFIX).order_by("projection", "partition")


def _line(window: EventWindow, row: Checkpoint, dead_letters: int) -> LedgerLine:
    # With Kafka the number that the relay gave the event; a record that is no event counts as fetched, but has none.
    fetched = row.sequence or row.events
    everything = window.appended(row.partition)
    newer = window.positions.get(row.partition, [])
    behind = len(newer) - bisect_right(newer, row.store_position)
    if everything is not None and window.head(row.partition) > row.store_position:
        behind = max(behind, everything - fetched)
    appended = window.appended(row.partition, row.store_position)
    return LedgerLine(row.projection, row.partition, appended, fetched, row.parked, dead_letters, behind)


def count_events(source: EventLog, *, limit_s: float = COUNT_LIMIT_S) -> int:
    """Move the tally on to where no event can appear any more; returns where that is. Raises `TailBusy`."""
    deadline = monotonic() + limit_s
    while True:
        with transaction.atomic():
            rows = _lock_tallies(source.partitions)
            begin = min(row.counted_to for row in rows.values())
            horizon = TailReader().horizon(begin)
            events = StoredEvent.objects.filter(position__gt=begin, position__lte=horizon).order_by("position")
            found = list(events.values_list("position", "aggregate_id")[:CHUNK])
            for position, aggregate_id in found:
                row = rows[source.partition_for(aggregate_id)]
                row.events, row.last_position = row.events + 1, position
            end = found[-1][0] if found else begin
            for row in rows.values():
                row.counted_to = end
            PartitionTally.objects.bulk_update(rows.values(), ["events", "last_position", "counted_to"])
        if len(found) < CHUNK or monotonic() > deadline:
            return end


def _lock_tallies(partitions: Sequence[int]) -> dict[int, PartitionTally]:
    """The tallies, locked; from the beginning if the log has other partitions now."""
    rows = {row.partition: row for row in PartitionTally.objects.select_for_update().order_by("partition")}
    if rows.keys() == set(partitions):
        return rows
    PartitionTally.objects.all().delete()
    PartitionTally.objects.bulk_create([PartitionTally(partition=number) for number in partitions])
    return {row.partition: row for row in PartitionTally.objects.select_for_update()}
