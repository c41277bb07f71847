"""Publishes the whole event table to an empty topic, with the relay's own transactions. It can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, NamedTuple

from eventshop.core.errors import EventShopError
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, publish_faults, topics
from eventshop.messaging.kafka.event_records import encode_event
from eventshop.messaging.kafka.publish_faults import Fault
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation import compare
from eventshop.messaging.relay.batch_limit import BatchLimit
from eventshop.messaging.relay.event_relay import BATCH_BYTES, BATCH_SIZE, EventRelay
from eventshop.messaging.relay.leader_election import LEASE_DURATION, acquire_leadership, release_leadership
from eventshop.runtime.watchdog import Watchdog

#: Events at each end of the table from which the average record size is estimated.
_SAMPLE_SIZE: Final = 500


class RepublishRefused(EventShopError):
    """The topic is neither empty nor the result of an interrupted republish_events."""

    code = "republish-refused"


class RepublishPlan(NamedTuple):
    """The events to publish."""

    already_published: int  # events on the topic
    to_publish: int
    bytes: int  # estimate, before compression
    position: int  # of the last event on the topic
    head: int  # of the last event to publish


def plan_republish(report_progress: Callable[[int], None] = lambda events: None) -> RepublishPlan:
    """Return what has to be published to the topic.

    A topic that holds exactly the first events of the table was interrupted: publishing resumes after them. Raises
    `RepublishRefused` for any other topic that is not empty, `TopicRefused` for an unknown topic, `KafkaUnavailable`.
    """
    topic, head = topics.event_store_topic(), newest_position()
    topics.require_topic(topic)
    comparison = compare.compare_table_with_topic(topic, report_progress)
    if not comparison.is_equal or comparison.tombstones:
        others = comparison.foreign_examples + comparison.examples
        reason = comparison.difference.message if comparison.difference else others[0]
        raise RepublishRefused(
            f"{topic} is neither empty nor a prefix of the event table: {reason}. To publish to a new topic, delete "
            f"this one on the brokers, then run create_topics --forget {topic}, then republish_events",
            topic=topic,
        )
    position = comparison.position
    events = StoredEvent.objects.filter(position__gt=position, position__lte=head).count()
    return RepublishPlan(comparison.equal, events, events * _average_record_size(position), position, head)


def republish(plan: RepublishPlan, report_progress: Callable[[int], None] = lambda events: None) -> int:
    """Publish the planned events; return their number. It may be killed at any moment and resumes from Kafka's end.

    Raises `RepublishRefused` while a relay runs or when others publish, `KafkaUnavailable`, and the relay's errors.
    """
    watchdog, limit = Watchdog(), BatchLimit(BATCH_SIZE, BATCH_BYTES)
    position, total = plan.position, 0
    try:
        while position < plan.head:
            relay = EventRelay(watchdog, limit)
            try:
                _take_over(relay, position)
                while relay.position < plan.head:
                    published = relay.publish_batch()
                    position, total = relay.position, total + published
                    report_progress(total)
                    if not published:
                        sleep(relay.wait_s())  # running transactions hide the newest events from the reader
                release_leadership(relay.topic, relay.owner)
            except clients.KafkaError as error:
                if publish_faults.classify(error) is not Fault.RECORD:
                    raise clients.KafkaUnavailable(f"publishing failed: {type(error).__name__}: {error}") from error
                # The limit is smaller now: after a few attempts the refused event is alone, and named.
            finally:
                relay.close()
        return total
    finally:
        watchdog.close()


def _take_over(relay: EventRelay, position: int) -> None:
    """Raises `RepublishRefused` unless the topic ends at this position."""
    _wait_for_leadership(relay)
    relay.take_over()
    if relay.position != position:
        raise RepublishRefused(
            f"{relay.topic} moved from position {position} to {relay.position} since it was checked: another "
            "process publishes to it"
        )


def _wait_for_leadership(relay: EventRelay) -> None:
    """Wait until the lease of a relay that was killed has expired."""
    deadline = monotonic() + LEASE_DURATION.total_seconds() + 2
    while not acquire_leadership(relay.topic, relay.owner):
        if monotonic() > deadline:
            leader = RelayCheckpoint.objects.filter(topic=relay.topic).values_list("owner", flat=True).first()
            raise RepublishRefused(
                f"a relay ({leader}) is running and publishes already: wait for it, or stop it first"
            )
        sleep(0.2)


def _average_record_size(after: int) -> int:
    """The estimated size of a record in bytes."""
    rows = [
        *backend().select_events("WHERE position > %s ORDER BY position LIMIT %s", (after, _SAMPLE_SIZE)),
        *backend().select_events("WHERE position > %s ORDER BY position DESC LIMIT %s", (after, _SAMPLE_SIZE)),
    ]
    return sum(map(_record_size, rows)) // len(rows) if rows else 0


def _record_size(row: EventRow) -> int:
    record = encode_event(row, 0, row.position)
    return len(record.key) + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)
