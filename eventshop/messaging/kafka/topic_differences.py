"""How the topics on the brokers differ from what EventShop expects, and what to do about each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from eventshop.messaging.models import KnownTopic


class TopicSpec(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str]
    refill: str = ""  # the command that fills the topic again


class ExistingTopic(NamedTuple):
    """A topic as it exists in Kafka."""

    topic_id: UUID
    partitions: int
    replicas: tuple[int, int]  # of the partitions with the fewest and with the most


class TopicDifference(NamedTuple):
    """How a topic is not as specified, and what to do about it."""

    topic: str
    description: str
    advice: str

    def __str__(self) -> str:
        return f"topic {self.topic} {self.description}; {self.advice}"


def identity_differences(
    spec: TopicSpec, existing: ExistingTopic | None, known: KnownTopic | None
) -> Iterator[TopicDifference]:
    """What `topics.ensure_topics` refuses. A topic that never existed is accepted."""
    name, anew = spec.name, f"if this is intended, run create_topics --forget {spec.name}"
    if spec.refill:
        anew += f", then {spec.refill}"
    if existing is None:
        if known is not None:
            yield TopicDifference(name, "is gone from Kafka", anew)
        return
    if existing.partitions != spec.partitions:
        yield TopicDifference(
            name,
            f"has {existing.partitions} partitions, not {spec.partitions}: every key would move",
            f"delete the topic on the brokers; {anew}",
        )
    if known is not None and existing.topic_id != known.topic_id:
        yield TopicDifference(
            name, f"was recreated: its id is {existing.topic_id}, the recorded id is {known.topic_id}", anew
        )


def other_differences(
    spec: TopicSpec, existing: ExistingTopic | None, current: Mapping[str, Any]
) -> Iterator[TopicDifference]:
    """What `topics.ensure_topics` mends, or leaves to an operator."""
    if existing is None:
        yield TopicDifference(spec.name, "does not exist", "run create_topics")
        return
    yield from replication_differences(spec, existing)
    for name, value in config_changes(spec, current).items():
        found = (current.get(name) or {}).get("value")
        yield TopicDifference(spec.name, f"has {name}={found}, not {value}", "run create_topics, which sets it")


def replication_differences(spec: TopicSpec, existing: ExistingTopic) -> Iterator[TopicDifference]:
    wanted = settings.KAFKA_REPLICATION_FACTOR
    if existing.replicas != (wanted, wanted):
        fewest, most = existing.replicas
        found = str(fewest) if fewest == most else f"{fewest} to {most}"
        yield TopicDifference(
            spec.name,
            f"has a replication factor of {found}, not {wanted}",
            "move its partitions with Kafka's kafka-reassign-partitions, or change KAFKA_REPLICATION_FACTOR",
        )


def config_changes(spec: TopicSpec, current: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in spec.config.items() if str((current.get(name) or {}).get("value")) != value}
