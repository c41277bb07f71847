"""A beginning of the topic that Kafka no longer has is read from the event table, page by page."""

from __future__ import annotations

import logging
from threading import Event as Signal
from typing import Any

import pytest
from django.db.models import Sum
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topics import TopicRefused
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.health_checks import check_deleted_records
from eventshop.operations.objectives import State
from eventshop.projections import rebuild, rebuild_run
from eventshop.projections.lag import list_statuses
from eventshop.projections.models import Checkpoint, Rebuild
from eventshop.projections.projection import projection_registry
from projections.order_summary import order_summary
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import append_orders, relay_all, running_relay
from tests.support.read_models import running_projections
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "kafka_topics")]


def delete_records(share: float) -> None:
    """Delete a share of the records of every partition, from its beginning, as a retention would."""
    topic = topics.event_store_topic()
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    reader = clients.create_consumer()
    with clients.open_admin_client() as admin:
        deletable = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"cleanup.policy": "compact,delete"})
        admin.alter_configs([deletable])
        ends = reader.end_offsets(partitions)
        goals = {tp: int(ends[tp] * share) for tp in partitions}
        wait_until(lambda: _is_deleted(admin, goals))
    wait_until(lambda: reader.beginning_offsets(partitions) == goals, seen=lambda: reader.beginning_offsets(partitions))
    reader.close()


def _is_deleted(admin: Any, goals: dict[TopicPartition, int]) -> bool:
    """A broker refuses the request until it knows that the records of the topic may be deleted."""
    try:
        admin.delete_records(goals)
    except clients.KafkaError:
        return False
    return True


def run_rebuild(stopping: Signal | None = None) -> Rebuild:
    return rebuild.rebuild(
        order_summary,
        KafkaEventLog(),
        requested_by="ada",
        stopping=stopping,
        on_progress=lambda progress: stopping.set() if stopping else None,
    )


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_rebuild_reads_a_deleted_beginning_from_the_event_table(
    share: float, caplog: pytest.LogCaptureFixture
) -> None:
    append_orders(60)
    relay_all()
    catch_up()
    delete_records(share)
    caplog.set_level(logging.ERROR)
    assert run_rebuild().state == Rebuild.State.DONE
    assert_read_models_equal_fold()
    assert not any(record.exc_info for record in caplog.records)
    assert all(status.lag == 0 for status in list_statuses([order_summary], KafkaEventLog()))
    if share < 1:  # the relay takes an empty topic for a lost one
        append_orders(5, seed=2)
        relay_all()
        catch_up()
        assert_read_models_equal_fold()


def test_a_rebuild_that_is_stopped_within_the_deleted_beginning_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_run, "BATCH", 100)
    append_orders(100)
    assert StoredEvent.objects.count() > rebuild_run.BATCH
    relay_all()
    RelayCheckpoint.objects.update(position=newest_position())  # a relay that goes on records it within a second
    catch_up()
    delete_records(1.0)
    assert run_rebuild(Signal()).state == Rebuild.State.RUNNING
    folded = sum(Checkpoint.objects.filter(projection="order-summary:rebuild").values_list("events", flat=True))
    assert 0 < folded < StoredEvent.objects.count()
    assert run_rebuild().state == Rebuild.State.DONE
    assert_read_models_equal_fold()


def test_new_read_models_begin_in_the_event_table() -> None:
    append_orders(60)
    relay_all()
    delete_records(0.7)
    catch_up()
    assert_read_models_equal_fold()
    assert all(status.lag == 0 for status in list_statuses(projection_registry.select([]), KafkaEventLog()))


@pytest.mark.parametrize("share", [0.7, 1.0])
def test_a_worker_that_was_away_goes_on_in_the_event_table(share: float) -> None:
    """Its event feed begins before Kafka does; in some partitions no record is left."""
    append_orders(30)
    relay_all()
    catch_up()
    append_orders(60, seed=2)
    relay_all()
    RelayCheckpoint.objects.update(position=newest_position())
    delete_records(share)
    projections = projection_registry.select([])

    def folded_events() -> set[int]:
        rows = Checkpoint.objects.values_list("projection").annotate(folded=Sum("events"))
        return {folded for _, folded in rows}

    with running_projections(*projections, source=KafkaEventLog()):
        wait_until(lambda: folded_events() == {StoredEvent.objects.count()}, seen=folded_events)
    assert_read_models_equal_fold()


def test_a_checkpoint_beyond_the_end_is_refused_with_advice() -> None:
    append_orders(10)
    relay_all()
    catch_up()
    Checkpoint.objects.filter(projection="order-summary").update(position=1_000_000)
    with pytest.raises(TopicRefused, match="verify_log"):
        catch_up()


def test_the_relay_says_how_many_offsets_were_deleted_and_health_names_it() -> None:
    append_orders(20)
    relay_all()
    assert check_deleted_records().ok
    delete_records(0.5)
    with running_relay() as relay:
        assert relay.position == newest_position()
    deleted = RelayCheckpoint.objects.get(topic=topics.event_store_topic()).deleted_records
    health = check_deleted_records()
    assert deleted > 0 and health.state is State.DEGRADED and f"{deleted:,} offsets" in health.detail
