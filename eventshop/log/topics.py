"""The topics: made once as DESIGN.md, section 6 says, checked ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.core.errors import EventShopError
from eventshop.log import kafka
from eventshop.log.models import KnownTopic, RelayCheckpoint
from eventshop.log.records import PARTITIONS


def named(topic: str) -> str:
    """A topic's name on the brokers: several programs can share a cluster, each under its own prefix."""
    return f"{settings.KAFKA_TOPIC_PREFIX}{topic}"


def event_store() -> str:
    """Where every event is kept for everyone."""
    return named("event-store")


def dead_letters() -> str:
    """Where a copy of everything that was set aside goes."""
    return named("dead-letters")


def outgoing_positions() -> str:
    """Where stands how far the outbox of read model rows is published (`projections/engine/publish.py`)."""
    return named("outgoing-positions")


class TopicRefused(EventShopError):
    """A topic is not what it should be."""

    code = "topic-refused"


class Topic(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str]


class Found(NamedTuple):
    """A topic as Kafka has it."""

    topic_id: UUID
    partitions: int


def designed(projection_topics: Iterable[str]) -> list[Topic]:
    """Every topic of the program."""
    keep = {"min.insync.replicas": str(settings.KAFKA_MIN_INSYNC_REPLICAS)}
    for_ever = {**keep, "cleanup.policy": "compact", "retention.ms": "-1"}
    return [
        Topic(event_store(), PARTITIONS, {**for_ever, "segment.ms": "86400000", "min.cleanable.dirty.ratio": "0.9"}),
        Topic(named("snapshots"), PARTITIONS, {**for_ever, "compression.type": "lz4"}),
        # One record of each transaction, all under one key: compacted in small segments, it never grows nor gets empty.
        Topic(outgoing_positions(), 1, {**for_ever, "segment.ms": "86400000", "segment.bytes": "16777216"}),
        Topic(dead_letters(), PARTITIONS, {**keep, "cleanup.policy": "delete", "retention.ms": "-1"}),
        *(
            Topic(named(name), 6, {**keep, "cleanup.policy": "delete", "retention.ms": "604800000"})
            for name in sorted(projection_topics)
        ),
    ]


def ensure(topic: Topic) -> str:
    """Make or check a topic; what was done, in words.

    Raises `TopicRefused` for another number of partitions, and for a topic that was deleted or made anew behind our
    back; `KafkaAway` when Kafka does not answer.
    """
    with kafka.admin() as admin:
        return _ensure(admin, admin.describe_cluster()["cluster_id"], topic)


def forget(name: str) -> None:
    """Accept that a topic is another one from now on: what was known of it, and what was published to it, is void."""
    KnownTopic.objects.filter(name=name).delete()
    RelayCheckpoint.objects.filter(topic=name).delete()


def found(admin: Any, name: str) -> Found | None:
    """The topic as Kafka has it, None if it does not."""
    for described in admin.describe_topics([name]):
        if not described.get("error_code"):
            return Found(UUID(str(described["topic_id"])), len(described["partitions"]))
    return None


def checked(name: str) -> Found:
    """A topic that must be there and be the one we know; raises `TopicRefused`."""
    with kafka.admin() as admin:
        there = found(admin, name)
    known = KnownTopic.objects.filter(name=name).first()
    if there is None or known is None:
        raise TopicRefused(f"topic {name} is not there or not ours yet: run create_topics", topic=name)
    _compare(name, there, known)
    return there


def _ensure(admin: Any, cluster_id: str, topic: Topic) -> str:
    there, known = found(admin, topic.name), KnownTopic.objects.filter(name=topic.name).first()
    if there is None:
        if known is not None:
            raise TopicRefused(
                f"topic {topic.name} is gone from Kafka. If that is meant: create_topics --forget {topic.name}, then "
                "republish_events",
                topic=topic.name,
            )
        _create(admin, topic)
        there = found(admin, topic.name)
        done = f"{topic.name}: created with {topic.partitions} partitions"
    else:
        if there.partitions != topic.partitions:
            raise TopicRefused(
                f"topic {topic.name} has {there.partitions} partitions, not {topic.partitions}: every key would move",
                topic=topic.name,
            )
        if known is not None:
            _compare(topic.name, there, known)
        done = f"{topic.name}: {_configured(admin, topic)}"
    if known is None and there is not None:
        KnownTopic.objects.create(
            name=topic.name, cluster_id=cluster_id, topic_id=there.topic_id, partitions=there.partitions
        )
    return done


def _compare(name: str, there: Found, known: KnownTopic) -> None:
    if there.topic_id != known.topic_id:
        raise TopicRefused(
            f"topic {name} was made anew: its id is {there.topic_id}, ours was {known.topic_id}. If that is meant: "
            f"create_topics --forget {name}, then republish_events",
            topic=name,
        )


def _create(admin: Any, topic: Topic) -> None:
    admin.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": settings.KAFKA_REPLICATION_FACTOR,
                "configs": dict(topic.config),
            }
        },
        wait_for_metadata=True,
    )


def _configured(admin: Any, topic: Topic) -> str:
    """Bring the settings in line; what changed, in words."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    answer = admin.describe_configs([resource], config_filter="all")["topic"][topic.name]
    wrong = {name: value for name, value in topic.config.items() if str((answer.get(name) or {}).get("value")) != value}
    if not wrong:
        return "as it should be"
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=wrong)])
    return "settings changed: " + ", ".join(f"{name}={value}" for name, value in wrong.items())
