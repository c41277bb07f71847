"""The event table into an empty topic, with the relay's own transactions; what was interrupted goes on."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, NamedTuple

from eventshop.core.errors import EventShopError
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import encode_event
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation import compare
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.messaging.relay.leader_election import LEASE_DURATION, acquire_leadership, release_leadership
from eventshop.runtime.watchdog import Watchdog

#: Events at either end of the table from which the size of all is estimated.
_SAMPLE_SIZE: Final = 500


class RepublishRefused(EventShopError):
    """The topic is not empty, nor what an interrupted republish_events has left."""

    code = "republish-refused"


class RepublishPlan(NamedTuple):
    """What is to be done."""

    already_published: int  # events on the topic already
    to_publish: int
    bytes: int  # about, before compression
    position: int  # of the last event on the topic
    head: int  # of the last event to publish


def plan_republish(report_progress: Callable[[int], None] = lambda events: None) -> RepublishPlan:
    """What republishing means now.

    A topic that holds exactly the first events of the table is one that was interrupted: it goes on there. Raises
    `RepublishRefused` for any other that is not empty, `TopicRefused` for one that is not known, `KafkaAway`.
    """
    topic, head = topics.event_store_topic(), newest_position()
    topics.require_topic(topic)
    verdict = compare.compare_table_with_topic(topic, report_progress)
    if not verdict.is_equal or verdict.tombstones:
        found = verdict.difference.message if verdict.difference else verdict.examples[0]
        raise RepublishRefused(
            f"{topic} is neither empty nor the beginning of what is in the table: {found}. Into a new topic: delete "
            f"it on the brokers, then create_topics --forget {topic}, then republish_events",
            topic=topic,
        )
    events = StoredEvent.objects.filter(position__gt=verdict.position, position__lte=head).count()
    return RepublishPlan(verdict.equal, events, events * _average_record_size(verdict.position), verdict.position, head)


def republish(plan: RepublishPlan, report_progress: Callable[[int], None] = lambda events: None) -> int:
    """Publish what is planned; how many events. Killed at any moment, it goes on where Kafka is.

    Raises `RepublishRefused` when a relay runs or others publish meanwhile, `KafkaAway`, and what the relay raises.
    """
    watchdog = Watchdog()
    relay = EventRelay(watchdog)
    try:
        _wait_for_leadership(relay)
        relay.take_over()
        if relay.position != plan.position:
            raise RepublishRefused(
                f"{relay.topic} moved from position {plan.position} to {relay.position} meanwhile: somebody else "
                "publishes to it"
            )
        done = 0
        while relay.position < plan.head:
            published = relay.publish_batch()
            done += published
            report_progress(done)
            if not published:
                sleep(0.01)  # writers are in flight: nothing final to be read yet
        release_leadership(relay.topic, relay.owner)
        return done
    finally:
        relay.close()
        watchdog.close()


def _wait_for_leadership(relay: EventRelay) -> None:
    """A relay that was killed leads until its lease ends."""
    give_up = monotonic() + LEASE_DURATION.total_seconds() + 2
    while not acquire_leadership(relay.topic, relay.owner):
        if monotonic() > give_up:
            leader = RelayCheckpoint.objects.filter(topic=relay.topic).values_list("owner", flat=True).first()
            raise RepublishRefused(f"a relay runs ({leader}) and publishes already: wait for it, or stop it first")
        sleep(0.2)


def _average_record_size(after: int) -> int:
    """About how many bytes a record has."""
    rows = [
        *backend().select_events("WHERE position > %s ORDER BY position LIMIT %s", (after, _SAMPLE_SIZE)),
        *backend().select_events("WHERE position > %s ORDER BY position DESC LIMIT %s", (after, _SAMPLE_SIZE)),
    ]
    return sum(map(_record_size, rows)) // len(rows) if rows else 0


def _record_size(row: EventRow) -> int:
    record = encode_event(row, 0, row.position)
    return len(record.key) + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)
