"""Compares an event table and a topic that have forked: from which position on, and what each has alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.errors import EventShopError
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain.verification import find_fault
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.store_epochs import Divergence
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka.topic_search import TopicSearch, is_same_event
from eventshop.messaging.reconciliation import divergence
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from eventshop.messaging.reconciliation.topic_items import TopicEvent

_PAGE_SIZE: Final = 1_000


class NoFork(EventShopError):
    """The event table and Kafka have not forked."""

    code = "no-fork"


class BrokenSide(EventShopError):
    """The events that only the table has do not follow from those before them."""

    code = "broken-side"


@dataclass
class Side:
    """What one side has alone."""

    events: int = 0
    first: int = 0  # position
    last: int = 0
    streams: set[UUID] = field(default_factory=set)
    commands: set[UUID] = field(default_factory=set)

    def add(self, row: EventRow) -> None:
        self.events += 1
        self.first = self.first or row.position
        self.last = row.position
        self.streams.add(row.aggregate_id)
        self.commands.add(row.command_id)


class Fork(NamedTuple):
    """How an event table and a topic have forked. Neither has anything alone up to `common_position`.

    `sequences`: the number of the last common event of each partition in which Kafka has others.
    """

    topic: str
    topic_id: UUID
    common_position: int
    table_position: int
    topic_position: int
    database: Side
    kafka: Side
    sequences: dict[int, int]

    @property
    def shared_streams(self) -> set[UUID]:
        """The streams that both sides have continued."""
        return self.database.streams & self.kafka.streams


def find_fork(topic: str) -> Fork:
    """Compare both sides. Raises `NoFork`, `BrokenSide`, `TopicRefused` and `KafkaUnavailable`."""
    topic_id = topics.require_topic(topic).topic_id
    finding = divergence.find_divergence(topic, read_topic_end(topic, PARTITIONS))
    if finding is None or finding.divergence != Divergence.FORKED:
        raise NoFork(finding.reason if finding else f"the event table and {topic} have not forked")
    sides = Side(), Side()
    sequences: dict[int, int] = {}
    with OrderedTopicReader(topic, after=_find_common_position(topic)) as reader:
        for row, item in read_differences(reader):
            sides[item is not None].add(row)
            if item:
                sequences.setdefault(item.partition, item.sequence - 1)
        position = reader.position
    database, kafka = sides
    _refuse_broken_streams(topic, database)
    first = min(side.first for side in sides if side.events)
    return Fork(topic, topic_id, first - 1, newest_position(), position, database, kafka, sequences)


def read_differences(reader: OrderedTopicReader) -> Iterator[tuple[EventRow, TopicEvent | None]]:
    """The events that only one side has, by position: with their record if they are Kafka's, else with None."""
    ours = ((row.position, row, None) for row in _read_table(reader.after))
    theirs = (
        (item.row.position, item.row, item)
        for item in reader
        if isinstance(item, TopicEvent) and item.row.position > item.preceding_position
    )
    both: Iterator[tuple[int, EventRow, TopicEvent | None]] = merge(ours, theirs, key=lambda each: each[0])
    for _, group in groupby(both, key=lambda each: each[0]):
        events = list(group)
        if len(events) == 1 or not is_same_event(events[0][1], events[1][1]):
            yield from ((row, item) for _, row, item in events)


def _read_table(after: int) -> Iterator[EventRow]:
    while rows := backend().select_events("WHERE position > %s ORDER BY position LIMIT %s", (after, _PAGE_SIZE)):
        yield from rows
        after = rows[-1].position


def _find_common_position(topic: str) -> int:
    """A position up to which both sides are the same, found by bisection: a fork has one beginning."""
    low, high = 0, newest_position()
    with TopicSearch(topic) as search:
        while low < high:
            middle = (low + high + 1) // 2
            rows = backend().select_events(
                "WHERE position > %s AND position <= %s ORDER BY position DESC LIMIT 1", (low, middle)
            )
            if not rows or search.has(rows[0]):
                low = middle
            else:
                high = rows[0].position - 1
    return low


def _refuse_broken_streams(topic: str, side: Side) -> None:
    """An event that was changed in the table looks like a fork: the table must not be kept then."""
    for stream in side.streams:
        links = backend().load_chain_links((stream, 0), stream, 2**31 - 1)
        if fault := find_fault(links):
            raise BrokenSide(
                f"{fault.description}: the event table was changed, and did not fork. Keep a copy of this database for "
                f"an examination, and restore the store from {topic} into an empty one (docs/recovery.md)",
                position=fault.position,
            )
