"""Whole batches given to kafka-python are written, split and refused as its own are; and every failure is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.record_batches import ProducerRecord, queue_records
from eventshop.messaging.kafka.transactional_producer import TransactionalProducer
from eventshop.runtime.watchdog import Watchdog
from tests.support.kafka import topic_reader
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def producer(kafka_topics: str) -> Iterator[TransactionalProducer]:
    watchdog = Watchdog()
    producer = TransactionalProducer("relay", f"test-{topics.event_store_topic()}", watchdog)
    producer.open()
    yield producer
    producer.close()
    watchdog.close()


def limit_record_size(topic: str, size: int) -> None:
    """Change the topic's limit, and wait until the broker applies it."""
    name = "max.message.bytes"
    with clients.open_admin_client() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: str(size)})])
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        wait_until(
            lambda: (
                str(admin.describe_configs([resource], config_filter="all")["topic"][topic][name]["value"]) == str(size)
            )
        )


def records(sizes: list[int], partitions: int = 1) -> list[ProducerRecord]:
    """Records of random bytes, which do not get smaller when they are compressed."""
    topic = topics.event_store_topic()
    return [
        ProducerRecord(topic, number % partitions, b"%d" % number, os.urandom(size), [("n", b"%d" % number)], 1_000)
        for number, size in enumerate(sizes)
    ]


def published(url: str) -> list[tuple[Any, ...]]:
    found = topic_reader.read_committed(url, topics.event_store_topic())
    return [
        (item.topic, item.partition, item.key, item.value, [tuple(header) for header in item.headers], item.timestamp)
        for item in found
    ]


def by_partition(sent: list[ProducerRecord]) -> list[tuple[Any, ...]]:
    return [tuple(record) for record in sorted(sent, key=lambda record: record.partition)]


def test_all_records_are_written_in_order(producer: TransactionalProducer, kafka_topics: str) -> None:
    sent = records([100] * 500, partitions=12)
    producer.publish(sent)
    assert published(kafka_topics) == by_partition(sent)


def test_more_than_one_batch_of_a_partition(producer: TransactionalProducer, kafka_topics: str) -> None:
    sent = records([200_000] * 12, partitions=2)
    producer.publish(sent)
    assert published(kafka_topics) == by_partition(sent)


def test_a_batch_that_is_too_large_for_the_broker_is_split_as_often_as_needed(
    producer: TransactionalProducer, kafka_topics: str
) -> None:
    limit_record_size(topics.event_store_topic(), 20_000)
    sent = records([4_000] * 60, partitions=2)
    producer.publish(sent)
    assert published(kafka_topics) == by_partition(sent)


@pytest.mark.parametrize("count", [1, 8])
def test_a_record_that_is_too_large_fails_the_transaction(
    producer: TransactionalProducer, kafka_topics: str, count: int
) -> None:
    limit_record_size(topics.event_store_topic(), 20_000)
    with pytest.raises(MessageSizeTooLargeError):
        producer.publish(records([100] * (count - 1) + [30_000], partitions=2))
    producer.close()
    assert published(kafka_topics) == []


def test_what_is_not_confirmed_in_time_is_an_error(producer: TransactionalProducer) -> None:
    producer.producer.begin_transaction()
    with pytest.raises(KafkaTimeoutError):
        queue_records(producer.producer, records([100] * 100, partitions=12)).wait(0)


def test_an_offset_that_was_given_before_is_not_committed(producer: TransactionalProducer, kafka_topics: str) -> None:
    """So begins a topic that was made anew under a producer that has written to it before."""
    producer.expect_offsets({clients.TopicPartition(topics.event_store_topic(), 0): 2})
    with pytest.raises(clients.KafkaUnavailable, match="has given offset 0 to a new record"):
        producer.publish(records([10]))
    producer.close()
    assert published(kafka_topics) == []
