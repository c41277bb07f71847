"""Reads every record of a known topic, for example to search the topics for leftover personal data."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

from eventshop.messaging.kafka import clients
from eventshop.messaging.models import KnownTopic

_READ_TIMEOUT_S: Final = 20.0


def known_topic_names() -> list[str]:
    """The names of the topics that EventShop has created or seen."""
    return sorted(KnownTopic.objects.values_list("name", flat=True))


def read_record_bytes(topic: str) -> Iterator[bytes]:
    """Yield key, value and header values of each record that a topic has now, joined. Raises `KafkaUnavailable`."""
    for record in read_records(topic):
        headers = b" ".join(value or b"" for _, value in record.headers)
        yield b" ".join((record.key or b"", record.value or b"", headers))


def read_records(topic: str) -> Iterator[Any]:
    """Yield each record that a topic has now, in order within each partition. Raises `KafkaUnavailable`."""
    reader = clients.create_consumer(max_poll_records=5_000)
    try:
        partitions = [clients.TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        ends = reader.end_offsets(partitions)
        timeout_s = clients.timeout_s(_READ_TIMEOUT_S)
        deadline = monotonic() + timeout_s
        while any(reader.position(partition) < ends[partition] for partition in partitions):
            for records in reader.poll(timeout_ms=clients.POLL_MS).values():
                deadline = monotonic() + timeout_s
                yield from records
            if monotonic() > deadline:
                raise clients.KafkaUnavailable(
                    f"Kafka returned no record of the topic {topic} for {timeout_s:.0f} s", topic=topic
                )
    finally:
        reader.close()
