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
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import StreamHead
from eventshop.eventstore.hash_chain.chain import hash_event
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_receipt
from eventshop.messaging.reconciliation.differences import describe_location
from eventshop.messaging.reconciliation.ordered_topic_reader import (
    ForeignRecord,
    OrderedTopicReader,
    Tombstone,
    TopicEvent,
)

#: Told the position that was reached, and how many events lie up to there.
ReportProgress: TypeAlias = Callable[[int, int], None]

#: Events checked and written at a time.
PAGE_SIZE: Final = 1_000
#: How many tombstones, foreign records and incomplete streams are named; all are counted.
MAX_EXAMPLES: Final = 10


class RestoreRefused(EventShopError):
    """The table is not empty, nor the beginning of what lies on the topic."""

    code = "restore-refused"


class IncompleteStream(EventShopError):
    """A stream lacks an event on Kafka, so that what lies behind it cannot be proven."""

    code = "incomplete"


@dataclass
class RestoreResult:
    """What was found, and what of it was new to the table."""

    existing: int = 0  # events that the table had already
    new: int = 0
    receipts: int = 0
    missing: int = 0  # numbers within the partitions that no record has: erased, or lost
    skipped: int = 0  # events behind a missing one of their stream
    repeats: int = 0
    tombstones: int = 0
    foreign: int = 0
    examples: list[str] = field(default_factory=list)

    def add_example(self, what: str) -> None:
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(what)


class EventTableRestore:
    """One way through the topic. `past_holes`: what lies behind a missing event of its stream is left out.

    Raises `RestoreRefused` for a table with anything else in it, `BrokenStream` for an event that does not fit the
    chain of its stream, `Incomplete`, `KafkaAway`; what was written up to there stays.
    """

    def __init__(self, topic: OrderedTopicReader, *, dry_run: bool = False, past_holes: bool = False) -> None:
        self.topic = topic
        self.dry_run = dry_run
        self.past_holes = past_holes
        self.table_end = newest_position()
        self.result = RestoreResult()
        self._checked_up_to = 0
        self._sequences = [0] * PARTITIONS
        self._heads: dict[UUID, StreamHead] = {}
        if self.table_end > topic.position:
            raise RestoreRefused(
                f"the table reaches position {self.table_end}, {topic.topic} only position {topic.position}: there is "
                "nothing to restore from it"
            )

    def run(self, report_progress: ReportProgress = lambda position, events: None) -> RestoreResult:
        if not self.dry_run:
            import_events.reserve_positions(self.topic.position)
        for page in self._pages():
            self._restore(page)
            report_progress(max(item.row.position for item in page), self.result.existing + self.result.new)
        return self.result

    def _pages(self) -> Iterator[list[TopicEvent]]:
        page: list[TopicEvent] = []
        for item in self.topic:
            match item:
                case TopicEvent():
                    self._count(item, events=1)
                    page.append(item)
                case Tombstone():
                    self.result.tombstones += 1
                    self.result.add_example(f"{describe_location(item)}: a tombstone erases {item.key.decode()}")
                    self._count(item, events=0)
                case ForeignRecord():
                    self.result.foreign += 1
                    self.result.add_example(f"{describe_location(item)}: no event of ours: {item.error}")
            if len(page) == PAGE_SIZE:
                yield page
                page = []
        if page:
            yield page

    def _restore(self, page: list[TopicEvent]) -> None:
        """Check one page, then write what is new of it."""
        self._heads |= import_events.read_stream_heads({item.row.aggregate_id for item in page} - self._heads.keys())
        there = self._existing_rows(page)
        new = [item for item in page if self._is_new(item, there)]
        if there:
            raise RestoreRefused(f"the table has something at position {min(there)}, {self.topic.topic} has not")
        receipts = [receipt for item in new if (receipt := decode_receipt(item.row, item.headers))]
        self.result.new += len(new)
        self.result.receipts += len(receipts)
        if not self.dry_run:
            import_events.insert_events([item.row for item in new], receipts)
            self._heads.clear()  # they are in the table now

    def _existing_rows(self, page: list[TopicEvent]) -> dict[int, EventRow]:
        """What the table has had up to the end of this page, and behind the page before it."""
        after, self._checked_up_to = (
            self._checked_up_to,
            max(self._checked_up_to, *(item.row.position for item in page)),
        )
        up_to = min(self._checked_up_to, self.table_end)
        rows = (
            backend().select_events("WHERE position > %s AND position <= %s", (after, up_to)) if after < up_to else []
        )
        return {row.position: row for row in rows}

    def _is_new(self, item: TopicEvent, there: dict[int, EventRow]) -> bool:
        """Whether an event is to be written; counts it otherwise. Takes it out of `there`."""
        row, head = item.row, self._heads.get(item.row.aggregate_id, StreamHead())
        if row.position <= item.preceding_position:
            return self._handle_late_event(item, head)
        if row.position <= self.table_end:
            if there.pop(row.position, None) == row:
                self.result.existing += 1
                return False
            if row.version <= head.version + 1:
                raise RestoreRefused(f"{_describe_event(item)} is not what the table has")
        if row.version > head.version + 1:
            return self._skip_unproven(item, head)
        if row.version <= head.version:
            raise BrokenStream(
                f"{_describe_event(item)} is a second one: its stream has reached version {head.version} before"
            )
        if hash_event(head.hash, row) != row.hash:
            raise BrokenStream(
                f"{_describe_event(item)} does not follow from the event before it: one of them was changed"
            )
        self._heads[row.aggregate_id] = StreamHead(row.version, row.hash)
        return True

    def _handle_late_event(self, item: TopicEvent, head: StreamHead) -> bool:
        """A repeat is nothing new; verify_log tells whether it says the same as the first time."""
        if item.row.version > head.version:
            raise BrokenStream(f"{_describe_event(item)} lies out of order: behind position {item.preceding_position}")
        self.result.repeats += 1
        return False

    def _skip_unproven(self, item: TopicEvent, head: StreamHead) -> bool:
        if not self.past_holes:
            raise IncompleteStream(
                f"{_describe_event(item)} cannot be proven: version {head.version + 1} of its stream is not on Kafka, erased or "
                "lost. With --past-holes what lies behind such events is left out"
            )
        self.result.skipped += 1
        self.result.add_example(f"left out: {_describe_event(item)}; its stream ends with version {head.version}")
        return False

    def _count(self, item: TopicEvent | Tombstone, *, events: int) -> None:
        """The relay numbers the events of each partition without gaps; a tombstone has the number before it."""
        reached = self._sequences[item.partition]
        if item.sequence > reached:
            self.result.missing += item.sequence - reached - events
            self._sequences[item.partition] = item.sequence


def _describe_event(item: TopicEvent) -> str:
    row = item.row
    return (
        f"position {row.position}, event {row.event_id}, version {row.version} of {row.aggregate_type} "
        f"{row.aggregate_id} ({describe_location(item)})"
    )
