"""The event table against the topic `event-store`, event by event: ids, order, content, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow, ReceiptRow
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_receipt, partition_for, record_key
from eventshop.messaging.reconciliation.differences import Difference, describe_location, find_differences
from eventshop.messaging.reconciliation.ordered_topic_reader import (
    ForeignRecord,
    OrderedTopicReader,
    Tombstone,
    TopicEvent,
    TopicItem,
)

ReportProgress: TypeAlias = Callable[[int], None]

#: Rows read from the table at a time, and how often progress is told.
PAGE_SIZE: Final = 1_000
#: How many things beside the events are named; all are counted.
MAX_EXAMPLES: Final = 10
#: Events that the topic lacks are kept in mind, for a tombstone may explain them; so many at most.
_MAX_MISSING: Final = 10_000


class ComparisonResult(NamedTuple):
    """What came out. `difference` is the first one, by position."""

    position: int  # the last one on the topic when it began
    equal: int  # events that are the same on both sides
    unpublished: int  # rows behind that position: not published yet, which is no difference
    without_receipt: int  # last events of commands that were published before receipts travelled with them
    tombstones: int
    foreign: int
    vanished: int  # events that were on Kafka once, and are on neither side
    examples: list[str]  # the first of those three
    difference: Difference | None

    @property
    def is_equal(self) -> bool:
        return self.difference is None and not self.foreign


class Comparison:
    """One comparison, up to the last event on the topic when it is made. Raises `KafkaAway`."""

    def __init__(self, topic: OrderedTopicReader) -> None:
        self.topic = topic
        self.total = StoredEvent.objects.filter(position__lte=topic.position).count()
        self._counted = [0] * PARTITIONS  # events of each partition, as the relay numbers them
        self._missing: dict[bytes, EventRow] = {}
        self._erased: set[bytes] = set()
        self._equal = self._without_receipt = self._foreign = self._vanished = 0
        self._examples: list[str] = []

    def run(self, report_progress: ReportProgress = lambda events: None) -> ComparisonResult:
        items = iter(self.topic)
        found = list(islice(self._find_differences(items, report_progress), 1))
        if found and self._missing:  # a tombstone further on may explain what was missing before
            for item in items:
                self._count_non_event(item)
        found += [_missing_event(row) for row in self._missing.values()]
        waiting = StoredEvent.objects.filter(position__gt=self.topic.position).count()
        return ComparisonResult(
            self.topic.position,
            self._equal,
            waiting,
            self._without_receipt,
            len(self._erased),
            self._foreign,
            self._vanished,
            self._examples,
            min(found, default=None),
        )

    def _find_differences(self, items: Iterator[TopicItem], report_progress: ReportProgress) -> Iterator[Difference]:
        """Walk along both sides. What the topic lacks is only kept in mind."""
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
            self._without_receipt += receipt is not None and decode_receipt(item.row, item.headers) is None
            if self._equal % PAGE_SIZE == 0:
                report_progress(self._equal)
            row, receipt = next(table, (None, None))
        while row is not None:
            self._remember_missing(row)
            row, receipt = next(table, (None, None))
        report_progress(self._equal)

    def _table_rows(self) -> Iterator[tuple[EventRow, ReceiptRow | None]]:
        """Every row up to the end of the topic, with its command's receipt where it is the command's last."""
        after = 0
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
        """A number that neither side has is no difference: a table restored from Kafka lacks what Kafka lacked."""
        expected = self._counted[item.partition] + 1
        self._counted[item.partition] = max(expected, item.sequence)
        if item.sequence > expected:
            self._vanished += item.sequence - expected
            self._add_example(
                f"{describe_location(item)}: numbers {expected} to {item.sequence - 1} before it are on neither side"
            )

    def _late_difference(self, item: TopicEvent) -> Difference:
        place = f"position {item.row.position} (event {item.row.event_id}) lies in {describe_location(item)}"
        if self._missing.pop(record_key(item.row.aggregate_id, item.row.version), None):
            return Difference(item.row.position, f"{place}, out of order: behind position {item.preceding_position}")
        return Difference(item.row.position, f"{place} a second time")

    def _count_non_event(self, item: TopicItem) -> None:
        if isinstance(item, Tombstone):
            self._erased.add(item.key)
            self._missing.pop(item.key, None)
            self._add_example(f"{describe_location(item)}: a tombstone erases {item.key.decode()}")
        elif isinstance(item, ForeignRecord):
            self._foreign += 1
            self._add_example(f"{describe_location(item)}: no event of ours: {item.error}")

    def _add_example(self, what: str) -> None:
        if len(self._examples) < MAX_EXAMPLES:
            self._examples.append(what)


def compare_table_with_topic(topic: str, report_progress: ReportProgress = lambda events: None) -> ComparisonResult:
    with OrderedTopicReader(topic) as ordered:
        return Comparison(ordered).run(report_progress)


def _extra_event(item: TopicEvent) -> Difference:
    row = item.row
    place = f"position {row.position} (event {row.event_id}) lies in {describe_location(item)}, but is not in the table"
    for elsewhere in backend().select_events("WHERE event_id = %s", (row.event_id,)):
        place += f", which has that event at position {elsewhere.position}"
    return Difference(row.position, place)


def _missing_event(row: EventRow) -> Difference:
    key = record_key(row.aggregate_id, row.version).decode()
    return Difference(
        row.position,
        f"position {row.position} (event {row.event_id}) is in the table, but not on Kafka: no record {key} "
        f"in partition {partition_for(row.aggregate_id)}",
    )
