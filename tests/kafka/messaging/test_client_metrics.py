"""kafka-python's own figures are metrics, of the clients that a process has."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from eventshop.messaging.kafka import clients, topics

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def figure(client: str, name: str) -> float:
    return REGISTRY.get_sample_value("eventshop_kafka_client", {"client": client, "figure": name}) or 0.0


def test_what_a_producer_sent_and_a_consumer_fetched_is_in_their_figures(kafka_topics: str) -> None:
    topic = topics.event_store_topic()
    producer = clients.create_producer(f"test-{topic}")
    consumer: Any = clients.create_consumer()
    try:
        producer.init_transactions()
        producer.begin_transaction()
        for number in range(3):
            producer.send(topic, b"x", key=b"%d" % number, partition=number % 2)
        producer.commit_transaction()
        partition = clients.TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        assert sum(len(records) for records in consumer.poll(10_000).values()) == 2
        assert figure("producer", "records-per-request-avg") >= 1
        assert figure("producer", "record-send-rate") > 0
        assert figure("consumer", "fetch-latency-avg") > 0
    finally:
        producer.close()
        consumer.close()
