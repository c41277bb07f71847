"""The record on the topic `outgoing-positions`, and the position of any record that the outbox publisher wrote."""

from __future__ import annotations

import logging
from typing import Any, Final
from uuid import UUID

import msgspec

from eventshop.messaging.kafka.event_records import read_int_header
from eventshop.messaging.kafka.topic_end import read_last_records
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.leader_election import ManualInterventionRequired
from eventshop.projections.outbox_reader import last_assigned_position

log = logging.getLogger(__name__)

KEY: Final = b"outgoing-position"


class PublishedPosition(msgspec.Struct, frozen=True):
    """The value of the record on `outgoing-positions`: how far which outbox is published."""

    outbox: UUID
    position: int


def position_of(record: Any) -> int:
    """A record's outbox position; of a record on `outgoing-positions`, the position in its value."""
    if record.key == KEY:
        return msgspec.json.decode(record.value, type=PublishedPosition).position
    return read_int_header(record.headers, "outgoing-position")


def read_published_position(checkpoint: RelayCheckpoint) -> int:
    """How far Kafka has this outbox; 0 when its record is about another one. Raises `ManualInterventionRequired`."""
    topic = checkpoint.topic
    last = read_last_records(topic, 1, await_open_transactions=True).get(0)
    try:
        published = msgspec.json.decode(last.value, type=PublishedPosition) if last else None
    except (msgspec.DecodeError, TypeError) as error:
        raise ManualInterventionRequired(f"{topic} ends with a record that is none of ours: {error}") from error
    is_ours = published is not None and published.outbox == checkpoint.source_id
    position = published.position if published and is_ours else 0
    if position < checkpoint.position:
        raise ManualInterventionRequired(
            f"{topic} ends at position {position} of this outbox, but {checkpoint.position} was confirmed: "
            "Kafka lost records, was replaced, or another database publishes there. After looking, create_topics "
            f"--forget {topic} publishes what is still in the outbox",
            topic=topic,
        )
    if position > (assigned := last_assigned_position()):
        raise ManualInterventionRequired(
            f"{topic} ends at position {position}, but this database has come to {assigned} only: it is "
            f"older than what was published. After looking, create_topics --forget {topic} publishes its "
            "outbox as new",
            topic=topic,
        )
    if published is not None and not is_ours:
        log.warning("%s is about another database's outbox; this one is published from its start", topic)
    return position
