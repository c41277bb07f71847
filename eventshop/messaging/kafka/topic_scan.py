"""Every record of every topic of ours, as bytes: for whoever has to know what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

from eventshop.messaging.kafka import clients
from eventshop.messaging.models import KnownTopic

_READ_TIMEOUT_S: Final = 20.0


def known_topic_names() -> list[str]:
    """The topics that we made or have seen."""
    return sorted(KnownTopic.objects.values_list("name", flat=True))


def read_record_bytes(topic: str) -> Iterator[bytes]:
    """Key, value and headers of each record that a topic has now. Raises `KafkaAway`."""
    for record in read_records(topic):
        headers = b" ".join(said or b"" for _, said in record.headers)
        yield b" ".join((record.key or b"", record.value or b"", headers))


def read_records(topic: str) -> Iterator[Any]:
    """Each record that a topic has now, those of one partition in their order. Raises `KafkaAway`."""
    reader = clients.create_consumer(max_poll_records=5_000)
    try:
        partitions = [clients.TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        ends = reader.end_offsets(partitions)
        give_up = monotonic() + _READ_TIMEOUT_S
        while any(reader.position(part) < ends[part] for part in partitions):
            for found in reader.poll(timeout_ms=200).values():
                give_up = monotonic() + _READ_TIMEOUT_S
                yield from found
            if monotonic() > give_up:
                raise clients.KafkaUnavailable("Kafka does not give the end of a topic", topic=topic)
    finally:
        reader.close()
