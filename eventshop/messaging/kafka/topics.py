"""Creates the topics and checks that they are as specified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_differences import (
    ExistingTopic,
    TopicDifference,
    TopicSpec,
    config_changes,
    identity_differences,
    other_differences,
    replication_differences,
)
from eventshop.messaging.models import KnownTopic, RelayCheckpoint

#: The topics have more than a hundred partitions in total, so brokers that have just started may take their time.
CREATE_TIMEOUT_S: Final = 60
#: The command that fills the topic of all events again.
_REFILL: Final = "republish_events"


def topic_name(topic: str) -> str:
    """The name of a topic on the brokers. Each installation that shares a cluster has a prefix of its own."""
    return f"{settings.KAFKA_TOPIC_PREFIX}{topic}"


def event_store_topic() -> str:
    """The topic of all events."""
    return topic_name("event-store")


def dead_letter_topic() -> str:
    """The topic that gets a copy of every dead letter."""
    return topic_name("dead-letters")


def outbox_positions_topic() -> str:
    """The topic that records how far the outbox of read model rows is published (`projections/outbox_publisher.py`)."""
    return topic_name("outgoing-positions")


def store_epochs_topic() -> str:
    """The topic that records the epoch of the event store whose events were published last."""
    return topic_name("store-epochs")


class TopicRefused(EventShopError):
    """A topic is not as specified."""

    code = "topic-refused"


def topic_specs(projection_topics: Iterable[str]) -> list[TopicSpec]:
    """All topics that EventShop needs."""
    common = {"min.insync.replicas": str(settings.KAFKA_MIN_INSYNC_REPLICAS)}
    compacted = {**common, "cleanup.policy": "compact", "retention.ms": "-1"}
    events = {**compacted, "segment.ms": "86400000", "min.cleanable.dirty.ratio": "0.9"}
    return [
        TopicSpec(event_store_topic(), PARTITIONS, events, _REFILL),
        TopicSpec(topic_name("snapshots"), PARTITIONS, {**compacted, "compression.type": "lz4"}),
        # One record per transaction, all under one key: compacted in small segments, it neither grows nor gets empty.
        TopicSpec(outbox_positions_topic(), 1, {**compacted, "segment.ms": "86400000", "segment.bytes": "16777216"}),
        TopicSpec(store_epochs_topic(), 1, compacted),
        TopicSpec(dead_letter_topic(), PARTITIONS, {**common, "cleanup.policy": "delete", "retention.ms": "-1"}),
        *(
            TopicSpec(topic_name(name), 6, {**common, "cleanup.policy": "delete", "retention.ms": "604800000"})
            for name in sorted(projection_topics)
        ),
    ]


def ensure_topics(specs: Iterable[TopicSpec]) -> list[str]:
    """Create missing topics and correct the settings of existing ones; return one line per topic about what was done.

    Another replication factor is only reported: moving replicas takes long, and is for an operator to plan. Raises
    `TopicRefused` for a different number of partitions, and for a topic that was deleted or recreated by somebody else;
    then no topic is created. Raises `KafkaUnavailable`.
    """
    specs = list(specs)
    names = [spec.name for spec in specs]
    known = {row.name: row for row in KnownTopic.objects.filter(name__in=names)}
    with clients.open_admin_client(request_timeout_s=CREATE_TIMEOUT_S) as admin:
        existing = describe_topics(admin, names)
        for spec in specs:
            for difference in identity_differences(spec, existing.get(spec.name), known.get(spec.name)):
                raise TopicRefused(str(difference), topic=spec.name)
        # One request for all: each request waits for the controller, and until the brokers know the topics.
        if missing := [spec for spec in specs if spec.name not in existing]:
            _create_topics(admin, missing)
        actions = _update_config(admin, [spec for spec in specs if spec.name in existing])
        existing |= describe_topics(admin, [spec.name for spec in missing])
        cluster_id = admin.describe_cluster()["cluster_id"]
    KnownTopic.objects.bulk_create(
        KnownTopic(name=name, cluster_id=cluster_id, topic_id=topic.topic_id, partitions=topic.partitions)
        for name, topic in existing.items()
        if name not in known
    )
    # Whoever publishes looks again at once, instead of after a while.
    RelayCheckpoint.objects.filter(topic__in=names).update(stopped_at=None)
    actions |= {spec.name: f"created with {spec.partitions} partitions" for spec in missing}
    lines = [f"{name}: {actions[name]}" for name in names]
    return lines + [str(each) for spec in specs for each in replication_differences(spec, existing[spec.name])]


def forget_topic(name: str) -> None:
    """Accept another topic under this name: delete its recorded id and the checkpoint of what was published to it."""
    KnownTopic.objects.filter(name=name).delete()
    RelayCheckpoint.objects.filter(topic=name).delete()


def delete_topic(name: str, topic_id: UUID) -> None:
    """Delete the topic of this name and id, if it is there; return when it is gone. Raises `KafkaUnavailable`."""
    with clients.open_admin_client(request_timeout_s=CREATE_TIMEOUT_S) as admin:
        if (existing := describe_topics(admin, [name]).get(name)) is None or existing.topic_id != topic_id:
            return
        admin.delete_topics([name])
        deadline = monotonic() + clients.timeout_s(CREATE_TIMEOUT_S)
        while describe_topics(admin, [name]):
            if monotonic() > deadline:
                raise clients.KafkaUnavailable(f"Kafka did not delete the topic {name}", topic=name)
            sleep(0.2)


def describe_topics(admin: Any, names: Sequence[str]) -> dict[str, ExistingTopic]:
    """The topics of these names that exist in Kafka."""
    # With an empty list, Kafka would describe all topics.
    return {
        topic["name"]: ExistingTopic(
            UUID(str(topic["topic_id"])), len(topic["partitions"]), _replica_range(topic["partitions"])
        )
        for topic in (admin.describe_topics(names) if names else ())
        if not topic.get("error_code")
    }


def require_topic(name: str) -> ExistingTopic:
    """Return a topic that must exist with the recorded id; raises `TopicRefused`."""
    return require_topics(name)[name]


def require_topics(*names: str) -> dict[str, ExistingTopic]:
    """Return topics that must exist with the recorded ids; raises `TopicRefused`."""
    with clients.open_admin_client() as admin:
        existing = describe_topics(admin, names)
    known = {row.name: row for row in KnownTopic.objects.filter(name__in=names)}
    for name in names:
        if name not in existing or name not in known:
            raise TopicRefused(f"topic {name} does not exist, or is not recorded yet: run create_topics", topic=name)
        for difference in identity_differences(_identity_spec(name, existing[name]), existing[name], known[name]):
            raise TopicRefused(str(difference), topic=name)
    return existing


def _identity_spec(name: str, existing: ExistingTopic) -> TopicSpec:
    return TopicSpec(name, existing.partitions, {}, _REFILL if name == event_store_topic() else "")


def find_differences(specs: Iterable[TopicSpec]) -> list[TopicDifference]:
    """Everything in which the topics on the brokers are not as specified. Raises `KafkaUnavailable`."""
    specs = list(specs)
    names = [spec.name for spec in specs]
    known = {row.name: row for row in KnownTopic.objects.filter(name__in=names)}
    with clients.open_admin_client() as admin:
        existing = describe_topics(admin, names)
        current = _read_config(admin, list(existing))
    return [
        difference
        for spec in specs
        for difference in (
            *identity_differences(spec, existing.get(spec.name), known.get(spec.name)),
            *other_differences(spec, existing.get(spec.name), current.get(spec.name, {})),
        )
    ]


def _create_topics(admin: Any, missing: Sequence[TopicSpec]) -> None:
    admin.create_topics(
        {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": settings.KAFKA_REPLICATION_FACTOR,
                "configs": dict(spec.config),
            }
            for spec in missing
        }
    )
    admin.wait_for_topics([spec.name for spec in missing], timeout_ms=int(clients.timeout_s(CREATE_TIMEOUT_S) * 1_000))


def _update_config(admin: Any, existing: Sequence[TopicSpec]) -> dict[str, str]:
    """Set the settings that differ from the specification; return a line about each topic."""
    if not existing:
        return {}
    current = _read_config(admin, [spec.name for spec in existing])
    changes = {spec.name: config_changes(spec, current[spec.name]) for spec in existing}
    if needed := {name: configs for name, configs in changes.items() if configs}:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=configs) for name, configs in needed.items()]
        )
    return {name: _describe_changes(configs) for name, configs in changes.items()}


def _read_config(admin: Any, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    config: Mapping[str, Mapping[str, Any]] = admin.describe_configs(resources, config_filter="all")["topic"]
    return config


def _replica_range(partitions: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    counts = [len(partition["replica_nodes"]) for partition in partitions]
    return min(counts), max(counts)


def _describe_changes(configs: Mapping[str, str]) -> str:
    if not configs:
        return "unchanged"
    return "settings changed: " + ", ".join(f"{name}={value}" for name, value in configs.items())
