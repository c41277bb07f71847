"""Compares the event table with the topic `event-store`, event by event: ids, order, content and other records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, partition_for, record_key
from eventshop.messaging.reconciliation.acknowledgements import Acknowledgements
from eventshop.messaging.reconciliation.differences import Difference, describe_location, find_differences
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from eventshop.messaging.reconciliation.topic_items import ForeignRecord, Tombstone, TopicEvent, TopicItem

ReportProgress: TypeAlias = Callable[[int], None]

#: Rows read from the table at a time; progress is reported as often.
PAGE_SIZE: Final = 1_000
#: How many tombstones, vanished events and acknowledged records are described; all are counted.
MAX_EXAMPLES: Final = 10
#: How many foreign records are described: each has to be acknowledged.
MAX_FOREIGN_EXAMPLES: Final = 100
#: How many events that the topic lacks are kept in memory: a later tombstone may explain them.
_MAX_MISSING: Final = 10_000


class ComparisonResult(NamedTuple):
    """The result of a comparison. `difference` is the first one, by position."""

    position: int  # the last one on the topic at the start
    equal: int  # events that are the same on both sides
    unpublished: int  # rows after that position: not published yet, which is not a difference
    without_receipt: int  # last events of commands that were published before records carried receipts
    tombstones: int
    foreign: int  # not acknowledged by an operator
    acknowledged: int  # foreign records that an operator has acknowledged
    vanished: int  # events that were on Kafka once, and are now on neither side
    examples: list[str]  # descriptions of the first tombstones, vanished events and acknowledged records
    foreign_examples: list[str]  # descriptions of the first foreign records that nobody has acknowledged
    difference: Difference | None

    @property
    def is_equal(self) -> bool:
        return self.difference is None and not self.foreign


class Comparison:
    """One comparison, up to the event that is the last on the topic at the start. Raises `KafkaUnavailable`."""

    def __init__(self, topic: OrderedTopicReader, acknowledgements: Acknowledgements) -> None:
        self.topic = topic
        self.acknowledgements = acknowledgements
        self.total = StoredEvent.objects.filter(position__gt=topic.after, position__lte=topic.position).count()
        self._reached = topic.after
        self._counted = [0] * PARTITIONS  # events of each partition, as the relay numbers them
        self._uncounted = set(range(PARTITIONS)) if topic.after else set()  # whose first number is not known yet
        self._missing: dict[bytes, EventRow] = {}
        self._erased: set[bytes] = set()
        self._equal = self._without_receipt = self._foreign = self._acknowledged = self._vanished = 0
        self._examples: list[str] = []
        self._foreign_examples: list[str] = []

    def run(self, report_progress: ReportProgress = lambda events: None) -> ComparisonResult:
        items = iter(self.topic)
        differences = list(islice(self._find_differences(items, report_progress), 1))
        if differences and self._missing:  # a later tombstone may explain an event that is missing before it
            for item in items:
                self._count_non_event(item)
        differences += [_missing_event(row) for row in self._missing.values()]
        unpublished = StoredEvent.objects.filter(position__gt=self.topic.position).count()
        return ComparisonResult(
            self.topic.position,
            self._equal,
            unpublished,
            self._without_receipt,
            len(self._erased),
            self._foreign,
            self._acknowledged,
            self._vanished,
            self._examples,
            self._foreign_examples,
            min(differences, default=None),
        )

    @property
    def equal_up_to(self) -> int:
        """The position up to which both sides were found equal so far."""
        return min((row.position for row in self._missing.values()), default=self._reached + 1) - 1

    def _find_differences(self, items: Iterator[TopicItem], report_progress: ReportProgress) -> Iterator[Difference]:
        """Read both sides in parallel. Events that the topic lacks are collected in `_missing`."""
        table = self._table_rows()
        row, receipt = next(table, (None, None))
        for item in items:
            if not isinstance(item, TopicEvent):
                self._count_non_event(item)
                continue
            if item.row.position <= item.preceding_position:
                yield self._late_difference(item)
                continue
            while row is not None and row.position < item.row.position:
                self._remember_missing(row)
                row, receipt = next(table, (None, None))
            if row is None or row.position > item.row.position:
                yield _extra_event(item)
                continue
            self._count(item)
            yield from find_differences(row, receipt, item, self._counted)
            self._equal += 1
            self._reached = row.position
            self._without_receipt += receipt is not None and item.receipt is None
            if self._equal % PAGE_SIZE == 0:
                report_progress(self._equal)
            row, receipt = next(table, (None, None))
        while row is not None:
            self._remember_missing(row)
            row, receipt = next(table, (None, None))
        report_progress(self._equal)

    def _table_rows(self) -> Iterator[tuple[EventRow, ReceiptRow | None]]:
        """Yield every row up to the end of the topic; a command's last event with the command's receipt."""
        after = self.topic.after
        while True:
            rows = backend().select_events(
                "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s",
                (after, self.topic.position, PAGE_SIZE),
            )
            receipts = {row.position: row for row in backend().load_receipts(list({row.command_id for row in rows}))}
            for row in rows:
                yield row, receipts.get(row.position)
            if len(rows) < PAGE_SIZE:
                return
            after = rows[-1].position

    def _remember_missing(self, row: EventRow) -> None:
        self._counted[partition_for(row.aggregate_id)] += 1
        key = record_key(row.aggregate_id, row.version)
        if key not in self._erased and len(self._missing) < _MAX_MISSING:
            self._missing[key] = row

    def _count(self, item: TopicEvent) -> None:
        """Count the partition's numbers. A number that neither side has is not a difference: a table that was restored
        from Kafka lacks the events that Kafka lacked.
        """
        if item.partition in self._uncounted:
            self._uncounted.remove(item.partition)
            self._counted[item.partition] = item.sequence - 1
        expected = self._counted[item.partition] + 1
        self._counted[item.partition] = max(expected, item.sequence)
        if item.sequence > expected:
            self._vanished += item.sequence - expected
            self._add_example(
                f"{describe_location(item)}: numbers {expected} to {item.sequence - 1} before it are on neither side"
            )

    def _late_difference(self, item: TopicEvent) -> Difference:
        text = f"position {item.row.position} (event {item.row.event_id}) is in {describe_location(item)}"
        if self._missing.pop(record_key(item.row.aggregate_id, item.row.version), None):
            return Difference(item.row.position, f"{text}, out of order: after position {item.preceding_position}")
        return Difference(item.row.position, f"{text} a second time")

    def _count_non_event(self, item: TopicItem) -> None:
        if isinstance(item, Tombstone):
            self._erased.add(item.key)
            self._missing.pop(item.key, None)
            self._add_example(f"{describe_location(item)}: a tombstone erases {item.key.decode()}")
        elif isinstance(item, ForeignRecord):
            self._count_foreign_record(item)

    def _count_foreign_record(self, record: ForeignRecord) -> None:
        description = f"{describe_location(record)}: not an event: {record.error}"
        if row := self.acknowledgements.find(record):
            self._acknowledged += 1
            self._add_example(f"{description}; acknowledged by {row.operator}: {row.reason}")
            return
        self._foreign += 1
        if len(self._foreign_examples) < MAX_FOREIGN_EXAMPLES:
            self._foreign_examples.append(description)

    def _add_example(self, description: str) -> None:
        if len(self._examples) < MAX_EXAMPLES:
            self._examples.append(description)


def compare_table_with_topic(
    topic: str, report_progress: ReportProgress = lambda events: None, *, processes: int | None = None
) -> ComparisonResult:
    """Compare the whole event table with a topic. Raises `TopicRefused` and `KafkaUnavailable`."""
    acknowledgements = Acknowledgements(topics.require_topic(topic).topic_id)
    with OrderedTopicReader(topic, processes=processes) as ordered:
        return Comparison(ordered, acknowledgements).run(report_progress)


def _extra_event(item: TopicEvent) -> Difference:
    row = item.row
    text = f"position {row.position} (event {row.event_id}) is in {describe_location(item)}, but not in the table"
    for same_event in backend().select_events("WHERE event_id = %s", (row.event_id,)):
        text += f", which has this event at position {same_event.position}"
    return Difference(row.position, text)


def _missing_event(row: EventRow) -> Difference:
    key = record_key(row.aggregate_id, row.version).decode()
    return Difference(
        row.position,
        f"position {row.position} (event {row.event_id}) is in the table, but not on Kafka: no record {key} "
        f"in partition {partition_for(row.aggregate_id)}",
    )
