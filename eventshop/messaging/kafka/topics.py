"""The topics: made once as DESIGN.md, section 6 says, checked ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.models import KnownTopic, RelayCheckpoint

#: All topics are a hundred partitions and more: brokers that have just started may take their time.
CREATE_TIMEOUT_S: Final = 60


def topic_name(topic: str) -> str:
    """A topic's name on the brokers: several programs can share a cluster, each under its own prefix."""
    return f"{settings.KAFKA_TOPIC_PREFIX}{topic}"


def event_store_topic() -> str:
    """Where every event is kept for everyone."""
    return topic_name("event-store")


def dead_letter_topic() -> str:
    """Where a copy of everything that was set aside goes."""
    return topic_name("dead-letters")


def outbox_positions_topic() -> str:
    """Where stands how far the outbox of read model rows is published (`eventshop/projections/outbox_publisher.py`)."""
    return topic_name("outgoing-positions")


class TopicRefused(EventShopError):
    """A topic is not what it should be."""

    code = "topic-refused"


class TopicSpec(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str]


class ExistingTopic(NamedTuple):
    """A topic as Kafka has it."""

    topic_id: UUID
    partitions: int


def topic_specs(projection_topics: Iterable[str]) -> list[TopicSpec]:
    """Every topic of the program."""
    keep = {"min.insync.replicas": str(settings.KAFKA_MIN_INSYNC_REPLICAS)}
    for_ever = {**keep, "cleanup.policy": "compact", "retention.ms": "-1"}
    return [
        TopicSpec(
            event_store_topic(), PARTITIONS, {**for_ever, "segment.ms": "86400000", "min.cleanable.dirty.ratio": "0.9"}
        ),
        TopicSpec(topic_name("snapshots"), PARTITIONS, {**for_ever, "compression.type": "lz4"}),
        # One record of each transaction, all under one key: compacted in small segments, it never grows nor gets empty.
        TopicSpec(outbox_positions_topic(), 1, {**for_ever, "segment.ms": "86400000", "segment.bytes": "16777216"}),
        TopicSpec(dead_letter_topic(), PARTITIONS, {**keep, "cleanup.policy": "delete", "retention.ms": "-1"}),
        *(
            TopicSpec(topic_name(name), 6, {**keep, "cleanup.policy": "delete", "retention.ms": "604800000"})
            for name in sorted(projection_topics)
        ),
    ]


def ensure_topics(wanted: Iterable[TopicSpec]) -> list[str]:
    """Make or check topics; what was done, in words, topic by topic.

    Raises `TopicRefused`, before any is made, for another number of partitions, and for a topic that was deleted or
    made anew behind our back; `KafkaAway` when Kafka does not answer.
    """
    wanted = list(wanted)
    names = [topic.name for topic in wanted]
    known = {row.name: row for row in KnownTopic.objects.filter(name__in=names)}
    with clients.open_admin_client(answer_s=CREATE_TIMEOUT_S) as admin:
        there = describe_topics(admin, names)
        for topic in wanted:
            _check_spec(topic, there.get(topic.name), known.get(topic.name))
        # All in one request: each of its own would wait for the controller, and for the brokers to have heard of it.
        if missing := [topic for topic in wanted if topic.name not in there]:
            _create_topics(admin, missing)
        done = _update_config(admin, [topic for topic in wanted if topic.name in there])
        there |= describe_topics(admin, [topic.name for topic in missing])
        cluster_id = admin.describe_cluster()["cluster_id"]
    KnownTopic.objects.bulk_create(
        KnownTopic(name=name, cluster_id=cluster_id, topic_id=it.topic_id, partitions=it.partitions)
        for name, it in there.items()
        if name not in known
    )
    made = {topic.name: f"created with {topic.partitions} partitions" for topic in missing}
    return [f"{name}: {(done | made)[name]}" for name in names]


def forget_topic(name: str) -> None:
    """Accept that a topic is another one from now on: what was known of it, and what was published to it, is void."""
    KnownTopic.objects.filter(name=name).delete()
    RelayCheckpoint.objects.filter(topic=name).delete()


def describe_topics(admin: Any, names: Sequence[str]) -> dict[str, ExistingTopic]:
    """Topics as Kafka has them, without those that it does not have."""
    # Asked for none, it would describe all there are.
    return {
        it["name"]: ExistingTopic(UUID(str(it["topic_id"])), len(it["partitions"]))
        for it in (admin.describe_topics(names) if names else ())
        if not it.get("error_code")
    }


def require_topic(name: str) -> ExistingTopic:
    """A topic that must be there and be the one we know; raises `TopicRefused`."""
    with clients.open_admin_client() as admin:
        there = describe_topics(admin, [name]).get(name)
    known = KnownTopic.objects.filter(name=name).first()
    if there is None or known is None:
        raise TopicRefused(f"topic {name} is not there or not ours yet: run create_topics", topic=name)
    _check_topic_id(name, there, known)
    return there


def _check_spec(topic: TopicSpec, there: ExistingTopic | None, known: KnownTopic | None) -> None:
    """Raise `TopicRefused` for a topic that is not what it should be, nor merely not there yet."""
    if there is None:
        if known is not None:
            raise TopicRefused(
                f"topic {topic.name} is gone from Kafka. If that is meant: create_topics --forget {topic.name}, then "
                "republish_events",
                topic=topic.name,
            )
        return
    if there.partitions != topic.partitions:
        raise TopicRefused(
            f"topic {topic.name} has {there.partitions} partitions, not {topic.partitions}: every key would move",
            topic=topic.name,
        )
    if known is not None:
        _check_topic_id(topic.name, there, known)


def _check_topic_id(name: str, there: ExistingTopic, known: KnownTopic) -> None:
    if there.topic_id != known.topic_id:
        raise TopicRefused(
            f"topic {name} was made anew: its id is {there.topic_id}, ours was {known.topic_id}. If that is meant: "
            f"create_topics --forget {name}, then republish_events",
            topic=name,
        )


def _create_topics(admin: Any, missing: Sequence[TopicSpec]) -> None:
    admin.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": settings.KAFKA_REPLICATION_FACTOR,
                "configs": dict(topic.config),
            }
            for topic in missing
        }
    )
    admin.wait_for_topics([topic.name for topic in missing], timeout_ms=CREATE_TIMEOUT_S * 1_000)


def _update_config(admin: Any, there: Sequence[TopicSpec]) -> dict[str, str]:
    """Bring the settings in line; what changed, in words, by topic."""
    if not there:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in there]
    answers = admin.describe_configs(resources, config_filter="all")["topic"]
    wrong = {topic.name: _config_changes(topic, answers[topic.name]) for topic in there}
    if changes := {name: configs for name, configs in wrong.items() if configs}:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=configs) for name, configs in changes.items()]
        )
    return {name: _describe_changes(configs) for name, configs in wrong.items()}


def _config_changes(topic: TopicSpec, answer: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in topic.config.items() if str((answer.get(name) or {}).get("value")) != value}


def _describe_changes(configs: Mapping[str, str]) -> str:
    if not configs:
        return "as it should be"
    return "settings changed: " + ", ".join(f"{name}={value}" for name, value in configs.items())
