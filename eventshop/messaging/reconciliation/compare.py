"""The event table against the topic `event-store`, event by event: ids, order, content, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import ReceiptRow, Row
from eventshop.messaging.kafka.event_records import PARTITIONS, key_of, partition_of, receipt_of
from eventshop.messaging.reconciliation.differences import Difference, differences, where
from eventshop.messaging.reconciliation.ordered_topic_reader import Event, Foreign, Item, OrderedTopic, Tombstone

Told: TypeAlias = Callable[[int], None]

#: Rows read from the table at a time, and how often progress is told.
PAGE: Final = 1_000
#: How many things beside the events are named; all are counted.
NAMED: Final = 10
#: Events that the topic lacks are kept in mind, for a tombstone may explain them; so many at most.
_MANY: Final = 10_000


class Verdict(NamedTuple):
    """What came out. `difference` is the first one, by position."""

    position: int  # the last one on the topic when it began
    equal: int  # events that are the same on both sides
    waiting: int  # rows behind that position: not published yet, which is no difference
    without_receipt: int  # last events of commands that were published before receipts travelled with them
    tombstones: int
    foreign: int
    gone: int  # events that were on Kafka once, and are on neither side
    named: list[str]  # the first of those three
    difference: Difference | None

    @property
    def same(self) -> bool:
        return self.difference is None and not self.foreign


class Comparison:
    """One comparison, up to the last event on the topic when it is made. Raises `KafkaAway`."""

    def __init__(self, topic: OrderedTopic) -> None:
        self.topic = topic
        self.total = StoredEvent.objects.filter(position__lte=topic.position).count()
        self._counted = [0] * PARTITIONS  # events of each partition, as the relay numbers them
        self._missing: dict[bytes, Row] = {}
        self._erased: set[bytes] = set()
        self._equal = self._without_receipt = self._foreign = self._gone = 0
        self._named: list[str] = []

    def run(self, told: Told = lambda events: None) -> Verdict:
        items = iter(self.topic)
        found = list(islice(self._differences(items, told), 1))
        if found and self._missing:  # a tombstone further on may explain what was missing before
            for item in items:
                self._set_aside(item)
        found += [_lacking(row) for row in self._missing.values()]
        waiting = StoredEvent.objects.filter(position__gt=self.topic.position).count()
        return Verdict(
            self.topic.position,
            self._equal,
            waiting,
            self._without_receipt,
            len(self._erased),
            self._foreign,
            self._gone,
            self._named,
            min(found, default=None),
        )

    def _differences(self, items: Iterator[Item], told: Told) -> Iterator[Difference]:
        """Walk along both sides. What the topic lacks is only kept in mind."""
        table = self._table()
        row, receipt = next(table, (None, None))
        for item in items:
            if not isinstance(item, Event):
                self._set_aside(item)
                continue
            if item.row.position <= item.behind:
                yield self._late(item)
                continue
            while row is not None and row.position < item.row.position:
                self._lacks(row)
                row, receipt = next(table, (None, None))
            if row is None or row.position > item.row.position:
                yield _extra(item)
                continue
            self._count(item)
            yield from differences(row, receipt, item, self._counted)
            self._equal += 1
            self._without_receipt += receipt is not None and receipt_of(item.row, item.headers) is None
            if self._equal % PAGE == 0:
                told(self._equal)
            row, receipt = next(table, (None, None))
        while row is not None:
            self._lacks(row)
            row, receipt = next(table, (None, None))
        told(self._equal)

    def _table(self) -> Iterator[tuple[Row, ReceiptRow | None]]:
        """Every row up to the end of the topic, with its command's receipt where it is the command's last."""
        after = 0
        while True:
            rows = engine().select(
                "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s",
                (after, self.topic.position, PAGE),
            )
            receipts = {row.position: row for row in engine().receipts(list({row.command_id for row in rows}))}
            for row in rows:
                yield row, receipts.get(row.position)
            if len(rows) < PAGE:
                return
            after = rows[-1].position

    def _lacks(self, row: Row) -> None:
        self._counted[partition_of(row.aggregate_id)] += 1
        key = key_of(row.aggregate_id, row.version)
        if key not in self._erased and len(self._missing) < _MANY:
            self._missing[key] = row

    def _count(self, item: Event) -> None:
        """A number that neither side has is no difference: a table restored from Kafka lacks what Kafka lacked."""
        expected = self._counted[item.partition] + 1
        self._counted[item.partition] = max(expected, item.sequence)
        if item.sequence > expected:
            self._gone += item.sequence - expected
            self._name(f"{where(item)}: numbers {expected} to {item.sequence - 1} before it are on neither side")

    def _late(self, item: Event) -> Difference:
        place = f"position {item.row.position} (event {item.row.event_id}) lies in {where(item)}"
        if self._missing.pop(key_of(item.row.aggregate_id, item.row.version), None):
            return Difference(item.row.position, f"{place}, out of order: behind position {item.behind}")
        return Difference(item.row.position, f"{place} a second time")

    def _set_aside(self, item: Item) -> None:
        if isinstance(item, Tombstone):
            self._erased.add(item.key)
            self._missing.pop(item.key, None)
            self._name(f"{where(item)}: a tombstone erases {item.key.decode()}")
        elif isinstance(item, Foreign):
            self._foreign += 1
            self._name(f"{where(item)}: no event of ours: {item.error}")

    def _name(self, what: str) -> None:
        if len(self._named) < NAMED:
            self._named.append(what)


def compare(topic: str, told: Told = lambda events: None) -> Verdict:
    with OrderedTopic(topic) as ordered:
        return Comparison(ordered).run(told)


def _extra(item: Event) -> Difference:
    row = item.row
    place = f"position {row.position} (event {row.event_id}) lies in {where(item)}, but is not in the table"
    for elsewhere in engine().select("WHERE event_id = %s", (row.event_id,)):
        place += f", which has that event at position {elsewhere.position}"
    return Difference(row.position, place)


def _lacking(row: Row) -> Difference:
    key = key_of(row.aggregate_id, row.version).decode()
    return Difference(
        row.position,
        f"position {row.position} (event {row.event_id}) is in the table, but not on Kafka: no record {key} "
        f"in partition {partition_of(row.aggregate_id)}",
    )
