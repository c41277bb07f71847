"""Restores the event table from the topic `event-store`: every event unchanged, with the receipt of its command.

The topic is read from its beginning. Events that the table already has must equal those on the topic. Every further
event must follow, by version and by hash, the previous event of its stream. Each page is written in one transaction, so
a restore that was killed resumes after the last page. While PostgreSQL writes a page, the next one is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.errors import BrokenStream, EventShopError
from eventshop.eventstore import import_events, store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import StreamHead
from eventshop.eventstore.hash_chain.chain import hash_event
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.store_epoch_records import begin_epoch_after, read_published_epoch
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation import divergence
from eventshop.messaging.reconciliation.differences import describe_location
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from eventshop.messaging.reconciliation.page_writer import PageWriter
from eventshop.messaging.reconciliation.topic_items import ForeignRecord, Tombstone, TopicEvent

#: Called with the position reached, and with the number of events up to it.
ReportProgress: TypeAlias = Callable[[int, int], None]

#: Events checked and written at a time.
PAGE_SIZE: Final = 1_000
#: How many tombstones, foreign records and incomplete streams are described; all are counted.
MAX_EXAMPLES: Final = 10


class RestoreRefused(EventShopError):
    """The event table is neither empty nor a prefix of the topic."""

    code = "restore-refused"


class IncompleteStream(EventShopError):
    """A stream lacks an event on Kafka, so its later events cannot be verified."""

    code = "incomplete"


@dataclass
class RestoreResult:
    """Counts of a restore."""

    existing: int = 0  # events that the table already had
    new: int = 0
    receipts: int = 0
    missing: int = 0  # partition sequence numbers without a record: erased, or lost
    skipped: int = 0  # events after a missing event of their stream
    repeats: int = 0
    tombstones: int = 0
    foreign: int = 0
    examples: list[str] = field(default_factory=list)

    def add_example(self, description: str) -> None:
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(description)


class EventTableRestore:
    """One restore. `past_holes` skips the events after a missing event of their stream.

    Raises `RestoreRefused` if the table contains other events, `BrokenStream` for an event that does not fit the hash
    chain of its stream, `IncompleteStream` and `KafkaUnavailable`. The pages written before an error are kept.
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
        self.published_epoch = read_published_epoch()
        if self.table_end > topic.position and not self._is_epoch_old():
            raise RestoreRefused(
                f"the table ends at position {self.table_end}, {topic.topic} already at position {topic.position}: "
                "there is nothing to restore"
            )

    def run(self, report_progress: ReportProgress = lambda position, events: None) -> RestoreResult:
        if not self.dry_run:
            import_events.reserve_positions(self.topic.position)
            self._begin_epoch()
        with PageWriter() as writer:
            for page in self._pages():
                self._restore(page, writer)
                report_progress(max(item.row.position for item in page), self.result.existing + self.result.new)
        if not self.dry_run:
            divergence.examine(self.topic.topic)
            # The relay looks again at once, instead of after a while.
            RelayCheckpoint.objects.filter(topic=self.topic.topic).update(stopped_at=None)
        return self.result

    def _begin_epoch(self) -> None:
        """Before the first event is written: readers of the table must know that it is a past."""
        published, end = self.published_epoch, self.topic.position
        is_begun = store_epochs.current_epoch().restored_to_position == end
        if self._is_epoch_old() or (self.table_end < end and not is_begun):
            begin_epoch_after(published, "events restored from Kafka", restored_to_position=end)

    def _is_epoch_old(self) -> bool:
        """Whether this is a copy of the store from before its present epoch."""
        return self.published_epoch is not None and self.published_epoch.replaces(store_epochs.current_epoch())

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
                    self.result.add_example(f"{describe_location(item)}: not an event: {item.error}")
            if len(page) == PAGE_SIZE:
                yield page
                page = []
        if page:
            yield page

    def _restore(self, page: list[TopicEvent], writer: PageWriter) -> None:
        """Check one page while the one before it is written, then have its new events written."""
        self._heads |= import_events.read_stream_heads({item.row.aggregate_id for item in page} - self._heads.keys())
        existing = self._existing_rows(page)
        new = [item for item in page if self._is_new(item, existing)]
        if existing:
            raise RestoreRefused(
                f"the table has an event at position {min(existing)}, which {self.topic.topic} does not have"
            )
        receipts = [item.receipt for item in new if item.receipt]
        self.result.new += len(new)
        self.result.receipts += len(receipts)
        if not self.dry_run:
            writer.write([item.row for item in new], receipts)
            # All pages before this one are in the table: the heads of other streams are read from there.
            self._heads = {item.row.aggregate_id: self._heads[item.row.aggregate_id] for item in new}

    def _existing_rows(self, page: list[TopicEvent]) -> dict[int, EventRow]:
        """The rows that the table had before this restore, in the range of positions of this page."""
        after = self._checked_up_to
        self._checked_up_to = max(after, *(item.row.position for item in page))
        up_to = min(self._checked_up_to, self.table_end)
        if after >= up_to:
            return {}
        rows = backend().select_events("WHERE position > %s AND position <= %s", (after, up_to))
        return {row.position: row for row in rows}

    def _is_new(self, item: TopicEvent, existing: dict[int, EventRow]) -> bool:
        """Whether an event has to be written. Otherwise count it, and remove it from `existing`."""
        row, head = item.row, self._heads.get(item.row.aggregate_id, StreamHead())
        if row.position <= item.preceding_position:
            return self._handle_late_event(item, head)
        if row.position <= self.table_end:
            if existing.pop(row.position, None) == row:
                self.result.existing += 1
                return False
            if row.version <= head.version + 1:
                raise RestoreRefused(f"{_describe_event(item)} differs from the event in the table")
        if row.version > head.version + 1:
            return self._skip_unproven(item, head)
        if row.version <= head.version:
            raise BrokenStream(
                f"{_describe_event(item)} is a duplicate: its stream has already reached version {head.version}"
            )
        if hash_event(head.hash, row) != row.hash:
            raise BrokenStream(
                f"{_describe_event(item)} does not match the hash of the event before it: one of them was changed"
            )
        self._heads[row.aggregate_id] = StreamHead(row.version, row.hash)
        return True

    def _handle_late_event(self, item: TopicEvent, head: StreamHead) -> bool:
        """Count a duplicate. verify_log checks whether it equals the first record."""
        if item.row.version > head.version:
            raise BrokenStream(f"{_describe_event(item)} is out of order: after position {item.preceding_position}")
        self.result.repeats += 1
        return False

    def _skip_unproven(self, item: TopicEvent, head: StreamHead) -> bool:
        if not self.past_holes:
            raise IncompleteStream(
                f"{_describe_event(item)} cannot be verified: version {head.version + 1} of its stream is not on "
                "Kafka, erased or lost. The option --past-holes skips the events after a missing one"
            )
        self.result.skipped += 1
        self.result.add_example(f"skipped: {_describe_event(item)}; its stream ends with version {head.version}")
        return False

    def _count(self, item: TopicEvent | Tombstone, *, events: int) -> None:
        """Count missing numbers: the relay numbers a partition without gaps; a tombstone has the previous number."""
        previous = self._sequences[item.partition]
        if item.sequence > previous:
            self.result.missing += item.sequence - previous - events
            self._sequences[item.partition] = item.sequence


def _describe_event(item: TopicEvent) -> str:
    row = item.row
    return (
        f"position {row.position}, event {row.event_id}, version {row.version} of {row.aggregate_type} "
        f"{row.aggregate_id} ({describe_location(item)})"
    )
