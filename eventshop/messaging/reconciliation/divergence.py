"""Finds out whether the event table and Kafka have the same events, by id and hash at their ends.

A database that was restored from an old backup has none of the events that were published since: the last event of each
partition tells. Positions alone do not, for new events soon get the same ones.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from time import monotonic
from typing import NamedTuple

from django.conf import settings

from eventshop.core.errors import BrokenStream, EventShopError, StoreDiverged
from eventshop.eventstore import store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.store_epochs import Divergence
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.store_epoch_records import PublishedEpoch, read_published_epoch
from eventshop.messaging.kafka.topic_end import TopicEnd, read_topic_end
from eventshop.messaging.kafka.topic_search import TopicSearch, is_same_event

log = logging.getLogger(__name__)


class DivergenceSuspected(EventShopError):
    """The event that was published or read last is not in the event table any more."""

    code = "divergence-suspected"


class Finding(NamedTuple):
    """How the event table and Kafka differ, and the command that resolves it."""

    divergence: Divergence
    reason: str


def find_divergence(
    topic: str, end: TopicEnd, *, confirmed: int = 0, published: PublishedEpoch | None = None
) -> Finding | None:
    """Compare the table with the end of the topic; None if they have the same events, but for unpublished ones.

    `confirmed` is the position up to which Kafka has confirmed all events; `published` the epoch on Kafka. Raises
    `KafkaUnavailable`.
    """
    table = {row.position: row for row in _rows_at([event.position for event in end.events])}
    differing = [event for event in end.events if not is_same_event(table.get(event.position), event)]
    if differing:
        return _describe(topic, end, min(differing, key=lambda event: event.position), table)
    epoch = store_epochs.current_epoch()
    if published and published.replaces(epoch):
        return Finding(
            Divergence.WRONG_EPOCH,
            f"epoch {published.number} of the store has published to {topic}, and this database is in its epoch "
            f"{epoch.number}: it is a copy from before. Run restore_events_from_kafka",
        )
    if end.position < confirmed:
        return Finding(
            Divergence.KAFKA_BEHIND,
            f"{topic} ends at position {end.position}, but position {confirmed} was confirmed: Kafka lost events or "
            f"was replaced. Investigate; then run create_topics --forget {topic} to let the relay continue from what "
            "Kafka has",
        )
    return None


def examine(topic: str) -> Finding | None:
    """Compare the table with the end of the topic, and record for all processes whether the table is behind or forked.

    Only the relay, which knows what it has published, can find that Kafka is behind. Raises `KafkaUnavailable`.
    """
    try:
        end = read_topic_end(topic, PARTITIONS)
    except BrokenStream as error:  # a stranger's record; the relay stops for it, and names it
        log.warning("the event table was not compared with %s: %s", topic, error)
        return None
    finding = find_divergence(topic, end, published=read_published_epoch())
    if finding:
        store_epochs.record_divergence(*finding)
    elif store_epochs.find_divergence():
        store_epochs.clear_divergence()
    return finding


def refuse_older_database(topic: str) -> None:
    """Raises `StoreDiverged` while the table is behind the topic or forked from it, and `KafkaUnavailable`."""
    if finding := examine(topic):
        raise StoreDiverged(finding.reason)


def _describe(topic: str, end: TopicEnd, event: EventRow, table: dict[int, EventRow]) -> Finding:
    newest = newest_position()
    here = f"{topic} has event {event.event_id} ({event.event_type}) at position {event.position}"
    with TopicSearch(topic) as search:
        last = _rows_at([newest])
        if newest and not (last and search.has(last[0])):
            other = table.get(event.position)
            there = (
                f"event {other.event_id} ({other.event_type})" if other else "other events after the last common one"
            )
            return Finding(
                Divergence.FORKED,
                f"{here}, the event table has {there}: it is an older database that went on. Stop everything; "
                "then run resolve_fork --dry-run, and resolve_fork, which keeps the events of the table",
            )
    return Finding(
        Divergence.DATABASE_BEHIND,
        f"{here}, and the event table ends at position {newest}: it is an older database. {topic} ends at position "
        f"{end.position}. Run restore_events_from_kafka",
    )


def _rows_at(positions: Collection[int]) -> list[EventRow]:
    if not positions:
        return []
    return backend().select_events(f"WHERE position IN ({', '.join(['%s'] * len(positions))})", list(positions))


class LastEventCheck:
    """Compares now and then the event that a process has published or read last with the event table."""

    def __init__(self) -> None:
        self._due_at = monotonic() + settings.DIVERGENCE_CHECK_S

    def is_due(self) -> bool:
        """Whether it is time to compare again; counts as the comparison."""
        if monotonic() < self._due_at:
            return False
        self._due_at = monotonic() + settings.DIVERGENCE_CHECK_S
        return True

    def compare(self, last: EventRow) -> None:
        """One statement. Raises `DivergenceSuspected` when the table has another event there, or none."""
        if not any(is_same_event(row, last) for row in _rows_at([last.position])):
            raise DivergenceSuspected(position=last.position, event_id=last.event_id)
