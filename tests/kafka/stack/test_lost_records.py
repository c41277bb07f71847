"""Three brokers lose the beginnings of their partitions under running workers: nothing is missing in any read model."""

from __future__ import annotations

from time import monotonic
from typing import Final

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from tests.support import chaos
from tests.support.kafka.plain_clients import open_admin
from tests.support.running_shop import Shop, running_shop
from tests.support.waiting import wait_until

#: The short siblings, on one broker, are in tests/kafka/projections/test_lost_beginning.py.
pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long]

TOPIC = "event-store"
#: The goal for a fault to be seen in health.
NOTICED_S: Final = 30.0


def delete_beginnings(shop: Shop) -> None:
    """Delete a random part of each partition, very unequal ones, as a wrong retention would."""
    chance, servers = chaos.random_for("lost records"), shop.stack.kafka_bootstrap.split(",")
    reader, admin = KafkaConsumer(bootstrap_servers=servers), open_admin(shop.stack.kafka_bootstrap)
    partitions = [TopicPartition(TOPIC, number) for number in sorted(reader.partitions_for_topic(TOPIC))]
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, configs={"cleanup.policy": "compact,delete"})])
    goals = {tp: int(end * chance.random() ** 2) for tp, end in reader.end_offsets(partitions).items()}

    def is_deleted() -> bool:
        try:
            admin.delete_records(goals)
        except KafkaError:  # until the brokers know that these records may be deleted
            return False
        return bool(reader.beginning_offsets(partitions) == goals)

    wait_until(is_deleted)
    reader.close()
    admin.close()


def failed_parts(shop: Shop) -> list[str]:
    return [name for name, is_ok in shop.read_health()[1].items() if not is_ok]


def test_a_rebuild_reads_what_three_brokers_have_lost() -> None:
    with running_shop(brokers=3) as shop:
        assert shop.run_client("50") == "50 accepted\n"
        shop.wait_until_caught_up()
        delete_beginnings(shop)
        deleted_at = monotonic()
        wait_until(lambda: "deleted records" in failed_parts(shop), seen=shop.describe_health)
        assert monotonic() - deleted_at <= NOTICED_S
        shop.run_manage("rebuild_projection", "order-summary")
        assert shop.run_client("20") == "20 accepted\n"
        shop.wait_until_caught_up()
        wait_until(lambda: set(failed_parts(shop)) == {"deleted records", "periodic jobs"}, seen=shop.describe_health)
        assert shop.run_client("check") == "the fold\n"
