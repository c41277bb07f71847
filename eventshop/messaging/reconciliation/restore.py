"""The event table out of the topic `event-store`: each event as it was, with the receipt of its command.

The topic is gone through from its beginning. What the table has already must be what lies there; behind that every
event must follow, by version and by hash, the one before it in its stream. A page is written in one transaction:
killed at any moment, it goes on behind the last page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.errors import BrokenStream, EventShopError
from eventshop.eventstore import import_events
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.event_append import Written
from eventshop.eventstore.hash_chain.chain import link
from eventshop.eventstore.records import Row
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka.event_records import PARTITIONS, receipt_of
from eventshop.messaging.reconciliation.differences import where
from eventshop.messaging.reconciliation.ordered_topic_reader import Event, Foreign, OrderedTopic, Tombstone

#: Told the position that was reached, and how many events lie up to there.
Told: TypeAlias = Callable[[int, int], None]

#: Events checked and written at a time.
PAGE: Final = 1_000
#: How many tombstones, foreign records and incomplete streams are named; all are counted.
NAMED: Final = 10


class RestoreRefused(EventShopError):
    """The table is not empty, nor the beginning of what lies on the topic."""

    code = "restore-refused"


class Incomplete(EventShopError):
    """A stream lacks an event on Kafka, so that what lies behind it cannot be proven."""

    code = "incomplete"


@dataclass
class Restored:
    """What was found, and what of it was new to the table."""

    there: int = 0  # events that the table had already
    new: int = 0
    receipts: int = 0
    missing: int = 0  # numbers within the partitions that no record has: erased, or lost
    left_out: int = 0  # events behind a missing one of their stream
    repeats: int = 0
    tombstones: int = 0
    foreign: int = 0
    named: list[str] = field(default_factory=list)

    def name(self, what: str) -> None:
        if len(self.named) < NAMED:
            self.named.append(what)


class Restore:
    """One way through the topic. `past_holes`: what lies behind a missing event of its stream is left out.

    Raises `RestoreRefused` for a table with anything else in it, `BrokenStream` for an event that does not fit the
    chain of its stream, `Incomplete`, `KafkaAway`; what was written up to there stays.
    """

    def __init__(self, topic: OrderedTopic, *, dry_run: bool = False, past_holes: bool = False) -> None:
        self.topic = topic
        self.dry_run = dry_run
        self.past_holes = past_holes
        self.known = newest_position()
        self.found = Restored()
        self._reached = 0
        self._sequences = [0] * PARTITIONS
        self._heads: dict[UUID, Written] = {}
        if self.known > topic.position:
            raise RestoreRefused(
                f"the table reaches position {self.known}, {topic.topic} only position {topic.position}: there is "
                "nothing to restore from it"
            )

    def run(self, told: Told = lambda position, events: None) -> Restored:
        if not self.dry_run:
            import_events.reserve(self.topic.position)
        for page in self._pages():
            self._restore(page)
            told(max(item.row.position for item in page), self.found.there + self.found.new)
        return self.found

    def _pages(self) -> Iterator[list[Event]]:
        page: list[Event] = []
        for item in self.topic:
            match item:
                case Event():
                    self._count(item, events=1)
                    page.append(item)
                case Tombstone():
                    self.found.tombstones += 1
                    self.found.name(f"{where(item)}: a tombstone erases {item.key.decode()}")
                    self._count(item, events=0)
                case Foreign():
                    self.found.foreign += 1
                    self.found.name(f"{where(item)}: no event of ours: {item.error}")
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def _restore(self, page: list[Event]) -> None:
        """Check one page, then write what is new of it."""
        self._heads |= import_events.heads({item.row.aggregate_id for item in page} - self._heads.keys())
        there = self._there(page)
        new = [item for item in page if self._is_new(item, there)]
        if there:
            raise RestoreRefused(f"the table has something at position {min(there)}, {self.topic.topic} has not")
        receipts = [receipt for item in new if (receipt := receipt_of(item.row, item.headers))]
        self.found.new += len(new)
        self.found.receipts += len(receipts)
        if not self.dry_run:
            import_events.write([item.row for item in new], receipts)
            self._heads.clear()  # they are in the table now

    def _there(self, page: list[Event]) -> dict[int, Row]:
        """What the table has had up to the end of this page, and behind the page before it."""
        after, self._reached = self._reached, max(self._reached, *(item.row.position for item in page))
        up_to = min(self._reached, self.known)
        rows = engine().select("WHERE position > %s AND position <= %s", (after, up_to)) if after < up_to else []
        return {row.position: row for row in rows}

    def _is_new(self, item: Event, there: dict[int, Row]) -> bool:
        """Whether an event is to be written; counts it otherwise. Takes it out of `there`."""
        row, head = item.row, self._heads.get(item.row.aggregate_id, Written())
        if row.position <= item.behind:
            return self._comes_late(item, head)
        if row.position <= self.known:
            if there.pop(row.position, None) == row:
                self.found.there += 1
                return False
            if row.version <= head.version + 1:
                raise RestoreRefused(f"{_told(item)} is not what the table has")
        if row.version > head.version + 1:
            return self._leave_out(item, head)
        if row.version <= head.version:
            raise BrokenStream(f"{_told(item)} is a second one: its stream has reached version {head.version} before")
        if link(head.hash, row) != row.hash:
            raise BrokenStream(f"{_told(item)} does not follow from the event before it: one of them was changed")
        self._heads[row.aggregate_id] = Written(row.version, row.hash)
        return True

    def _comes_late(self, item: Event, head: Written) -> bool:
        """A repeat is nothing new; verify_log tells whether it says the same as the first time."""
        if item.row.version > head.version:
            raise BrokenStream(f"{_told(item)} lies out of order: behind position {item.behind}")
        self.found.repeats += 1
        return False

    def _leave_out(self, item: Event, head: Written) -> bool:
        if not self.past_holes:
            raise Incomplete(
                f"{_told(item)} cannot be proven: version {head.version + 1} of its stream is not on Kafka, erased or "
                "lost. With --past-holes what lies behind such events is left out"
            )
        self.found.left_out += 1
        self.found.name(f"left out: {_told(item)}; its stream ends with version {head.version}")
        return False

    def _count(self, item: Event | Tombstone, *, events: int) -> None:
        """The relay numbers the events of each partition without gaps; a tombstone has the number before it."""
        reached = self._sequences[item.partition]
        if item.sequence > reached:
            self.found.missing += item.sequence - reached - events
            self._sequences[item.partition] = item.sequence


def _told(item: Event) -> str:
    row = item.row
    return (
        f"position {row.position}, event {row.event_id}, version {row.version} of {row.aggregate_type} "
        f"{row.aggregate_id} ({where(item)})"
    )
